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
from services.transcribers.segments import HeardSegment, placed, rest_of

# Whisper's own guards against invented text (Radford et al. 2022, section 4.5): below this mean log probability, or
# above this compression, it tries again at the next temperature. The compression ratio is that of token bytes here;
# 1.35 stands for OpenAI's 2.4, which is that of the text.
SURE_LOGPROB = -1.0
COMPRESSION_RATIO = 1.35
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Above this probability of "no speech", text that the model is not sure of either is nothing.
NO_SPEECH = 0.6


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
            if self._is_no_speech(first, sound, language):
                return [], language
            outputs = self._generate(sound, language, temperature=TEMPERATURES)
        return [self._as_text(segment) for segment in outputs["segments"][0]], language

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

    def _is_no_speech(self, first: Tensor, sound: Sound, language: str | None) -> bool:
        no_speech_token = self._hearing.network.generation_config.no_timestamps_token_id - 1
        if float(first.softmax(dim=-1)[no_speech_token]) <= NO_SPEECH:
            return False
        outputs = self._generate(sound, language, temperature=(0.0,))
        return mean_logprob(outputs["segments"][0][0]["result"]) < SURE_LOGPROB

    def _generate(self, sound: Sound, language: str | None, **options: Any) -> Any:
        # An English-only model refuses to be told a language or a task.
        if self._hearing.languages:
            options |= {"language": language, "task": "transcribe"}
        # One call for one stretch of sound. Its own no-speech rule cannot be used with that: it fails where it applies.
        return self._hearing.network.generate(
            sound.features,
            encoder_outputs=sound.encoded,
            return_timestamps=True,
            return_segments=True,
            force_unique_generate_call=True,
            condition_on_prev_tokens=False,
            logprob_threshold=SURE_LOGPROB,
            compression_ratio_threshold=COMPRESSION_RATIO,
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


def mean_logprob(result: dict[str, Any]) -> float:
    """The mean natural log probability of the tokens that were said, the end token included."""
    scores = torch.stack(result["scores"]).float().log_softmax(dim=-1)
    said = result["sequences"][-len(scores) :]
    return float(scores.gather(-1, said.unsqueeze(-1)).mean())
