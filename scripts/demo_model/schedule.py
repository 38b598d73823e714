"""What the demo model trains on at each point of a run: the learning rate, the windows, and the loss."""

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from scripts.demo_model.alignment import word_times
from scripts.demo_model.features import load_clips
from scripts.demo_model.model import TrainedModel
from scripts.demo_model.tokenizer import make_tokenizer, text_tokens, token_ids
from scripts.demo_model.windows import (
    IGNORED,
    WINDOW_FRAMES,
    Batch,
    Material,
    collate,
    noise_bank,
    plan_full,
    plan_short,
)

PEAK_RATE = 1.3e-3
WARM_UP_STEPS = 200
POSITIONS_A_BATCH = 4800
FULL_WINDOWS_A_BATCH = 4
SMOOTHING = 0.04


@dataclass(frozen=True, slots=True)
class Run:
    """Where a training run keeps its clips and its checkpoint, how long it takes, and on how many cores."""

    clips: Path
    folder: Path
    minutes: float
    seed: int
    processes: int


def learning_rate(step: int, progress: float) -> float:
    """Linear warm-up by steps, then as linear a way down to 2 % by the share of the time that is gone."""
    falling = max(0.02, 1.0 - progress)
    return PEAK_RATE * min(1.0, (step + 1) / WARM_UP_STEPS) * falling


def draw_batch(material: Material, rng: random.Random, common: random.Random, progress: float) -> Batch:
    """Short windows first, until the attention finds the words; then more and more of 30 s, at the end only those."""
    lengths = material.clips.lengths()
    full_share = 1.0 if progress > 0.87 else min(0.5, 3 * (progress - 0.18))
    if common.random() < full_share:
        plans = [plan_full(lengths, rng) for _ in range(FULL_WINDOWS_A_BATCH)]
    else:
        longest = 600 if progress < 0.1 else 1200 if progress < 0.5 else 1800
        drawn = sorted((plan_short(lengths, rng, longest) for _ in range(96)), key=lambda plan: plan.frames)
        last = rng.randrange(8, len(drawn))
        size = max(4, min(28, 2 * POSITIONS_A_BATCH // drawn[last].frames, last + 1))
        plans = drawn[last + 1 - size : last + 1]
    furthest = int(min(1.0, max(0.03, 4 * progress - 0.1)) * WINDOW_FRAMES / 2)
    return collate(plans, material, rng, furthest)


def load_material(run: Run) -> Material:
    """The clips of the run with all that is made from them."""
    tokenizer = make_tokenizer(run.seed)
    clips = load_clips(run.clips)
    texts = [text_tokens(tokenizer, text) for text in clips.texts]
    return Material(clips, texts, word_times(clips), noise_bank(run.seed), token_ids(tokenizer))


def loss_of(model: TrainedModel, batch: Batch, word_weight: float) -> tuple[torch.Tensor, float, float]:
    """The loss to minimise, and its two parts: cross-entropy a token, and a 40 ms step of the encoder."""
    with torch.autocast("cpu", torch.bfloat16):
        scores, word_scores = model(batch.features, batch.first_positions, batch.inputs)
    entropy = nn.functional.cross_entropy(
        scores.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED, label_smoothing=SMOOTHING
    )
    words = nn.functional.cross_entropy(word_scores.float().flatten(0, 1), batch.words.flatten())
    return entropy + word_weight * words, float(entropy.detach()), float(words.detach())
