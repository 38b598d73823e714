import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from config import ROOT
from scripts.encoding import AAC, FLAC, WAV, encode
from services.audio.decode import blocks, children
from services.audio.decoder import decoded
from services.audio.samples import Samples
from services.audio.sound import Sound
from services.errors import RecordingRejected
from services.models import Plan, Span
from tests.processes import wait_until
from tests.recordings import speech, tone
from tests.unit.services.audio.test_children import children_of

LONG = encode(speech(), AAC) * 50
# In a process of its own, because a peak is never forgotten: how many kilobytes more it has had with all windows read.
MEMORY = """
import resource, struct, sys
from scripts.encoding import Format, encode
from services.audio.sound import Sound
from services.models import Plan, Span
from tests.recordings import speech
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def recording(seconds):
    part = encode(speech(), Format("wav", "pcm_alaw", 8000))
    body = (part[part.index(b"data") + 8:] * (1 + seconds * 16000 // len(speech())))[: seconds * 8000]
    form = struct.pack("<IHHIIHH", 16, 6, 1, 8000, 8000, 1, 8)
    chunks = b"WAVEfmt " + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
def read(content, seconds):
    windows = tuple(Span(start, start + 30.0) for start in range(0, seconds - 30, 30))
    sound = Sound(content, max_seconds=seconds, on_wait=lambda: None)
    heard = sum(len(window.samples) for _, window in sound.windows(Plan(seconds, (), windows)))
    assert heard == len(windows) * 30 * 16000, heard
content, short = recording(int(sys.argv[1])), recording(100)
read(short, 100)
before = peak()
read(content, int(sys.argv[1]))
print(peak() - before)
"""


@pytest.fixture
def passes(monkeypatch) -> list[bytes]:
    """Each time that a recording is decoded."""
    made: list[bytes] = []

    def counted(content: bytes, **options: object) -> Iterator[Samples]:
        made.append(content)
        return blocks(content, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("services.audio.sound.blocks", counted)
    return made


def sound_of(content: bytes, max_seconds: float = 600) -> Sound:
    return Sound(content, max_seconds=max_seconds, on_wait=lambda: None)


def all_of(sound: Sound) -> Samples:
    return np.concatenate(list(sound.blocks()))


def plan(*windows: tuple[float, float], speech: tuple[Span, ...] = (), gain: float = 1.0) -> Plan:
    return Plan(1000.0, speech, tuple(Span(*each) for each in windows), gain)


@pytest.mark.parametrize("content", [encode(speech(), FLAC), LONG], ids=["short", "long"])
def test_a_sound_can_be_heard_again_and_again(content):
    expected = decoded(content, max_seconds=600)[0]
    sound = sound_of(content)
    for _ in range(2):
        assert np.array_equal(all_of(sound), expected)


def test_a_short_recording_is_decoded_once_and_a_long_one_each_time(passes):
    for content, times in ((encode(tone(110), WAV), 1), (encode(tone(130), WAV), 2)):
        passes.clear()
        sound = sound_of(content)
        all_of(sound)
        all_of(sound)
        assert len(passes) == times


def test_a_pass_that_was_not_ended_is_not_kept(passes):
    sound = sound_of(encode(tone(20), WAV))
    blocks = sound.blocks()
    next(blocks)
    blocks.close()
    assert len(all_of(sound)) == 20 * 16_000
    assert len(passes) == 2


@pytest.mark.parametrize("content", [encode(speech(), FLAC), LONG], ids=["short", "long"])
@pytest.mark.parametrize("heard_before", [True, False])
def test_windows_are_the_samples_at_their_place(content, heard_before):
    samples = decoded(content, max_seconds=600)[0]
    sound = sound_of(content)
    if heard_before:
        all_of(sound)
    spans = [(0.0, 1.25), (1.25, 2.001), (3.5, len(samples) / 16_000)]
    for (index, window), (start, end) in zip(sound.windows(plan(*spans)), spans, strict=True):
        assert spans[index] == (start, end)
        assert window.start_seconds == start
        assert np.array_equal(window.samples, samples[round(start * 16_000) : round(end * 16_000)])


def test_only_the_windows_that_are_wanted_are_read():
    heard = dict(sound_of(LONG).windows(plan((0, 1), (5, 6), (9, 12), (100, 120)), wanted={2, 1}))
    assert {index: window.start_seconds for index, window in heard.items()} == {1: 5, 2: 9}


def test_behind_the_last_window_nothing_is_decoded():
    windows = sound_of(LONG).windows(plan((0, 1), (5, 6), (200, 201)), wanted=[0, 1])
    assert len(list(windows)) == 2
    wait_until(lambda: children_of(children.server().pid) == [])


def test_whoever_stops_in_the_middle_leaves_no_child_behind():
    windows = sound_of(LONG).windows(plan((0, 1), (200, 201)))
    next(windows)
    assert len(children_of(children.server().pid)) == 1
    windows.close()
    wait_until(lambda: children_of(children.server().pid) == [])


def test_samples_are_multiplied_and_clipped_and_the_next_pass_is_not(passes):
    sound = sound_of(encode(tone(2, amplitude=0.4), WAV))
    before = all_of(sound).copy()
    ((_, window),) = sound.windows(plan((0.5, 1.5), gain=2.0))
    assert np.array_equal(window.samples, before[8_000:24_000] * np.float32(2))
    ((_, louder),) = sound.windows(plan((0.5, 1.5), gain=4.0))
    assert np.abs(louder.samples).max() == 1.0
    assert np.array_equal(all_of(sound), before)
    assert len(passes) == 1


def test_a_window_knows_the_speech_in_it():
    spoken = (Span(0.2, 0.8), Span(0.9, 1.4), Span(1.6, 1.8))
    (_, first), (_, second) = sound_of(encode(tone(3), WAV)).windows(plan((0, 1), (1, 1.5), speech=spoken))
    assert first.speech == (Span(0.2, 0.8), Span(0.9, 1))
    assert second.speech == (Span(1, 1.4),)


def test_a_recording_that_is_rejected_is_rejected_on_each_way_through():
    sound = sound_of(encode(tone(5), WAV), max_seconds=1)
    for _ in range(2):
        with pytest.raises(RecordingRejected) as rejected:
            all_of(sound)
        assert rejected.value.code == "too_long"


@pytest.mark.covers("Q-chunks")
@pytest.mark.parametrize("seconds", [600, 7200])
def test_a_recording_is_read_in_as_little_memory_whatever_its_length(seconds):
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(seconds)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # Its samples would be 38 MB and 460 MB, a copy of the recording itself 5 MB and 58 MB.
    assert int(ran.stdout) < 4_000
