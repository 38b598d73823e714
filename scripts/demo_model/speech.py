"""Speaks sentences with espeak-ng and turns them into 16 kHz samples, through Opus where asked."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.demo_model.voices import Delivery

Samples = NDArray[np.float32]

SAMPLE_RATE = 16_000
ESPEAK_RATE = 22_050
OPUS_BIT_RATE = "48k"
WAV_HEADER_BYTES = 44
FFMPEG = ("ffmpeg", "-nostdin", "-loglevel", "error", "-y")
RAW = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1")


def _resampled(samples: Samples) -> Samples:
    """22.05 kHz to 16 kHz by cutting the spectrum; padded first, so that both lengths are whole numbers."""
    blocks = -(-len(samples) // 441) + 1
    spectrum = np.fft.rfft(samples, n=blocks * 441)
    resampled: Samples = np.fft.irfft(spectrum[: blocks * 160 + 1] * (320 / 441), n=blocks * 320).astype(np.float32)
    return resampled


def speak(text: str, delivery: Delivery) -> Samples:
    """One sentence as espeak-ng says it, at 16 kHz with a peak of 0.5, without the silence around it."""
    command = ["espeak-ng", "-v", f"{delivery.accent}+{delivery.variant}", "-s", str(delivery.speed)]
    command += ["-p", str(delivery.pitch), "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    return from_espeak(np.frombuffer(wav[WAV_HEADER_BYTES : len(wav) - len(wav) % 2], dtype="<i2"))[0]


def from_espeak(raw: NDArray[np.int16]) -> tuple[Samples, float]:
    """espeak-ng's own samples as `speak` returns them, and the seconds of silence cut off at their beginning."""
    samples = _resampled(raw.astype(np.float32))
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    return samples * np.float32(0.5 / np.abs(samples).max()), float(loud[0]) / SAMPLE_RATE


def through_opus(samples: Samples) -> Samples:
    """The samples after Opus at 48 kbit/s in a WebM file: encoded, decoded, and again at 16 kHz and as long."""
    return from_webm(webm(samples), len(samples))


def webm(samples: Samples) -> bytes:
    """The samples as a WebM file with Opus at 48 kbit/s, as a browser records it."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "speech.webm"))
        encode = [*FFMPEG, *RAW, "-i", "/dev/stdin", "-ar", "48000", "-c:a", "libopus", "-b:a", OPUS_BIT_RATE, path]
        subprocess.run(encode, check=True, input=samples.astype("<f4").tobytes())
        return Path(path).read_bytes()


def from_webm(content: bytes, length: int) -> Samples:
    """So many samples at 16 kHz of a WebM file."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "speech.webm"))
        Path(path).write_bytes(content)
        decoded = subprocess.run([*FFMPEG, "-i", path, *RAW, "-"], check=True, capture_output=True).stdout
    result = np.frombuffer(decoded, dtype="<f4")[:length]
    return np.pad(result, (0, length - len(result))).astype(np.float32)
