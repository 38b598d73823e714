"""Turns a recording's bytes into samples, in a child process with little memory and time.

A file can make FFmpeg ask for gigabytes with a few hundred bytes, spin, or crash: that ends the child, not the worker.
"""

import json
import signal
import subprocess
import sys

import numpy as np
import structlog

from config import ROOT
from services.audio.decoder import bad_audio
from services.errors import RecordingRejected, TranscriptionFailed
from services.transcribers import Samples

log = structlog.get_logger()

# The child bounds its own CPU time; this is for a machine that gives it none.
PATIENCE_SECONDS = 180
# How a recording ends the child. Any other end (the machine is out of memory, or shuts down) says nothing about it.
RECORDINGS_FAULT = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGXCPU}
)


def decode(content: bytes, *, max_seconds: float) -> Samples:
    """The recording as 16 kHz mono float32 in [-1, 1], beginning at its first sample.

    What can be heard of a damaged recording is returned. Memory stays within what `max_seconds` of samples take,
    whatever the file promises. Raises `RecordingRejected` with the code `too_long`, `no_audio_track` or `bad_audio`,
    and `TranscriptionFailed` where the child was ended by something else than the recording.
    """
    command = [sys.executable, "-m", "services.audio.child", str(max_seconds)]
    try:
        # In a session of its own: Ctrl-C in a terminal must not end it, or a healthy answer would be lost.
        child = subprocess.run(  # noqa: S603 - our own module
            command,
            input=content,
            capture_output=True,
            cwd=ROOT,
            start_new_session=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise TranscriptionFailed("The recording could not be decoded in time.") from error
    if -child.returncode in RECORDINGS_FAULT:
        raise bad_audio()
    if child.returncode != 0:
        log.error(
            "The decoder ended unexpectedly.",
            exit_status=child.returncode,
            said=child.stderr[-500:].decode(errors="replace"),
        )
        raise TranscriptionFailed("The recording could not be decoded this time.")
    return _samples(child.stdout)


def _samples(said: bytes) -> Samples:
    end = said.index(b"\n") + 1
    outcome = json.loads(said[:end])
    if "code" in outcome:
        raise RecordingRejected(outcome["message"], code=outcome["code"])
    if outcome["bad_packets"] or outcome["broke_off"]:
        log.warning("A damaged recording was decoded.", **outcome)
    return np.frombuffer(bytearray(memoryview(said)[end:]), dtype=np.float32)
