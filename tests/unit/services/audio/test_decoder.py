from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from scripts.encoding import AAC, FLAC, M4A, MP3, OGG, WAV, WEBM, encode
from services.audio.decoder import Damage, decoded, decoded_blocks
from services.audio.fork_protocol import LEEWAY_SECONDS
from services.audio.samples import SAMPLE_RATE_HZ
from services.errors import RecordingRejected
from tests import recordings
from tests.recordings import silence, speech, tone

FORMATS = {form.container: form for form in (WEBM, OGG, M4A, MP3, WAV, FLAC, AAC)}


def decode(content: bytes, *, max_seconds: float) -> np.ndarray:
    return decoded(content, max_seconds=max_seconds)[0]


def rejection(content: bytes, max_seconds: float = 60) -> RecordingRejected:
    with pytest.raises(RecordingRejected) as rejected:
        decode(content, max_seconds=max_seconds)
    return rejected.value


def loudness(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_every_format_is_heard_as_it_was_spoken(form):
    spoken = speech()
    heard = decode(encode(spoken, form), max_seconds=60)
    assert heard.dtype == np.float32
    assert abs(len(heard) - len(spoken)) < 0.07 * SAMPLE_RATE_HZ
    # ADTS has no way to say that its first 1,024 samples are the encoder's own.
    delay = 372 if form is AAC else 0
    length = len(spoken) - SAMPLE_RATE_HZ
    assert np.corrcoef(spoken[:length], heard[delay : delay + length])[0, 1] > 0.9


@pytest.mark.covers("Q-formats")
@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 96_000])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_any_rate_and_any_channels_become_16_khz_mono(rate_hz, layout):
    heard = decode(encode(tone(1), replace(WAV, rate_hz=rate_hz, layout=layout)), max_seconds=5)
    assert len(heard) == SAMPLE_RATE_HZ
    assert np.argmax(np.abs(np.fft.rfft(heard))) == 440


def test_equal_channels_are_not_louder_than_one():
    both = np.repeat(tone(1), 2)
    stereo = bytearray(recordings.float_wav(both))
    stereo[22:24], stereo[28:36] = b"\x02\x00", b"\x00\xf4\x01\x00\x08\x00\x20\x00"
    assert np.allclose(decode(bytes(stereo), max_seconds=5), tone(1), atol=1e-4)


@pytest.mark.parametrize("form", [WEBM, M4A], ids=["webm", "mp4"])
def test_a_recording_whose_clock_begins_late_is_heard_from_its_start(form):
    late = recordings.beginning_at(5, encode(tone(2), form), form.container)
    assert len(decode(late, max_seconds=60)) == pytest.approx(2 * SAMPLE_RATE_HZ, abs=1100)


def test_a_recording_that_changes_its_shape_is_heard_to_the_end():
    both = encode(tone(2), MP3) + encode(tone(3), replace(MP3, rate_hz=48_000, layout="stereo"))
    assert len(decode(both, max_seconds=60)) == pytest.approx(5 * SAMPLE_RATE_HZ, abs=1600)


def test_what_is_not_a_number_is_silence_and_nothing_is_louder_than_one():
    odd = np.array([np.nan, np.inf, -np.inf, 5.0, 0.25] * 2000, np.float32)
    heard = decode(recordings.float_wav(odd), max_seconds=5)
    assert heard[:5] == pytest.approx([0, 1, -1, 1, 0.25])


def test_the_sound_of_a_video_is_taken():
    video = recordings.video("webm", "libvpx", speech())
    assert len(decode(video, max_seconds=60)) == pytest.approx(len(speech()), abs=800)


def test_a_video_without_sound_has_no_audio_track():
    rejected = rejection(recordings.video("mp4", "mpeg4"))
    assert rejected.code == "no_audio_track"
    assert rejected.message == "The recording has no audio track."


def test_the_longest_recording_is_accepted_and_a_longer_one_is_not():
    recording = encode(tone(3), WAV)
    assert len(decode(recording, max_seconds=3 - LEEWAY_SECONDS)) == 3 * SAMPLE_RATE_HZ
    rejected = rejection(recording, max_seconds=2.9 - LEEWAY_SECONDS)
    assert rejected.code == "too_long"
    assert "0.9 seconds" in rejected.message


def test_what_an_encoder_pads_does_not_make_an_answer_too_long():
    recording = encode(tone(3), M4A)
    assert len(decode(recording, max_seconds=3)) > 3 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("content", [b"", b"\x00" * 5000, b"hello", b"<html>" * 500, recordings.float_wav(silence(0))])
def test_what_holds_no_sound_is_bad_audio(content):
    rejected = rejection(content)
    assert rejected.code == "bad_audio"
    assert rejected.message == "The recording is damaged and cannot be heard. Please record the answer again."


@pytest.mark.parametrize(
    "text",
    ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"],
    ids=["ffconcat", "hls"],
)
def test_a_text_that_names_another_file_does_not_open_it(tmp_path, monkeypatch, text):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encode(tone(1), WAV))
    monkeypatch.chdir(tmp_path)
    assert rejection(text.format(secret.name).encode()).code == "bad_audio"


@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
def test_what_is_there_of_a_truncated_recording_is_heard(share):
    recording = encode(speech(), WEBM)
    heard = decode(recording[: int(share * len(recording))], max_seconds=60)
    assert len(heard) == pytest.approx(share * len(speech()), rel=0.25)
    assert loudness(heard) > 0.01


def test_noise_at_the_end_of_a_recording_does_not_throw_it_away():
    recording = encode(speech(), MP3)
    rest = np.random.default_rng(0).bytes(len(recording) // 5)
    heard, damage = decoded(recording[: -len(rest)] + rest, max_seconds=60)
    assert len(heard) > 0.7 * len(speech())
    assert damage


def test_tags_in_another_encoding_do_not_throw_a_recording_away():
    recording = encode(tone(1), MP3)
    assert b"Lavf" in recording
    assert len(decode(recording.replace(b"Lavf", b"L\xe4vf", 1), max_seconds=5)) == pytest.approx(
        SAMPLE_RATE_HZ, abs=800
    )


@pytest.mark.parametrize("form", [WEBM, M4A], ids=["webm", "mp4"])
def test_500_damaged_recordings_are_each_heard_or_rejected(form):
    outcomes = {"heard": 0, "bad_audio": 0, "no_audio_track": 0, "too_long": 0}
    for damaged in recordings.mutations(encode(tone(1.5, hertz=200), form), 500):
        try:
            samples = decode(damaged, max_seconds=5)
        except RecordingRejected as rejected:
            outcomes[rejected.code] += 1
        else:
            assert np.isfinite(samples).all()
            assert np.abs(samples).max() <= 1
            outcomes["heard"] += 1
    assert outcomes["heard"] > 50
    assert outcomes["bad_audio"] > 5


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_decoding_starts_no_threads(form):
    before = len(list(Path("/proc/self/task").iterdir()))
    blocks = decoded_blocks(BytesIO(encode(tone(6), form)), Damage(), max_seconds=60)
    during = [len(list(Path("/proc/self/task").iterdir())) for _ in blocks]
    assert during == [before] * len(during) != []


def test_a_sound_recording_has_no_damage():
    assert decoded(encode(tone(1), WEBM), max_seconds=5)[1] == Damage()
