"""Puts what a model heard in one window at its place in the recording."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.audio.windows import Window
from services.models import Segment, Span, Word
from services.transcribers import SAMPLE_RATE_HZ
from services.transcribers.word_bounds import is_spoken, without_pauses

# So much speech after the last word is no breath and no echo: the model stopped before the speaker did.
UNHEARD_SECONDS = 1.0
# A step is larger than what a sentence's last sound takes, so that a rest is never the same window again.
SHORTEST_STEP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """A stretch of text with seconds from the beginning of its window, as the model said it.

    The figures are those of `services.models.Segment`; `tokens` are its text alone, and `rounds` is how often a loop
    said it. After the last segment of a window `more_follows` tells whether the model stopped there with something left
    to hear.
    """

    start: float
    end: float
    text: str
    more_follows: bool = False
    tokens: tuple[int, ...] = ()
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0
    temperature: float = 0.0
    rounds: int = 1
    words: tuple[Word, ...] = ()


def within(heard: Iterable[HeardSegment], seconds: float) -> list[HeardSegment]:
    """Segments in order, without overlaps, none reaching beyond the window's sound.

    What begins where the sound has ended was heard in the padding: it is dropped, as is empty text.
    """
    segments: list[HeardSegment] = []
    latest = 0.0
    for segment in heard:
        text = " ".join(segment.text.split())
        if not text or segment.start >= seconds:
            continue
        start = min(max(segment.start, latest), seconds)
        latest = min(max(segment.end, start), seconds)
        segments.append(replace(segment, start=start, end=latest, text=text))
    return segments


def spoken(heard: Iterable[HeardSegment], window: Window) -> list[HeardSegment]:
    """The segments without words where nobody speaks, and no longer than their words; times are the window's."""
    speech = [Span(span.start - window.start_seconds, span.end - window.start_seconds) for span in window.speech]
    segments = []
    for segment in heard:
        words = [word for word in segment.words if is_spoken(Span(word.start, word.end), speech)]
        if words:
            text = segment.text if len(words) == len(segment.words) else "".join(word.text for word in words).strip()
            words = [replace(without_pauses(word, speech), text=word.text.strip()) for word in words]
            segments.append(replace(segment, start=words[0].start, end=words[-1].end, text=text, words=tuple(words)))
    return segments


def placed(heard: Iterable[HeardSegment], window: Window) -> list[Segment]:
    """Segments and words in seconds of the recording."""

    def at(seconds: float) -> float:
        return round(window.start_seconds + seconds, 3)

    return [
        Segment(
            at(segment.start),
            at(segment.end),
            segment.text,
            avg_logprob=round(segment.avg_logprob, 4),
            no_speech_prob=round(segment.no_speech_prob, 4),
            compression_ratio=round(segment.compression_ratio, 3),
            temperature=segment.temperature,
            words=tuple(replace(word, start=at(word.start), end=at(word.end)) for word in segment.words),
        )
        for segment in heard
    ]


def rest_of(window: Window, heard: list[HeardSegment]) -> Window | None:
    """What of the window is still to be heard: from where the model stopped, if it says so or somebody goes on."""
    if not heard or not SHORTEST_STEP_SECONDS <= heard[-1].end < window.seconds:
        return None
    end = heard[-1].end
    rest = Window(
        window.start_seconds + end,
        window.samples[round(end * SAMPLE_RATE_HZ) :],
        tuple(
            Span(max(span.start, window.start_seconds + end), span.end)
            for span in window.speech
            if span.end > window.start_seconds + end
        ),
    )
    unheard = sum(span.seconds for span in rest.speech)
    return rest if heard[-1].more_follows or unheard >= UNHEARD_SECONDS else None
