"""Composes training windows: sentences with pauses in between, noise, and Whisper's token sequences with times."""

import random
from dataclasses import dataclass, field

import numpy as np
import torch

from scripts.demo_model.alignment import WordTimes, labels
from scripts.demo_model.features import EDGE_FRAMES, MELS, SILENCE, Clips, log_mel, scaled
from scripts.demo_model.speech import SAMPLE_RATE
from scripts.demo_model.tokenizer import TokenIds

FRAMES_A_SECOND = 100
WINDOW_FRAMES = 30 * FRAMES_A_SECOND
SILENT_SHARE = 0.1
SHORT_SILENT_SHARE = 0.02
UNTIMED_SHARE = 0.12
IGNORED = -100
LN10 = 2.302585


@dataclass(slots=True)
class Plan:
    """One window: its length, how much of it is recorded (the rest is padding), and (clip, first frame)s."""

    frames: int
    recorded: int
    pieces: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Batch:
    """Features (B, 80, frames), first encoder position of each, decoder input and labels (B, L), words (B, steps)."""

    features: torch.Tensor
    first_positions: torch.Tensor
    inputs: torch.Tensor
    labels: torch.Tensor
    words: torch.Tensor


def noise_bank(seed: int, seconds: int = 40) -> list[torch.Tensor]:
    """Log-mel frames of white, pink, brown and humming noise with a standard deviation of 1."""
    rng = np.random.default_rng(seed)
    size = seconds * SAMPLE_RATE
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 20.0)
    bank = []
    for power in (0.0, 0.5, 1.0):
        noise = np.fft.irfft(spectrum / frequency**power, n=size)
        bank.append(noise / noise.std())
    seconds_axis = np.arange(size) / SAMPLE_RATE
    hum = sum(np.sin(2 * np.pi * 50 * k * seconds_axis) / k for k in (1, 2, 3, 5))
    bank.append(hum + 0.1 * bank[1])
    return [log_mel(noise.astype(np.float32)) for noise in bank]


def plan_short(lengths: np.ndarray, rng: random.Random, longest: int) -> Plan:
    """A window of up to five sentences, or a silence, at most `longest` frames."""
    if rng.random() < SHORT_SILENT_SHARE:
        frames = 2 * rng.randint(50, longest // 2)
        return Plan(frames, frames)
    plan = Plan(0, 0)
    place = 2 * rng.choice((0, rng.randint(0, 40)))
    wanted = rng.choice((1, 1, 2, 3, longest // 360)) if longest > 700 else 1
    while not plan.pieces or (len(plan.pieces) < wanted and place < longest - 200):
        index = rng.randrange(len(lengths))
        if place + lengths[index] <= longest - 4:
            plan.pieces.append((index, place))
            place += int(lengths[index]) + 2 * rng.randint(10, 60)
        elif plan.pieces:
            break
    last, begin = plan.pieces[-1]
    plan.recorded = plan.frames = begin + int(lengths[last]) + 2 * rng.choice((1, rng.randint(0, 40)))
    return plan


def plan_full(lengths: np.ndarray, rng: random.Random) -> Plan:
    """A window of 30 s: one short answer, a silence, or sentences with pauses of 0.3 s to 3 s up to a random length."""
    if rng.random() < SILENT_SHARE:
        return Plan(WINDOW_FRAMES, rng.choice((0, WINDOW_FRAMES, rng.randint(50, WINDOW_FRAMES))))
    wanted = rng.choice((0, rng.randint(400, WINDOW_FRAMES), WINDOW_FRAMES))
    plan = Plan(WINDOW_FRAMES, 0)
    place = 2 * rng.choice((rng.randint(0, 25), rng.randint(0, 100), rng.randint(0, 250)))
    while True:
        index = rng.randrange(len(lengths))
        if place + lengths[index] > WINDOW_FRAMES - 4 or (plan.pieces and place + lengths[index] > wanted):
            break
        plan.pieces.append((index, place))
        place += int(lengths[index]) + 2 * rng.choice((rng.randint(13, 60), rng.randint(13, 150)))
    end = plan.pieces[-1][1] + int(lengths[plan.pieces[-1][0]]) if plan.pieces else 0
    plan.recorded = rng.choice((WINDOW_FRAMES, min(WINDOW_FRAMES, end + rng.randint(10, 300))))
    return plan


def _warped(frames: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """The same words by a somewhat other voice: the mel axis stretched by up to 8 %."""
    factor = rng.uniform(0.92, 1.08)
    places = (torch.arange(MELS) * factor).clamp(max=MELS - 1.001)
    low = places.long()
    return torch.lerp(frames[:, low], frames[:, low + 1], places - low)


def _coloured(frames: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """The same through another microphone and at another loudness: a smooth curve over the mel axis, in bels."""
    axis = torch.linspace(-1, 1, MELS)
    curve = rng.gauss(0, 0.25) * axis + rng.gauss(0, 0.2) * axis**2
    curve += rng.gauss(0, 0.12) * torch.cos(rng.uniform(2, 6) * axis + rng.uniform(0, 6))
    return frames + curve


def _added(frames: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.logaddexp(frames * LN10, other * LN10) / LN10


def _masked(features: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """Hide a few mel bands and a few short moments, so that no single one is relied upon."""
    low = float(features.min())
    for _ in range(rng.randint(0, 2)):
        first = rng.randrange(MELS - 8)
        features[:, first : first + rng.randint(1, 8)] = low
    for _ in range(rng.randint(0, max(1, len(features) // 250))):
        first = rng.randrange(len(features) - 8)
        features[first : first + rng.randint(1, 8)] = low
    return features


def compose(plan: Plan, clips: Clips, bank: list[torch.Tensor], rng: random.Random) -> torch.Tensor:
    """The window's features (frames, 80), as Whisper's feature extractor would make them of such a recording."""
    window = torch.full((plan.frames, MELS), SILENCE)
    loudness = rng.uniform(-1.4, 0.5)
    warp = rng.random() < 0.5
    for index, first in plan.pieces:
        clip = clips[index]
        clip = _warped(clip, rng) if warp else clip
        window[first : first + len(clip)] = clip + loudness + rng.uniform(-0.2, 0.2)
    if plan.recorded and rng.random() < 0.7:
        noise = rng.choice(bank)
        first = rng.randrange(len(noise) - plan.recorded)
        level = rng.uniform(-9.0, -3.5) + loudness
        window[: plan.recorded] = _added(window[: plan.recorded], noise[first : first + plan.recorded] + level)
    if rng.random() < 0.6:
        window[: plan.recorded] = _coloured(window[: plan.recorded], rng)
    features = scaled(window.clamp(min=SILENCE))
    return _masked(features, rng) if plan.pieces and rng.random() < 0.5 else features


def tokens(
    plan: Plan, texts: list[list[int]], lengths: np.ndarray, ids: TokenIds, first_position: int, timed: bool
) -> tuple[list[int], list[int]]:
    """Decoder input and labels of one window; times count from `first_position` in steps of 20 ms."""
    sequence = [ids.start, ids.english, ids.transcribe] + ([] if timed else [ids.no_timestamps])
    for index, first in plan.pieces:
        begin = ids.first_timestamp + first_position + (first + EDGE_FRAMES) // 2
        end = ids.first_timestamp + first_position + (first + int(lengths[index]) - EDGE_FRAMES) // 2
        sequence += [begin, *texts[index], end] if timed else texts[index]
    if not plan.pieces and timed:
        sequence.append(ids.first_timestamp)
    following = [*sequence[1:], ids.end]
    if not plan.pieces:
        following[0] = ids.no_speech
    if not timed:
        following[2] = IGNORED
    return sequence, following


@dataclass(frozen=True, slots=True)
class Material:
    """What windows are composed of: the clips, their tokens and word times, the noises and the token ids."""

    clips: Clips
    texts: list[list[int]]
    times: WordTimes
    bank: list[torch.Tensor]
    ids: TokenIds


def collate(plans: list[Plan], material: Material, rng: random.Random, furthest: int) -> Batch:
    """One batch; each window stands at a random place, at most `furthest` positions into the 30 s."""
    frames = max(plan.frames for plan in plans)
    frames += -frames % 4
    lengths = material.clips.lengths()
    features, sequences, places = [], [], []
    for plan in plans:
        plan.frames = frames
        place = rng.randint(0, max(0, min(furthest, (WINDOW_FRAMES - frames) // 2)))
        features.append(compose(plan, material.clips, material.bank, rng))
        timed = rng.random() > UNTIMED_SHARE
        sequences.append(tokens(plan, material.texts, lengths, material.ids, place, timed))
        places.append(place)
    longest = max(len(inputs) for inputs, _ in sequences)
    return Batch(
        torch.stack(features).transpose(1, 2),
        torch.tensor(places),
        torch.tensor([inputs + [material.ids.end] * (longest - len(inputs)) for inputs, _ in sequences]),
        torch.tensor([row + [IGNORED] * (longest - len(row)) for _, row in sequences]),
        torch.from_numpy(np.stack([labels(plan.pieces, material.times, frames) for plan in plans])),
    )
