"""Log-mel frames of single sentences, made once, so that training windows are composed without audio work."""

import json
import multiprocessing
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperFeatureExtractor

from scripts.demo_model.corpus import sentences
from scripts.demo_model.speech import SAMPLE_RATE, Samples, speak, through_opus
from scripts.demo_model.voices import training_delivery

MELS = 80
HOP = 160
EDGE_FRAMES = 2
EDGE = EDGE_FRAMES * HOP
SILENCE = -10.0
BATCH = 48
OPUS_ONE_IN = 4
TRAINING_RANDOM_SHARE = 0.15
OPUS_GAP = SAMPLE_RATE // 4


@dataclass(frozen=True, slots=True)
class Clips:
    """All training sentences: `frames` (sum of lengths, 80) as float16 log10 power, where each starts, and its text."""

    frames: NDArray[np.float16]
    starts: NDArray[np.int64]
    texts: list[str]

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.frames[self.starts[index] : self.starts[index + 1]].astype(np.float32))

    def lengths(self) -> NDArray[np.int64]:
        """Each sentence's length in frames of 10 ms, the silent edges included."""
        return np.diff(self.starts)


@cache
def _mel_filters() -> torch.Tensor:
    return torch.from_numpy(WhisperFeatureExtractor().mel_filters).float().T.contiguous()


def log_mel(samples: Samples) -> torch.Tensor:
    """Whisper's log-mel frames (frames, 80) before they are clamped and scaled by the window's maximum."""
    spectrum = torch.stft(
        torch.from_numpy(samples), 400, HOP, window=torch.hann_window(400), return_complex=True, center=True
    )
    power = spectrum[..., :-1].abs() ** 2
    return (_mel_filters() @ power).clamp(min=1e-10).log10().T


def scaled(frames: torch.Tensor) -> torch.Tensor:
    """What Whisper's feature extractor does last: clamp to 8 below the maximum, then shift and scale."""
    return (torch.maximum(frames, frames.max() - 8.0) + 4.0) / 4.0


def clip_frames(samples: Samples) -> NDArray[np.float16]:
    """A sentence's frames with two silent frames on both sides; an even number, so that times fit the 20 ms grid."""
    filled = -len(samples) % (2 * HOP)
    return log_mel(np.pad(samples, (EDGE, EDGE + filled))).numpy().astype(np.float16)


def _batch_through_opus(clips: list[Samples]) -> list[Samples]:
    gap = np.zeros(OPUS_GAP, dtype=np.float32)
    joined = through_opus(np.concatenate([part for clip in clips for part in (gap, clip)] + [gap]))
    ends = np.cumsum([len(clip) + OPUS_GAP for clip in clips])
    return [joined[end - len(clip) : end] for clip, end in zip(clips, ends, strict=True)]


def _make_batch(job: tuple[int, int, list[str]]) -> tuple[list[str], list[NDArray[np.float16]]]:
    seed, number, texts = job
    torch.set_num_threads(1)
    rng = random.Random(f"voices-{seed}-{number}")
    clips = [speak(text, training_delivery(rng)) for text in texts]
    if number % OPUS_ONE_IN == 0:
        clips = _batch_through_opus(clips)
    return texts, [clip_frames(clip) for clip in clips]


def _jobs(seed: int, count: int) -> Iterator[tuple[int, int, list[str]]]:
    stream = sentences(seed, held_out=False, random_share=TRAINING_RANDOM_SHARE)
    for number in range(-(-count // BATCH)):
        yield seed, number, [next(stream) for _ in range(BATCH)]


def make_clips(folder: Path, count: int, seed: int, processes: int) -> None:
    """Speak `count` training sentences and keep their frames, lengths and texts in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: list[str] = []
    lengths: list[int] = []
    with multiprocessing.get_context("spawn").Pool(processes) as pool, open(folder / "frames.f16", "wb") as file:
        for batch_texts, batch in pool.imap(_make_batch, _jobs(seed, count)):
            texts += batch_texts
            for clip in batch:
                file.write(clip.tobytes())
                lengths.append(len(clip))
            if len(texts) % (BATCH * 50) == 0:
                print(f"spoken: {len(texts)} of {count} sentences", flush=True)
    (folder / "clips.json").write_text(json.dumps({"texts": texts, "lengths": lengths}))


def load_clips(folder: Path) -> Clips:
    """The sentences `make_clips` kept in `folder`."""
    index = json.loads((folder / "clips.json").read_text())
    starts = np.concatenate([[0], np.cumsum(index["lengths"])]).astype(np.int64)
    frames = np.memmap(folder / "frames.f16", dtype=np.float16, mode="r").reshape(-1, MELS)
    return Clips(frames, starts, index["texts"])
