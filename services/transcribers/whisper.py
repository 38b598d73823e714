"""Whisper through Hugging Face Transformers, window by window."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from services.audio.windows import Window, cut, is_silent
from services.models import Segment, Transcript, WhisperModel
from services.transcribers import SAMPLE_RATE_HZ, OnWindow, Samples
from services.transcribers.segments import HeardSegment, placed

# Whisper's own guards against invented text (Radford et al. 2022, section 4.5). They work only together. The
# compression ratio is that of token bytes here; 1.35 stands for OpenAI's 2.4, which is that of the text.
GUARDS = {
    "temperature": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    "logprob_threshold": -1.0,
    "no_speech_threshold": 0.6,
    "compression_ratio_threshold": 1.35,
}


@dataclass(frozen=True, slots=True)
class Hearing:
    """A loaded `WhisperForConditionalGeneration`, in evaluation mode on its device, with its `WhisperProcessor`."""

    network: Any
    processor: Any

    @property
    def is_multilingual(self) -> bool:
        return bool(getattr(self.network.generation_config, "is_multilingual", True))

    @property
    def languages(self) -> dict[str, int]:
        """Token ids by ISO 639-1 code; empty where the model has no choice of language."""
        tokens = getattr(self.network.generation_config, "lang_to_id", None) or {}
        return {token.strip("<|>"): number for token, number in tokens.items()} if self.is_multilingual else {}


class WhisperTranscriber:
    """A Whisper model as a `Transcriber`; several threads may use it, one window is heard at a time."""

    def __init__(self, model: WhisperModel, hearing: Hearing) -> None:
        self._model = model
        self._hearing = hearing
        # `generate` is not safe in two threads at once. Held for one window only, so that a long answer does not keep
        # the short ones waiting.
        self._lock = threading.Lock()

    @property
    def model(self) -> WhisperModel:
        return self._model

    def transcribe(self, samples: Samples, *, language: str | None, on_window: OnWindow) -> Transcript:
        """Hear the whole recording; the language is that of the first window in which something was said.

        A language that the model does not know is detected instead.
        """
        windows = cut(samples)
        language = self._known(language)
        segments: list[Segment] = []
        on_window(0, len(windows))
        for done, window in enumerate(windows, start=1):
            if not is_silent(window.samples):
                heard, heard_language = self._hear(window, language)
                segments += heard
                language = heard_language if heard else language
            on_window(done, len(windows))
        return Transcript(
            text=" ".join(segment.text for segment in segments),
            segments=tuple(segments),
            language=language,
            duration_seconds=round(len(samples) / SAMPLE_RATE_HZ, 3),
            no_speech=not segments,
        )

    def warm_up(self) -> None:
        """Run the network once, so that the first answer does not wait for what is set up lazily."""
        noise = np.random.default_rng(0).normal(scale=0.01, size=SAMPLE_RATE_HZ).astype(np.float32)
        with self._lock:
            self._generate(self._features(noise), None, max_new_tokens=4)

    def _known(self, language: str | None) -> str | None:
        code = (language or "").lower().partition("-")[0]
        return code if code in self._hearing.languages else None

    def _hear(self, window: Window, language: str | None) -> tuple[list[Segment], str | None]:
        with self._lock:
            # Where a guard makes Whisper sample, the same recording still gives the same text.
            torch.manual_seed(0)
            features = self._features(window.samples)
            language = language or self._detected(features)
            outputs = self._generate(features, language, **GUARDS)
        return placed(map(self._as_text, outputs["segments"][0]), window), language

    def _features(self, samples: Samples) -> Any:
        network = self._hearing.network
        inputs = self._hearing.processor(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        return inputs.input_features.to(network.device, network.dtype)

    def _detected(self, features: Any) -> str | None:
        languages = self._hearing.languages
        if not languages:
            return None if self._hearing.is_multilingual else "en"
        token = int(self._hearing.network.detect_language(input_features=features)[0])
        return next(code for code, number in languages.items() if number == token)

    def _generate(self, features: Any, language: str | None, **options: Any) -> Any:
        # An English-only model refuses to be told a language or a task.
        if self._hearing.languages:
            options |= {"language": language, "task": "transcribe"}
        return self._hearing.network.generate(
            features, return_timestamps=True, return_segments=True, condition_on_prev_tokens=False, **options
        )

    def _as_text(self, segment: dict[str, Any]) -> HeardSegment:
        first_timestamp = self._hearing.network.generation_config.no_timestamps_token_id + 1
        tokens = [token for token in segment["tokens"].tolist() if token < first_timestamp]
        text = self._hearing.processor.tokenizer.decode(tokens, skip_special_tokens=True)
        return HeardSegment(float(segment["start"]), float(segment["end"]), text)
