"""One call into a loaded Whisper network at a time: the language, the silence, one try at the text."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteriaList

from services.transcribers import PULSE_SECONDS, SAMPLE_RATE_HZ, Samples
from services.transcribers.guards import SURE_LOGPROB, mean_logprob
from services.transcribers.segments import HeardSegment

# Whisper learned at most half its positions for one window of 30 s (OpenAI's `sample_len`), 7.5 tokens a second. A
# short window gets twice that rate: enough for any language, and a loop ends early.
TOKENS_A_SECOND = 15
TOKENS_AT_LEAST = 16


@dataclass(frozen=True, slots=True)
class Sound:
    """One window as the network takes it: its length, log-mel features, and what the encoder makes of them.

    Encoded once for the language, the silence and every try at the text; `generate` asks for the features beside it.
    """

    seconds: float
    features: Tensor
    encoded: Any
    first_logits: Tensor


class Pulse:
    """Calls `beat` every few seconds while tokens are made; what it raises ends the work at the next token."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self.beat = beat
        self._last = time.monotonic()

    def __call__(self, tokens: Tensor, scores: Tensor, **options: Any) -> Tensor:
        if time.monotonic() - self._last >= PULSE_SECONDS:
            self.beat()
            self._last = time.monotonic()
        return torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)


@dataclass(frozen=True, slots=True)
class Hearing:
    """A loaded `WhisperForConditionalGeneration`, in evaluation mode on its device, with its `WhisperProcessor`."""

    network: Any
    processor: Any

    @property
    def is_multilingual(self) -> bool:
        return bool(getattr(self._settings, "is_multilingual", True))

    @property
    def languages(self) -> dict[str, int]:
        """Token ids by ISO 639-1 code; empty where the model has no choice of language."""
        tokens = getattr(self._settings, "lang_to_id", None) or {}
        return {token.strip("<|>"): number for token, number in tokens.items()} if self.is_multilingual else {}

    def sound(self, samples: Samples) -> Sound:
        """Encode at most 30 s of samples, and ask what the model would say first: a language, or that nobody speaks."""
        inputs = self.processor(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        features = inputs.input_features.to(self.network.device, self.network.dtype)
        encoded = self.network.get_encoder()(features)
        start = torch.tensor([[self._settings.decoder_start_token_id]], device=self.network.device)
        first = self.network(encoder_outputs=encoded, decoder_input_ids=start, use_cache=False).logits[0, -1]
        return Sound(len(samples) / SAMPLE_RATE_HZ, features, encoded, first.float())

    def language(self, sound: Sound) -> str | None:
        """The most probable language; None where the model cannot tell."""
        languages = self.languages
        if not languages:
            return None if self.is_multilingual else "en"
        return max(languages, key=lambda code: float(sound.first_logits[languages[code]]))

    def no_speech_probability(self, sound: Sound) -> float:
        # In Whisper's vocabulary "no speech" always stands before "no timestamps".
        return float(sound.first_logits.softmax(dim=-1)[self._settings.no_timestamps_token_id - 1])

    def said(
        self, sound: Sound, language: str | None, temperature: float, pulse: Pulse
    ) -> tuple[list[HeardSegment], float]:
        """One try at the text, with its mean log probability."""
        # An English-only model refuses to be told a language or a task.
        choices = {"language": language, "task": "transcribe"} if self.languages else {}
        tokens = TOKENS_AT_LEAST + int(TOKENS_A_SECOND * sound.seconds)
        # One call for one stretch of sound. Asked for a threshold, it tells the scores as well.
        outputs = self.network.generate(
            sound.features,
            encoder_outputs=sound.encoded,
            temperature=(temperature,),
            max_new_tokens=min(tokens, self.network.config.max_target_positions // 2),
            stopping_criteria=StoppingCriteriaList([pulse]),
            return_timestamps=True,
            return_segments=True,
            force_unique_generate_call=True,
            condition_on_prev_tokens=False,
            logprob_threshold=SURE_LOGPROB,
            **choices,
        )
        segments = outputs["segments"][0]
        return [self._as_text(segment) for segment in segments], mean_logprob(segments[0]["result"], temperature)

    @property
    def _settings(self) -> Any:
        return self.network.generation_config

    def _as_text(self, segment: dict[str, Any]) -> HeardSegment:
        first_timestamp = self._settings.no_timestamps_token_id + 1
        tokens = segment["tokens"].tolist()
        words = [token for token in tokens if token < first_timestamp]
        text = self.processor.tokenizer.decode(words, skip_special_tokens=True)
        # Two timestamps at the very end are Whisper's way to say: from here on there is more than I could finish.
        more_follows = len(tokens) > 1 and min(tokens[-2:]) >= first_timestamp
        return HeardSegment(float(segment["start"]), float(segment["end"]), text, more_follows)
