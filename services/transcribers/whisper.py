"""Whisper through Hugging Face Transformers, window by window."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from services.audio.windows import Window, cut, is_silent
from services.models import Segment, Transcript, WhisperModel
from services.transcribers import SAMPLE_RATE_HZ, OnWindow, Samples
from services.transcribers.guards import SURE_LOGPROB, TEMPERATURES, is_nothing, is_sure, mean_logprob
from services.transcribers.segments import HeardSegment, placed, rest_of


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


@dataclass(frozen=True, slots=True)
class Sound:
    """One window as the network takes it: log-mel features, and what the encoder makes of them.

    Encoded once for the language, the silence and every try at the text; `generate` asks for the features beside it.
    """

    features: Tensor
    encoded: Any


class WhisperTranscriber:
    """A Whisper model as a `Transcriber`; several threads may use it, it hears for one at a time."""

    def __init__(self, model: WhisperModel, hearing: Hearing) -> None:
        self._model = model
        self._hearing = hearing
        # `generate` is not safe in two threads at once. Held for one call only, so that a long answer does not keep
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
        with self._lock, torch.inference_mode():
            sound = self._sound(noise)
            self._generate(sound, self._detected(self._first_logits(sound)), temperature=(0.0,), max_new_tokens=4)

    def _known(self, language: str | None) -> str | None:
        code = (language or "").lower().partition("-")[0]
        return code if code in self._hearing.languages else None

    def _hear(self, window: Window, language: str | None) -> tuple[list[Segment], str | None]:
        """Everything in one window: where the model stops early, it hears the rest.

        `generate` would do so by itself, but through the silence that fills a short window up to 30 s as well.
        """
        segments: list[Segment] = []
        rest: Window | None = window
        while rest is not None and not is_silent(rest.samples):
            heard, language = self._hear_once(rest, language)
            segments += placed(heard, rest)
            rest = rest_of(rest, heard)
        return segments, language

    def _hear_once(self, window: Window, language: str | None) -> tuple[list[HeardSegment], str | None]:
        with self._lock, torch.inference_mode():
            # Where a guard makes Whisper sample, the same recording still gives the same text.
            torch.manual_seed(0)
            sound = self._sound(window.samples)
            first = self._first_logits(sound)
            language = language or self._detected(first)
            return self._said(sound, language, self._no_speech_probability(first)), language

    def _said(self, sound: Sound, language: str | None, no_speech_probability: float) -> list[HeardSegment]:
        """The first text that passes the guards, or the last one tried."""
        heard: list[HeardSegment] = []
        for temperature in TEMPERATURES:
            segments = self._generate(sound, language, temperature=(temperature,))["segments"][0]
            heard = [self._as_text(segment) for segment in segments]
            logprob = mean_logprob(segments[0]["result"], temperature)
            if is_nothing(logprob, no_speech_probability):
                return []
            if is_sure(logprob, " ".join(segment.text for segment in heard)):
                break
        return heard

    def _sound(self, samples: Samples) -> Sound:
        network = self._hearing.network
        inputs = self._hearing.processor(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        features = inputs.input_features.to(network.device, network.dtype)
        return Sound(features, network.get_encoder()(features))

    def _first_logits(self, sound: Sound) -> Tensor:
        """What the model would say first: which language it is, or that nobody speaks."""
        network = self._hearing.network
        start = torch.tensor([[network.generation_config.decoder_start_token_id]], device=network.device)
        logits: Tensor = network(encoder_outputs=sound.encoded, decoder_input_ids=start, use_cache=False).logits[0, -1]
        return logits.float()

    def _detected(self, first: Tensor) -> str | None:
        languages = self._hearing.languages
        if not languages:
            return None if self._hearing.is_multilingual else "en"
        return max(languages, key=lambda code: float(first[languages[code]]))

    def _no_speech_probability(self, first: Tensor) -> float:
        # In Whisper's vocabulary "no speech" always stands before "no timestamps".
        return float(first.softmax(dim=-1)[self._hearing.network.generation_config.no_timestamps_token_id - 1])

    def _generate(self, sound: Sound, language: str | None, **options: Any) -> Any:
        # An English-only model refuses to be told a language or a task.
        if self._hearing.languages:
            options |= {"language": language, "task": "transcribe"}
        # One call for one stretch of sound. Asked for a threshold, it tells the scores as well.
        return self._hearing.network.generate(
            sound.features,
            encoder_outputs=sound.encoded,
            return_timestamps=True,
            return_segments=True,
            force_unique_generate_call=True,
            condition_on_prev_tokens=False,
            logprob_threshold=SURE_LOGPROB,
            **options,
        )

    def _as_text(self, segment: dict[str, Any]) -> HeardSegment:
        first_timestamp = self._hearing.network.generation_config.no_timestamps_token_id + 1
        tokens = segment["tokens"].tolist()
        words = [token for token in tokens if token < first_timestamp]
        text = self._hearing.processor.tokenizer.decode(words, skip_special_tokens=True)
        # Two timestamps at the very end are Whisper's way to say: from here on there is more than I could finish.
        more_follows = len(tokens) > 1 and min(tokens[-2:]) >= first_timestamp
        return HeardSegment(float(segment["start"]), float(segment["end"]), text, more_follows)
