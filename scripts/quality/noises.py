"""Two hundred sounds in which nobody speaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from services.audio.samples import SAMPLE_RATE_HZ, Samples

SEED = 2026
# ITU-T Q.23: a row's and a column's frequency for each key.
ROWS_HZ, COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
COLOURS = {"white noise": 0.0, "pink noise": 0.5, "brown noise": 1.0}

Random = np.random.Generator
Make = Callable[[Random, int, float], Samples]


@dataclass(frozen=True, slots=True)
class Noise:
    """A sound of one kind."""

    kind: str
    samples: Samples


def noises() -> Iterator[Noise]:
    """All of them, the same ones each time: 5 s to 20 s long, from -60 dB to -6 dB of full scale."""
    rng = np.random.default_rng(SEED)
    for kind, count, make in KINDS:
        for number in range(count):
            # Tenths of a second: a length that is a prime number takes a Fourier transform seconds.
            size = int(rng.integers(50, 200)) * SAMPLE_RATE_HZ // 10
            level = 10 ** (np.interp(number, (0, max(1, count - 1)), (-60, -6)) / 20)
            yield Noise(kind, np.clip(make(rng, size, float(level)), -1, 1).astype(np.float32))


def _digital_silence(rng: Random, size: int, level: float) -> Samples:
    return np.zeros(size, np.float32)


def _last_bits(rng: Random, size: int, level: float) -> Samples:
    return (rng.integers(-1, 2, size) / 32768).astype(np.float32)


def _coloured(exponent: float) -> Make:
    """Noise whose amplitude falls with frequency to the power of `exponent`."""

    def make(rng: Random, size: int, level: float) -> Samples:
        spectrum = np.fft.rfft(rng.standard_normal(size))
        spectrum[1:] /= np.arange(1, len(spectrum)) ** exponent
        spectrum[0] = 0
        return _at_level(np.fft.irfft(spectrum, size), level)

    return make


def _hum(rng: Random, size: int, level: float) -> Samples:
    mains = float(rng.choice((50, 60)))
    harmonics = range(1, int(rng.integers(2, 12)))
    parts = (np.sin(2 * np.pi * mains * h * _seconds(size) + rng.uniform(0, 6)) / h for h in harmonics)
    return _at_level(sum(parts, np.zeros(size)), level)


def _tone(rng: Random, size: int, level: float) -> Samples:
    return _at_level(np.sin(2 * np.pi * rng.uniform(60, 7000) * _seconds(size)), level)


def _sweep(rng: Random, size: int, level: float) -> Samples:
    low, high = sorted(rng.uniform(50, 7500, 2))
    octaves = np.log(high / low) / (size / SAMPLE_RATE_HZ)
    return _at_level(np.sin(2 * np.pi * low / octaves * np.expm1(octaves * _seconds(size))), level)


def _clicks(rng: Random, size: int, level: float) -> Samples:
    """Keys of a keyboard: two short bursts of noise each, some a second."""
    samples = rng.standard_normal(size) * level * 0.003
    for start in np.cumsum(rng.exponential(0.2, int(size / SAMPLE_RATE_HZ * 8))) * SAMPLE_RATE_HZ:
        for offset, loudness in ((0.0, 1.0), (rng.uniform(0.05, 0.1), 0.4)):
            burst = rng.standard_normal(160) * np.exp(-np.arange(160) / rng.uniform(10, 40)) * level * loudness
            place = int(start + offset * SAMPLE_RATE_HZ)
            if place + len(burst) <= size:
                samples[place : place + len(burst)] += burst
    return samples.astype(np.float32)


def _dialled(rng: Random, size: int, level: float) -> Samples:
    samples = np.zeros(size)
    key, gap = int(rng.uniform(0.07, 0.2) * SAMPLE_RATE_HZ), int(rng.uniform(0.05, 0.2) * SAMPLE_RATE_HZ)
    for start in range(gap, size - key, key + gap):
        tones = (np.sin(2 * np.pi * hz * _seconds(key)) for hz in (rng.choice(ROWS_HZ), rng.choice(COLUMNS_HZ)))
        samples[start : start + key] = sum(tones)
    return _at_level(samples, level)


def _room(rng: Random, size: int, level: float) -> Samples:
    """A room: noise of air that swells slowly, some hum, now and then a knock."""
    swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 0.5) * _seconds(size))
    air = _coloured(rng.uniform(0.4, 0.9))(rng, size, level) * swell
    knocks = _clicks(rng, size, level) * (rng.random(size) < 0.5) * 0.5
    room: Samples = (air + _hum(rng, size, level * 0.3) + knocks).astype(np.float32)
    return room


def _seconds(size: int) -> "np.typing.NDArray[np.float64]":
    return np.arange(size) / SAMPLE_RATE_HZ


def _at_level(samples: "np.typing.NDArray[np.float64]", level: float) -> Samples:
    """With that root mean square."""
    levelled: Samples = (samples * level / np.sqrt(np.mean(samples**2))).astype(np.float32)
    return levelled


KINDS: tuple[tuple[str, int, Make], ...] = (
    ("digital silence", 8, _digital_silence),
    ("the last bits of a muted microphone", 8, _last_bits),
    *((name, 22, _coloured(exponent)) for name, exponent in COLOURS.items()),
    ("mains hum, 50 and 60 Hz with harmonics", 22, _hum),
    ("tones", 22, _tone),
    ("sweeps", 18, _sweep),
    ("clicks of a keyboard", 18, _clicks),
    ("dialling (DTMF)", 16, _dialled),
    ("room", 22, _room),
)
