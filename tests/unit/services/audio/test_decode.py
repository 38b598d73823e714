"""The child process around the decoder; what is decoded how: test_decoder.py. Its server: test_children.py."""

import subprocess
import sys

import numpy as np
import pytest
from structlog.testing import capture_logs

from config import ROOT
from scripts.decoding import decode
from scripts.encoding import AAC, FLAC, M4A, MP3, OGG, WAV, WEBM, encode
from services.audio import children as children_module
from services.audio import decode as decode_module
from services.audio.children import Children
from services.audio.decoder import decoded
from services.audio.server_process import PYTHON
from services.errors import LeaseLost, RecordingRejected, TranscriptionFailed
from tests.recordings import speech, tone

FORMATS = {form.container: form for form in (WEBM, OGG, M4A, MP3, WAV, FLAC, AAC)}


@pytest.fixture
def child_that(monkeypatch):
    """Has the real server fork children that do something else, in Python."""
    made = []

    def does(statement: str) -> None:
        program = f"""
import os, signal, sys, time
from services.audio import child, fork_server
def run(*files, **limits):
    {statement}
    os._exit(1)
child.run = run
fork_server.main()
"""
        made.append(Children([*PYTHON, "-c", program]))
        monkeypatch.setattr(decode_module, "children", made[-1])

    yield does
    for children in made:
        children.close()


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_the_samples_are_those_of_the_decoder(form):
    recording = encode(speech(), form)
    samples = decode(recording, max_seconds=60)
    assert np.array_equal(samples, decoded(recording, max_seconds=60)[0])
    assert samples.dtype == np.float32


def test_a_rejection_keeps_its_code_and_its_sentence():
    with pytest.raises(RecordingRejected) as rejected:
        decode(encode(tone(5), WAV), max_seconds=2)
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


@pytest.mark.parametrize("signal", ["SEGV", "ABRT", "XCPU"])
def test_a_recording_that_ends_its_child_is_bad_audio(child_that, signal):
    child_that(f"os.kill(os.getpid(), signal.SIG{signal})")
    with pytest.raises(RecordingRejected) as rejected:
        decode(b"x", max_seconds=1)
    assert rejected.value.code == "bad_audio"


@pytest.mark.parametrize("end", ["kill(os.getpid(), 9)", "kill(os.getpid(), 15)", "_exit(1)", "_exit(0)"])
def test_a_child_ended_by_something_else_may_be_tried_again(child_that, end):
    child_that(f"os.{end}")
    with pytest.raises(TranscriptionFailed):
        decode(b"x", max_seconds=1)


def test_a_child_that_does_not_end_is_ended(child_that, monkeypatch):
    monkeypatch.setattr(children_module, "PATIENCE_SECONDS", 0.2)
    child_that("time.sleep(60)")
    with pytest.raises(TranscriptionFailed):
        decode(b"x", max_seconds=1)


def test_whoever_waits_for_a_child_hears_of_it_and_may_end_it(child_that, monkeypatch):
    monkeypatch.setattr(children_module, "PULSE_SECONDS", 0.05)
    child_that("time.sleep(60)")
    heard: list[None] = []

    def lose_the_lease_at_the_third() -> None:
        heard.append(None)
        if len(heard) == 3:
            raise LeaseLost("The answer was taken over.")

    with pytest.raises(LeaseLost):
        decode(b"x" * 1_000_000, max_seconds=1, on_wait=lose_the_lease_at_the_third)
    assert len(heard) == 3


def test_a_child_that_spins_is_ended_by_its_own_limit(child_that):
    child_that("child.CPU_SECONDS, child.CPU_SECONDS_PER_SECOND = 1, 0; child._limit_itself(1)\n    while True: pass")
    with pytest.raises(RecordingRejected) as rejected:
        decode(b"x", max_seconds=1)
    assert rejected.value.code == "bad_audio"


def test_a_child_that_fills_its_memory_finds_that_there_is_none(child_that):
    child_that("child._limit_itself(600)\n    try: bytes(200_000_000)\n    except MemoryError: os.abort()")
    with pytest.raises(RecordingRejected):
        decode(b"x", max_seconds=600)


def test_a_result_that_makes_no_sense_may_be_tried_again(child_that):
    child_that("os.write(files[1], b'nonsense'); os._exit(0)")
    with pytest.raises(TranscriptionFailed):
        decode(b"x", max_seconds=1)


def test_a_worker_that_starts_has_the_server_running_before_the_first_recording(monkeypatch):
    children = Children()
    monkeypatch.setattr(decode_module, "children", children)
    decode_module.prepare()
    assert children.is_running
    server = children.server().pid
    decode(encode(tone(1), WAV), max_seconds=60)
    assert children.server().pid == server
    children.close()
    assert not children.is_running


def test_who_decodes_in_children_loads_neither_ffmpeg_nor_pytorch():
    program = """
import sys
from services.audio.decode import blocks
from services.audio.sound import Sound
from services.errors import RecordingRejected
import services.audio.front_end, services.container
try:
    list(blocks(b"x" * 100, max_seconds=1))
except RecordingRejected as rejected:
    print(rejected.code, sorted({"av", "torch", "transformers", "silero_vad", "onnxruntime"} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ran.stdout.strip(), ran.stderr) == ("bad_audio []", "")
