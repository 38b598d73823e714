"""What a worker and its fork server say to one another, and how a child says what became of its recording."""

import struct

from services.audio.samples import SAMPLE_RATE_HZ

# A request: `max_seconds`. With it come the files: the recording, the outcome, the samples, and where to report.
REQUEST = struct.Struct("<d")
REQUEST_FILES = 4
# The reports: the child's process id once there is one; how it ended (as `Popen.returncode`), its CPU seconds and its
# peak of resident memory, in kilobytes.
STARTED = struct.Struct("<i")
ENDED = struct.Struct("<idq")
# An outcome is a line of JSON, `{"code", "message"}`, `{"bad_packets", "broke_off"}` or `{"error"}`, of at most so many
# bytes. The samples are a stream of their own: whoever reads slowly slows the child down.
OUTCOME_BYTES = 4096
SAMPLE_BYTES = 4
# A recorder stops by a clock of its own, and its encoder pads: an answer that was stopped at the limit is not too long.
LEEWAY_SECONDS = 2


def most_bytes(max_seconds: float) -> int:
    """The samples that a recording of so many seconds may have."""
    return int((max_seconds + LEEWAY_SECONDS) * SAMPLE_RATE_HZ) * SAMPLE_BYTES
