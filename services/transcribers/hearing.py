"""One call into a loaded Whisper network at a time: the language, the silence, one try at the text."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteriaList

from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.models import Task
from services.pulse import PULSE_SECONDS
from services.transcribers.guards import SURE_LOGPROB, token_logprobs
from services.transcribers.segments import HeardSegment
from services.transcribers.stopwatch import Stopwatch

# Whisper learned at most half its positions for one window of 30 s (OpenAI's `sample_len`), 7.5 tokens a second. A
# short window gets twice that rate: enough for any language, and a loop ends early.
TOKENS_A_SECOND = 15
TOKENS_AT_LEAST = 16
# The start, the language, the task and the first that is said.
TOKENS_BEFORE_TEXT = 4
SECONDS_A_TIMESTAMP = 0.02
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Sound:
    """One window as the network takes it: its length, log-mel features, and what the encoder makes of them.

    Encoded once for the language, the silence and every try at the text; `generate` asks for the features beside it.
    """

    seconds: float
    features: Tensor
    encoded: Any
    first_logits: Tensor


@dataclass(frozen=True, slots=True)
class Asked:
    """What the network is asked for: a language, a task, and the tokens of a prompt if there is one."""

    language: str | None
    task: Task = Task.TRANSCRIBE
    prompt: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One try at the text: its segments, the tokens they were asked for with, and their mean log probability."""

    segments: list[HeardSegment]
    asked: tuple[int, ...]
    logprob: float

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


class Pulse:
    """Calls `beat` every few seconds while a network works; what it raises ends the work at the next layer or token."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self.beat = beat
        self._last = time.monotonic()

    def __call__(self, tokens: Tensor, scores: Tensor, **options: Any) -> Tensor:
        self.at_a_layer()
        return torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)

    def at_a_layer(self, *call: Any) -> None:
        if time.monotonic() - self._last >= PULSE_SECONDS:
            self.beat()
            self._last = time.monotonic()


@dataclass(frozen=True, slots=True)
class Hearing:
    """A loaded `WhisperForConditionalGeneration`, in evaluation mode on its device, with its `WhisperProcessor`."""

    network: Any
    processor: Any

    @property
    def settings(self) -> Any:
        """Those of `generate`."""
        return self.network.generation_config

    @property
    def is_multilingual(self) -> bool:
        return bool(getattr(self.settings, "is_multilingual", True))

    @property
    def languages(self) -> dict[str, int]:
        """Token ids by ISO 639-1 code; empty where the model has no choice of language."""
        tokens = getattr(self.settings, "lang_to_id", None) or {}
        return {token.strip("<|>"): number for token, number in tokens.items()} if self.is_multilingual else {}

    @contextmanager
    def felt_by(self, pulse: Pulse) -> Iterator[None]:
        """Within the block the pulse also beats between layers: a large model encodes a window for many seconds."""
        with ExitStack() as hooks:
            for layer in (*self.network.model.encoder.layers, *self.network.model.decoder.layers):
                hooks.callback(layer.register_forward_hook(pulse.at_a_layer).remove)
            yield

    def decoded(self, tokens: Sequence[int]) -> str:
        """Text tokens as text; bytes that are no whole letter as U+FFFD."""
        text: str = self.processor.tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False)
        return text

    def sound(self, samples: Samples, stopwatch: Stopwatch) -> Sound:
        """Encode at most 30 s of samples, and ask what the model would say first: a language, or that nobody speaks."""
        with stopwatch.measured("features"):
            inputs = self.processor(samples, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
            features = inputs.input_features.to(self.network.device, self.network.dtype)
        with stopwatch.measured("encode"):
            encoded = self.network.get_encoder()(features)
        with stopwatch.measured("decode_tokens"):
            start = torch.tensor([[self.settings.decoder_start_token_id]], device=self.network.device)
            first = self.network(encoder_outputs=encoded, decoder_input_ids=start, use_cache=False).logits[0, -1]
        return Sound(len(samples) / SAMPLE_RATE_HZ, features, encoded, first.float())

    def language(self, sound: Sound) -> tuple[str | None, float | None]:
        """The most probable language with its probability among all languages; None for what the model cannot tell."""
        languages = self.languages
        if not languages:
            return (None if self.is_multilingual else ENGLISH), None
        probabilities = sound.first_logits[list(languages.values())].softmax(dim=-1)
        best = int(probabilities.argmax())
        return list(languages)[best], float(probabilities[best])

    def no_speech_probability(self, sound: Sound) -> float:
        # In Whisper's vocabulary "no speech" always stands before "no timestamps".
        return float(sound.first_logits.softmax(dim=-1)[self.settings.no_timestamps_token_id - 1])

    def said(self, sound: Sound, asked: Asked, temperature: float, pulse: Pulse) -> Said:
        """One try at the text."""
        outputs = self.network.generate(
            sound.features,
            encoder_outputs=sound.encoded,
            temperature=(temperature,),
            max_new_tokens=self._most_tokens(sound, asked),
            stopping_criteria=StoppingCriteriaList([pulse]),
            return_timestamps=True,
            return_segments=True,
            # One call for one stretch of sound. Asked for a threshold, it tells the scores as well.
            force_unique_generate_call=True,
            condition_on_prev_tokens=False,
            logprob_threshold=SURE_LOGPROB,
            **self._choices(asked),
        )
        segments = outputs["segments"][0]
        result = segments[0]["result"]
        logprobs = token_logprobs(result, temperature)
        before = len(result["sequences"]) - len(logprobs)
        heard = [self._as_text(segment, logprobs, before) for segment in segments]
        return Said(heard, tuple(result["sequences"][:before].tolist()), float(logprobs.mean()))

    def _choices(self, asked: Asked) -> dict[str, Any]:
        """An English-only model refuses to be told a language or a task, and speech in English needs no translation."""
        choices: dict[str, Any] = {}
        if self.languages:
            translates = asked.task is Task.TRANSLATE and asked.language != ENGLISH
            choices = {"language": asked.language, "task": str(Task.TRANSLATE if translates else Task.TRANSCRIBE)}
        if asked.prompt:
            choices["prompt_ids"] = torch.tensor(asked.prompt, device=self.network.device)
        return choices

    def _most_tokens(self, sound: Sound, asked: Asked) -> int:
        positions: int = self.network.config.max_target_positions
        room = positions - len(asked.prompt) - TOKENS_BEFORE_TEXT
        return min(TOKENS_AT_LEAST + int(TOKENS_A_SECOND * sound.seconds), positions // 2, room)

    def _as_text(self, segment: dict[str, Any], logprobs: Tensor, before: int) -> HeardSegment:
        first_timestamp = self.settings.no_timestamps_token_id + 1
        tokens = segment["tokens"].tolist()
        begin, end = (index - before for index in segment["idxs"])
        # The end token belongs to what it ends.
        own = logprobs[begin : end + 1] if end == len(logprobs) - 1 else logprobs[begin:end]
        # Of a single segment `generate` forgets when it begins.
        timed = bool(tokens) and tokens[0] >= first_timestamp
        start = (tokens[0] - first_timestamp) * SECONDS_A_TIMESTAMP if timed else float(segment["start"])
        words = [token for token in tokens if token < self.settings.eos_token_id]
        return HeardSegment(
            start=start,
            end=float(segment["end"]),
            text=self.decoded(words),
            # Two timestamps at the very end are Whisper's way to say: from here on there is more than I could finish.
            more_follows=len(tokens) > 1 and min(tokens[-2:]) >= first_timestamp,
            tokens=tuple(words),
            avg_logprob=float(own.mean()),
        )
