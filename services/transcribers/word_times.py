"""When each word was spoken, and how sure the model is of it: one look at the text with the sound beside it.

The text is given to the decoder as if it had said it (teacher forcing); where its alignment heads listen then is warped
to the words in time, as in OpenAI's whisper/timing.py. Each segment is warped by itself, within the times that the
model gave it, and to where somebody speaks: over a whole window, pauses would belong to words.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from services.models import Span, Word
from services.transcribers.cross_attention import alignment_heads, smoothed, watched
from services.transcribers.hearing import Hearing, Said, Sound
from services.transcribers.segments import FASTEST_LETTERS_A_SECOND, HeardSegment
from services.transcribers.spelling import Spelled, spelled
from services.transcribers.time_warping import first_columns
from services.transcribers.word_bounds import fitted, is_spoken

POSITIONS_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class Look:
    """What the decoder makes of a text: for each of its tokens a row of attention over time, and its probability."""

    attention: NDArray[np.float64]
    probabilities: NDArray[np.float32]


class WordTimes:
    """Finds words in what a `Hearing` said; `temperature` makes its certainty that of its hits."""

    def __init__(self, hearing: Hearing, temperature: float = 1.0) -> None:
        self._hearing = hearing
        self._heads = alignment_heads(hearing.network)
        self._temperature = temperature

    def found(self, sound: Sound, said: Said, language: str | None, speech: Sequence[Span]) -> list[HeardSegment]:
        """The segments with their words."""
        tokens = [token for segment in said.segments for token in segment.tokens]
        if not tokens:
            return list(said.segments)
        look = self._look(sound, said.asked, tokens)
        segments, place = [], 0
        for segment in said.segments:
            rows = slice(place, place + len(segment.tokens))
            place = rows.stop
            own = Look(look.attention[rows], look.probabilities[rows])
            segments.append(replace(segment, words=self._words(segment, own, language, speech)))
        return segments

    def _look(self, sound: Sound, asked: Sequence[int], tokens: Sequence[int]) -> Look:
        """OpenAI's way to ask: without timestamps, the end token last. A prompt that does not fit is left out."""
        network, settings = self._hearing.network, self._hearing.settings
        prompt = asked[: asked.index(settings.decoder_start_token_id)]
        said = [*asked[len(prompt) :], settings.no_timestamps_token_id, *tokens, settings.eos_token_id]
        if len(prompt) + len(said) > network.config.max_target_positions:
            prompt = ()
        ids = torch.tensor([[*prompt, *said]], device=network.device)
        with watched(network, self._heads) as seen:
            logits = network(encoder_outputs=sound.encoded, decoder_input_ids=ids, use_cache=False).logits[0]
        # Each row tells of the token that follows it.
        first = len(said) - len(tokens) - 2
        positions = min(math.ceil(sound.seconds * POSITIONS_A_SECOND), network.config.max_source_positions)
        attention = sum(
            smoothed(seen.attention(network, head, positions)[len(prompt) :], network.config.median_filter_width)
            for head in self._heads
        )
        rows = slice(first, first + len(tokens))
        return Look(
            np.asarray(attention, np.float64)[rows] / len(self._heads),
            self._probabilities(logits[len(prompt) :][rows], tokens),
        )

    def _probabilities(self, logits: torch.Tensor, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Among text tokens alone: a timestamp is no other word."""
        text = logits[:, : self._hearing.settings.eos_token_id].float() / self._temperature
        own = text.softmax(dim=-1).gather(-1, torch.tensor(tokens, device=text.device).unsqueeze(-1))
        probabilities: NDArray[np.float32] = own.squeeze(-1).cpu().numpy()
        return probabilities

    def _words(
        self, segment: HeardSegment, look: Look, language: str | None, speech: Sequence[Span]
    ) -> tuple[Word, ...]:
        words = spelled(segment.tokens, self._hearing.decoded, language)
        positions = _positions(segment, speech, look.attention.shape[1])
        columns = first_columns(-look.attention[:, positions], [self._shortest(token) for token in segment.tokens])
        times = [positions[column] / POSITIONS_A_SECOND for column in columns[:-1]]
        times.append((positions[-1] + 1) / POSITIONS_A_SECOND)
        spans = fitted(
            [times[word.core.start] for word in words],
            [times[word.core.stop] for word in words],
            Span(segment.start, segment.end),
        )
        return tuple(
            Word(span.start, span.end, word.text, self._sure(word, look, segment.rounds))
            for word, span in zip(words, spans, strict=True)
            if word.text.strip()
        )

    def _shortest(self, token: int) -> int:
        """The positions that a token takes at least."""
        letters = len(self._hearing.decoded([token]).strip())
        return max(1, letters * POSITIONS_A_SECOND // FASTEST_LETTERS_A_SECOND)

    def _sure(self, word: Spelled, look: Look, rounds: int) -> float:
        return round(float(look.probabilities[word.core.start : word.core.stop].mean()) / rounds, 4)


def _positions(segment: HeardSegment, speech: Sequence[Span], count: int) -> list[int]:
    """The moments of a segment in which somebody may be speaking: no word is looked for in a pause."""
    begin = min(int(segment.start * POSITIONS_A_SECOND), count - 1)
    own = range(begin, min(count, max(begin + 1, math.ceil(segment.end * POSITIONS_A_SECOND))))
    return [at for at in own if is_spoken(_moment(at), speech)] or list(own)


def _moment(position: int) -> Span:
    return Span(position / POSITIONS_A_SECOND, (position + 1) / POSITIONS_A_SECOND)
