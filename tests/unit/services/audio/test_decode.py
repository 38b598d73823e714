"""The child process around the decoder; what is decoded how: test_decoder.py."""

import subprocess
import sys

import numpy as np
import pytest
from structlog.testing import capture_logs

from config import ROOT
from scripts.encoding import MP3, WAV, WEBM, encode
from services.audio import decode as decode_module
from services.audio.decode import decode
from services.audio.decoder import decoded
from services.errors import LeaseLost, RecordingRejected, TranscriptionFailed
from tests import recordings
from tests.recordings import speech, tone

PEAK_OF_THE_CHILD = """
import resource, sys
from pathlib import Path
from services.audio.decode import decode
from services.errors import RecordingRejected
try:
    decode(Path(sys.argv[1]).read_bytes(), max_seconds=600)
except RecordingRejected as rejected:
    print(rejected.code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
# An interpreter with numpy and PyAV, before it has seen a recording.
CHILD_KILOBYTES = 50_000


@pytest.fixture
def child_that(tmp_path, monkeypatch):
    def ends(command: str) -> None:
        interpreter = tmp_path / "python"
        interpreter.write_text(f"#!/bin/sh\ncat >/dev/null\n{command}\n")
        interpreter.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(interpreter))

    return ends


def test_the_samples_are_those_of_the_decoder():
    recording = encode(speech(), WEBM)
    samples = decode(recording, max_seconds=60)
    assert np.array_equal(samples, decoded(recording, max_seconds=60)[0])
    assert samples.dtype == np.float32


def test_a_rejection_keeps_its_code_and_its_sentence():
    with pytest.raises(RecordingRejected) as rejected:
        decode(encode(tone(3), WAV), max_seconds=2)
    assert rejected.value.code == "too_long"
    assert rejected.value.message == "The recording is longer than 2 seconds, the longest that is accepted."


def test_the_longest_answer_fits_into_the_child():
    recording = encode(tone(600), WAV)
    assert len(decode(recording, max_seconds=600)) == 600 * 16_000


def test_a_damaged_recording_is_heard_and_logged():
    recording = encode(speech(), MP3)
    with capture_logs() as logs:
        decode(recording + np.random.default_rng(0).bytes(5000), max_seconds=60)
    assert [entry["event"] for entry in logs] == ["A damaged recording was decoded."]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: recordings.long_silence_in_flac(hours=10), "too_long"),
        (lambda: recordings.promising(170_000_000), "bad_audio"),
    ],
    ids=["ten hours of silence", "a table that promises 170 million packets"],
)
def test_what_would_fill_the_memory_is_rejected_in_bounded_memory(tmp_path, make, code):
    recording = tmp_path / "recording"
    recording.write_bytes(make())
    ran = subprocess.run(
        [sys.executable, "-c", PEAK_OF_THE_CHILD, recording], capture_output=True, text=True, cwd=ROOT, check=True
    )
    rejected_as, peak_kilobytes = ran.stdout.split()
    assert rejected_as == code
    assert int(peak_kilobytes) < CHILD_KILOBYTES + 100_000


@pytest.mark.parametrize("signal", ["SEGV", "ABRT", "XCPU"])
def test_a_recording_that_ends_its_child_is_bad_audio(child_that, signal):
    child_that(f"kill -{signal} $$")
    with pytest.raises(RecordingRejected) as rejected:
        decode(b"x", max_seconds=1)
    assert rejected.value.code == "bad_audio"


@pytest.mark.parametrize("end", ["kill -KILL $$", "kill -TERM $$", "kill -INT $$", "exit 1"])
def test_a_child_ended_by_something_else_may_be_tried_again(child_that, end):
    child_that(end)
    with pytest.raises(TranscriptionFailed):
        decode(b"x", max_seconds=1)


def test_a_child_that_does_not_end_is_ended(child_that, monkeypatch):
    monkeypatch.setattr(decode_module, "PATIENCE_SECONDS", 0.2)
    child_that("exec sleep 60")
    with pytest.raises(TranscriptionFailed):
        decode(b"x", max_seconds=1)


def test_whoever_waits_for_a_child_hears_of_it_and_may_end_it(child_that, monkeypatch):
    monkeypatch.setattr(decode_module, "PULSE_SECONDS", 0.05)
    child_that("exec sleep 60")
    heard: list[None] = []

    def lose_the_lease_at_the_third() -> None:
        heard.append(None)
        if len(heard) == 3:
            raise LeaseLost("The answer was taken over.")

    with pytest.raises(LeaseLost):
        decode(b"x" * 1_000_000, max_seconds=1, on_wait=lose_the_lease_at_the_third)
    assert len(heard) == 3


def test_a_child_that_spins_is_ended_by_its_own_limit():
    program = """
from services.audio import child
child.CPU_SECONDS, child.CPU_SECONDS_PER_SECOND = 1, 0
child._limit_itself(1)
while True:
    pass
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert -ran.returncode in decode_module.RECORDINGS_FAULT
