"""Measures a saved demo model on held-out sentences, voices and speeds after Opus, through plain `generate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from scripts.demo_model.heldout import Utterance, Window, joined_windows, quiet_windows, single_windows, utterances
from scripts.demo_model.speech import SAMPLE_RATE
from scripts.demo_model.voices import HELD_OUT_VOICES

BATCH = 10


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


def _by_voice(spoken: list[Utterance], windows: list[Window], heard: list[Heard]) -> dict[str, float]:
    rates = {}
    for voice in HELD_OUT_VOICES:
        chosen = [number for number, utterance in enumerate(spoken) if utterance.voice == voice]
        rates[voice] = word_error_rate([windows[number] for number in chosen], [heard[number] for number in chosen])
    return rates


def evaluate(folder: Path, count: int) -> dict[str, Any]:
    """Every number the model card shows."""
    listener = Listener(folder)
    spoken = utterances(count)
    single, joined = single_windows(spoken), joined_windows(spoken)
    heard, heard_joined = listener.hear(single), listener.hear(joined)
    quiet = listener.hear(quiet_windows())
    same, median, percentile = time_errors(joined, heard_joined)
    return {
        "sentences": count,
        "words": sum(len(utterance.text.split()) for utterance in spoken),
        "wer": word_error_rate(single, heard),
        "wer_by_voice": _by_voice(spoken, single, heard),
        "joined_windows": len(joined),
        "wer_joined": word_error_rate(joined, heard_joined),
        "joined_windows_with_right_segment_count": same,
        "segment_time_error_median_seconds": median,
        "segment_time_error_95th_percentile_seconds": percentile,
        "no_speech_probability_lowest_in_silence": min(answer.no_speech for answer in quiet),
        "words_heard_in_silence": sum(len(answer.text.split()) for answer in quiet),
        "no_speech_probability_highest_in_speech": max(answer.no_speech for answer in heard + heard_joined),
        "detected_languages": sorted(listener.languages(single[:BATCH])),
        "examples": [
            {"said": window.said[0][0], "heard": answer.text}
            for window, answer in zip(single[:12], heard, strict=False)
        ],
    }
