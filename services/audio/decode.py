"""Turns a recording's bytes into samples, in a child process with little memory and time.

A file can make FFmpeg ask for gigabytes with a few hundred bytes, spin, or crash: that ends the child, not the worker.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import structlog

from config import ROOT
from services.audio.decoder import bad_audio
from services.errors import RecordingRejected, TranscriptionFailed
from services.transcribers import PULSE_SECONDS, Samples

log = structlog.get_logger()

# The child bounds its own CPU time; this is for a machine that gives it none.
PATIENCE_SECONDS = 180
# How a recording ends the child. Any other end (the machine is out of memory, or shuts down) says nothing about it.
RECORDINGS_FAULT = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGXCPU}
)


def decode(content: bytes, *, max_seconds: float, on_wait: Callable[[], None] = lambda: None) -> Samples:
    """The recording as 16 kHz mono float32 in [-1, 1], beginning at its first sample.

    What can be heard of a damaged recording is returned. Memory stays within what `max_seconds` of samples take,
    whatever the file promises. `on_wait` is called every few seconds, so that a lease can be renewed; what it raises
    ends the work. Raises `RecordingRejected` with the code `too_long`, `no_audio_track` or `bad_audio`,
    and `TranscriptionFailed` where the child was ended by something else than the recording.
    """
    command = [sys.executable, "-m", "services.audio.child", str(max_seconds)]
    try:
        status, said, complaint = _outcome(command, content, on_wait)
    except OSError as error:
        raise TranscriptionFailed("The recording could not be decoded this time.") from error
    if -status in RECORDINGS_FAULT:
        raise bad_audio()
    if status != 0:
        complaint = complaint[-500:]
        log.error("The decoder ended unexpectedly.", exit_status=status, said=complaint.decode(errors="replace"))
        raise TranscriptionFailed("The recording could not be decoded this time.")
    return _samples(said)


def _outcome(command: list[str], content: bytes, on_wait: Callable[[], None]) -> tuple[int, bytes, bytes]:
    """The child's exit status, standard output and standard error."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    pipe = subprocess.PIPE
    # In a session of its own: Ctrl-C in a terminal must not end it, or a healthy answer would be lost.
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT, start_new_session=True
    ) as child:
        to_send: bytes | None = content
        try:
            while time.monotonic() < ends_at:
                try:
                    said, complaint = child.communicate(to_send, timeout=PULSE_SECONDS)
                except subprocess.TimeoutExpired:
                    to_send = None  # `communicate` keeps what it has not sent yet
                    on_wait()
                else:
                    return child.returncode, said, complaint
        finally:
            # Whatever ended the wait: nobody reads it any more.
            child.kill()
    raise TranscriptionFailed("The recording could not be decoded in time.")


def _samples(said: bytes) -> Samples:
    end = said.index(b"\n") + 1
    outcome = json.loads(said[:end])
    if "code" in outcome:
        raise RecordingRejected(outcome["message"], code=outcome["code"])
    if outcome["bad_packets"] or outcome["broke_off"]:
        log.warning("A damaged recording was decoded.", **outcome)
    return np.frombuffer(bytearray(memoryview(said)[end:]), dtype=np.float32)
