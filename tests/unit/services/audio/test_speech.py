"""Speech detection with the real network: scripts/quality measures it on hundreds of clips."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from silero_vad import load_silero_vad

from config import ROOT
from services.audio.samples import Samples
from services.audio.speech import MOST_FRAMES, Listening, Probabilities, SpeechDetector
from tests.recordings import silence, speech, tone

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


def listened(detector: SpeechDetector, samples: Samples, step: int = 1_000_000) -> Listening:
    listening = detector.listen()
    for start in range(0, len(samples), step):
        listening.hear(samples[start : start + step])
    return listening


def probabilities(detector: SpeechDetector, samples: Samples, step: int = 1_000_000) -> Probabilities:
    return listened(detector, samples, step).probabilities()


def said_twice() -> Samples:
    return np.concatenate([silence(1.0), speech(), silence(2.0), speech(), silence(1.0)])


def noise(power: float, dbfs: float, seconds: float = 8) -> Samples:
    size = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(size))
    spectrum /= np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 20.0) ** power
    samples = np.fft.irfft(spectrum, n=size)
    return np.asarray(np.clip(samples / samples.std() * 10 ** (dbfs / 20), -1, 1), np.float32)


def clicks(seconds: float = 8) -> Samples:
    """A keyboard: short bursts of noise, each fading within 10 ms."""
    rng = np.random.default_rng(0)
    samples = np.zeros(round(seconds * RATE_HZ), np.float32)
    for place in np.cumsum(rng.uniform(0.06, 0.4, 60) * RATE_HZ).astype(int):
        burst = samples[place : place + 800]
        burst += (rng.standard_normal(800) * np.exp(-np.arange(800) / 100) * 0.5)[: len(burst)]
    return samples


def hum(hertz: float, seconds: float = 8) -> Samples:
    parts = [tone(seconds, hertz * overtone, 0.3 / overtone) for overtone in (1, 2, 3, 5)]
    return np.asarray(np.sum(parts, axis=0), np.float32)


@pytest.mark.parametrize("step", [100, 511, 512, 4096, 65_536])
def test_what_comes_in_pieces_is_heard_as_one(detector, step):
    samples = said_twice()[: (step * 300) if step < 4096 else None]
    assert np.array_equal(probabilities(detector, samples, step), probabilities(detector, samples))


def test_it_hears_what_the_stock_model_hears_across_calls_into_the_network(detector):
    samples = np.tile(said_twice(), 3)
    assert len(samples) > MOST_FRAMES * 512
    stock = load_silero_vad(onnx=True).audio_forward(torch.from_numpy(samples)[None], RATE_HZ).numpy()[0]
    assert np.abs(probabilities(detector, samples) - stock).max() < 1e-6


def test_speech_is_found_where_it_is(detector):
    samples = said_twice()
    seconds = len(speech()) / RATE_HZ
    spans = listened(detector, samples).speech(len(samples) / RATE_HZ)
    first = [each for each in spans if each.start < 1.5 + seconds]
    assert spans[0].start == pytest.approx(1.0, abs=0.15)
    assert first[-1].end == pytest.approx(1.0 + seconds, abs=0.35)
    assert next(each.start for each in spans if each.start > 2 + seconds) == pytest.approx(3 + seconds, abs=0.15)
    assert sum(each.seconds for each in spans) > 1.5 * seconds


@pytest.mark.parametrize(
    "samples",
    [silence(5), silence(0), silence(0.001), hum(50), hum(60), hum(120), tone(8, 440), tone(8, 1000, 0.05), clicks()]
    + [noise(power, dbfs) for power in (0.0, 0.5, 1.0) for dbfs in (-70, -40, -20, -10)],
)
def test_what_is_not_speech_is_not_taken_for_it(detector, samples):
    assert listened(detector, samples).speech(len(samples) / RATE_HZ) == ()


def test_each_recording_is_heard_by_itself_whatever_others_are_heard_at_once(detector):
    recordings = [np.roll(said_twice(), 3_000 * number) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        heard = list(threads.map(lambda samples: probabilities(detector, samples, 7_000), recordings))
    for samples, found in zip(recordings, heard, strict=True):
        assert np.array_equal(found, probabilities(detector, samples))


def test_loading_it_leaves_pytorch_its_threads_and_brings_no_torchaudio():
    program = """
import sys, torch
torch.set_num_threads(3)
from services.audio.speech import SpeechDetector
SpeechDetector()
print(torch.get_num_threads(), "torchaudio" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ran.stdout.split(), ran.stderr) == (["3", "False"], "")
