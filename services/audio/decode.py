"""Turns a recording's bytes into samples, in a child process with little memory and time and no files.

A file can make FFmpeg ask for gigabytes with a few hundred bytes, spin, or crash: that ends the child, not the worker.
"""

import atexit
import json
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import structlog

from services.audio.children import Children, Ended
from services.audio.samples import Samples
from services.audio.verdicts import bad_audio
from services.errors import RecordingRejected, TranscriptionFailed

log = structlog.get_logger()

# How a recording ends the child. Any other end (the machine is out of memory, or shuts down) says nothing about it.
RECORDINGS_FAULT = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGXCPU}
)

children = Children()
# Not needed to end it: a process that has no time for farewells takes its server along, too.
atexit.register(children.close)


def prepare() -> None:
    """Start what decodes, for a worker that starts: the first answer need not wait for it. Returns at once."""
    with suppress(OSError):  # then the first recording says so
        children.server()


def blocks(
    content: bytes | Iterable[bytes], *, max_seconds: float, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Samples]:
    """The recording as 16 kHz mono float32 in [-1, 1], from its first sample on, some seconds at a time.

    What can be heard of a damaged recording is returned. The child waits for whoever reads, for as long as that takes.
    `on_wait` is called every few seconds of waiting or reading, so that a lease can be renewed; what it raises ends the
    work. Raises `RecordingRejected` with the code `too_long`, `no_audio_track` or `bad_audio`, and
    `TranscriptionFailed` where the child was ended by something else than the recording; that can be behind the last
    block, so that nothing is known to be sound before the end.
    """
    try:
        ended = yield from children.blocks(content, max_seconds=max_seconds, on_wait=on_wait)
    except OSError as error:
        raise TranscriptionFailed("The recording could not be decoded this time.") from error
    judge(ended)


def judge(ended: Ended) -> None:
    """Raise one of the errors of `blocks`, unless the samples of the child that ended so can be used."""
    if -ended.exit_code in RECORDINGS_FAULT:
        raise bad_audio()
    outcome = _outcome(ended.said)
    if "code" in outcome:
        raise RecordingRejected(outcome["message"], code=outcome["code"])
    if ended.exit_code != 0 or "bad_packets" not in outcome:
        log.error("The decoder ended unexpectedly.", exit_status=ended.exit_code, said=outcome.get("error"))
        raise TranscriptionFailed("The recording could not be decoded this time.")
    if outcome["bad_packets"] or outcome["broke_off"]:
        log.warning("A damaged recording was decoded.", **outcome)


def _outcome(said: bytes) -> dict[str, str]:
    try:
        outcome: dict[str, str] = json.loads(said)
    except ValueError:
        return {}
    return outcome
