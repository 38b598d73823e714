"""Measures a saved demo model on held-out sentences, voices and speeds after Opus, through plain `generate`."""

import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from scripts.demo_model.corpus import sentences
from scripts.demo_model.speech import SAMPLE_RATE, Samples, speak, through_opus
from scripts.demo_model.voices import HELD_OUT_VOICES, held_out_delivery

BATCH = 10
EVALUATION_SEED = 2026
WINDOW_SECONDS = 30
NOISE_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Utterance:
    """One held-out sentence as a held-out voice speaks it, without silence around it."""

    text: str
    voice: str
    samples: Samples


@dataclass(slots=True)
class Window:
    """Up to 30 s of sound with what is said in it: (text, begin, end) with times in seconds."""

    samples: Samples
    said: list[tuple[str, float, float]]


@dataclass(slots=True)
class Heard:
    """What the model made of one window: its segments as (text, begin, end), and its no-speech probability."""

    segments: list[tuple[str, float, float]]
    no_speech: float

    @property
    def text(self) -> str:
        return " ".join(plain(text) for text, _, _ in self.segments).strip()


def plain(text: str) -> str:
    """The words alone: what is compared carries no periods."""
    return " ".join(text.replace(".", " ").split())


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


def utterances(count: int) -> list[Utterance]:
    """The held-out sentences, each voice taking every tenth."""
    rng = random.Random(EVALUATION_SEED)
    spoken = []
    for number, text in enumerate(islice(sentences(EVALUATION_SEED, held_out=True), count)):
        voice = HELD_OUT_VOICES[number % len(HELD_OUT_VOICES)]
        spoken.append(Utterance(text, voice, speak(text, held_out_delivery(rng, voice))))
    return spoken


def single_windows(spoken: list[Utterance]) -> list[Window]:
    """Each sentence alone, with up to a second of silence before it and after it, through Opus."""
    rng = random.Random(EVALUATION_SEED)
    return [_window([utterance], [rng.uniform(0.1, 1.0)], rng.uniform(0.3, 1.0)) for utterance in spoken]


def joined_windows(spoken: list[Utterance]) -> list[Window]:
    """The same sentences in windows of at most 30 s, with pauses of 0.3 s to 3 s in between, through Opus."""
    rng = random.Random(EVALUATION_SEED)
    windows: list[Window] = []
    group: list[Utterance] = []
    pauses: list[float] = []
    length = 0.0
    for utterance in spoken:
        pause, seconds = rng.uniform(0.3, 3.0), len(utterance.samples) / SAMPLE_RATE
        if group and length + pause + seconds > WINDOW_SECONDS - 0.2:
            windows.append(_window(group, pauses, 0.1))
            group, pauses, length = [], [], 0.0
        group.append(utterance)
        pauses.append(pause)
        length += pause + seconds
    return [*windows, _window(group, pauses, 0.1)]


def _window(group: list[Utterance], pauses: list[float], end: float) -> Window:
    parts: list[Samples] = []
    said = []
    place = 0
    for utterance, pause in zip(group, pauses, strict=True):
        parts += [_silence(pause), utterance.samples]
        begin = place + len(parts[-2])
        place = begin + len(utterance.samples)
        said.append((utterance.text, begin / SAMPLE_RATE, place / SAMPLE_RATE))
    return Window(through_opus(np.concatenate([*parts, _silence(end)])), said)


def quiet_windows() -> list[Window]:
    """Windows in which nobody speaks: digital silence, and white noise from -90 to -40 dB of full scale."""
    rng = np.random.default_rng(EVALUATION_SEED)
    levels = [0.0, *(10 ** (decibel / 20) for decibel in np.linspace(-90, -40, NOISE_WINDOWS - 1))]
    size = WINDOW_SECONDS * SAMPLE_RATE
    return [Window((rng.standard_normal(size) * level).astype(np.float32), []) for level in levels]


class Listener:
    """A saved model with its processor, used as any program would use it."""

    def __init__(self, folder: Path) -> None:
        self.model = WhisperForConditionalGeneration.from_pretrained(folder).float().eval()
        self.processor = WhisperProcessor.from_pretrained(folder)

    def _features(self, windows: list[Window]) -> torch.Tensor:
        sounds = [window.samples for window in windows]
        features: torch.Tensor = self.processor(sounds, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        return features

    @torch.inference_mode()
    def no_speech(self, features: torch.Tensor) -> list[float]:
        """The probability of <|nospeech|> right after <|startoftranscript|>, for each window."""
        config = self.model.generation_config
        start = torch.full((len(features), 1), config.decoder_start_token_id)
        scores = self.model(input_features=features, decoder_input_ids=start).logits[:, 0]
        return [float(value) for value in scores.softmax(-1)[:, config.no_timestamps_token_id - 1]]

    def languages(self, windows: list[Window]) -> set[str]:
        """What `detect_language` says of these windows."""
        found = self.model.detect_language(self._features(windows))
        return {self.processor.tokenizer.decode([token]) for token in found.flatten().tolist()}

    @torch.inference_mode()
    def hear(self, windows: list[Window]) -> list[Heard]:
        """The segments of each window."""
        heard: list[Heard] = []
        for first in range(0, len(windows), BATCH):
            features = self._features(windows[first : first + BATCH])
            result: dict[str, Any] = self.model.generate(
                features, return_timestamps=True, return_segments=True, language="en", task="transcribe"
            )
            for segments, no_speech in zip(result["segments"], self.no_speech(features), strict=True):
                heard.append(Heard([self._segment(segment) for segment in segments], no_speech))
        return heard

    def _segment(self, segment: dict[str, Any]) -> tuple[str, float, float]:
        text = self.processor.tokenizer.decode(segment["tokens"], skip_special_tokens=True)
        return text, float(segment["start"]), float(segment["end"])


def word_error_rate(windows: list[Window], heard: list[Heard]) -> float:
    """Wrong, missing and added words over the words said."""
    said = [" ".join(text for text, _, _ in window.said) for window in windows]
    return float(jiwer.wer(said, [answer.text for answer in heard]))


def time_errors(windows: list[Window], heard: list[Heard]) -> tuple[float, float, float]:
    """Share of windows with as many segments as sentences; their times' median and 95th percentile error, in s."""
    same = [(w, h) for w, h in zip(windows, heard, strict=True) if len(w.said) == len(h.segments)]
    errors = [
        abs(mine - true)
        for window, answer in same
        for said, segment in zip(window.said, answer.segments, strict=True)
        for mine, true in zip(segment[1:], said[1:], strict=True)
    ]
    if not errors:
        return 0.0, float("nan"), float("nan")
    return len(same) / len(windows), float(np.median(errors)), float(np.percentile(errors, 95))


def evaluate(folder: Path, count: int) -> dict[str, Any]:
    """Every number the model card shows."""
    listener = Listener(folder)
    spoken = utterances(count)
    single, joined = single_windows(spoken), joined_windows(spoken)
    heard, heard_joined = listener.hear(single), listener.hear(joined)
    quiet = [value for window in quiet_windows() for value in listener.no_speech(listener._features([window]))]
    voices = {}
    for voice in HELD_OUT_VOICES:
        chosen = [number for number, utterance in enumerate(spoken) if utterance.voice == voice]
        voices[voice] = word_error_rate([single[n] for n in chosen], [heard[n] for n in chosen])
    same, median, percentile = time_errors(joined, heard_joined)
    return {
        "sentences": count,
        "words": sum(len(utterance.text.split()) for utterance in spoken),
        "wer": word_error_rate(single, heard),
        "wer_by_voice": voices,
        "joined_windows": len(joined),
        "wer_joined": word_error_rate(joined, heard_joined),
        "joined_windows_with_right_segment_count": same,
        "segment_time_error_median_seconds": median,
        "segment_time_error_95th_percentile_seconds": percentile,
        "no_speech_probability_lowest_in_silence": min(quiet),
        "no_speech_probability_highest_in_speech": max(answer.no_speech for answer in heard + heard_joined),
        "detected_languages": sorted(listener.languages(single[:BATCH])),
        "examples": [
            {"said": window.said[0][0], "heard": answer.text}
            for window, answer in list(zip(single, heard, strict=True))[:12]
        ],
    }
