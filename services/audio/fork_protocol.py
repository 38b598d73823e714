"""What a worker and its fork server say to one another, and how a child lays out its result."""

import struct

# A request: `max_seconds`. With it come the files: the recording, the result, and where to report.
REQUEST = struct.Struct("<d")
REQUEST_FILES = 3
# The reports: the child's process id once there is one; how it ended (as `Popen.returncode`), its CPU seconds and its
# peak of resident memory, in kilobytes.
STARTED = struct.Struct("<i")
ENDED = struct.Struct("<idq")
# A result begins with a line of JSON, `{"code", "message"}`, `{"bad_packets", "broke_off"}` or `{"error"}`; samples
# follow behind so many bytes.
HEADER_BYTES = 4096
SAMPLE_BYTES = 4
