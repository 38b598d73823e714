"""Puts what a model heard in one window at its place in the recording."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from services.audio.samples import SAMPLE_RATE_HZ
from services.audio.windows import PADDING_SECONDS, Window
from services.models import Segment, Span, Word
from services.transcribers.word_bounds import is_spoken, without_pauses

# So much speech after the last word is no breath and no echo: the model stopped before the speaker did.
UNHEARD_SECONDS = 1.0
# What only the detector takes for more speech may be a laugh or a hum. The demo model was less sure of all 14 texts it
# invented there, or not at the first try, and surer of 148 of 150 sentences; the other two were mostly wrong.
CERTAIN_LOGPROB = -0.7
# The rest of a sound that a detector hears a little longer is nothing to hear.
SHORTEST_SPEECH_SECONDS = 0.3
# 250 words a minute: few talk faster for longer than a word or two.
FASTEST_LETTERS_A_SECOND = 20
# Times are given in milliseconds; what has no length in them was said at no time.
SHORTEST_SECONDS = 0.002
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


def speech_in(window: Window) -> list[Span]:
    """In seconds from the beginning of the window, as all times of what was heard in it."""
    return [Span(span.start - window.start_seconds, span.end - window.start_seconds) for span in window.speech]


def believable(heard: Sequence[HeardSegment], speech: Sequence[Span], seconds: float) -> list[HeardSegment]:
    """Segments with room for what they say: one faster than anybody talks has wrong times.

    It is given the speech around it that is no other segment's.
    """
    segments: list[HeardSegment] = []
    for index, segment in enumerate(heard):
        letters = sum(not letter.isspace() for letter in segment.text)
        if letters > FASTEST_LETTERS_A_SECOND * (segment.end - segment.start):
            after = segments[-1].end if segments else 0.0
            before = heard[index + 1].start if index + 1 < len(heard) else seconds
            free = [span for span in speech if span.end > after and span.start < before]
            start = min([segment.start, *(max(after, span.start) for span in free)])
            segment = replace(segment, start=start, end=max([segment.end, *(min(before, s.end) for s in free)]))  # noqa: PLW2901
        segments.append(segment)
    return segments


def spoken(heard: Iterable[HeardSegment], speech: Sequence[Span]) -> list[HeardSegment]:
    """The segments without words where nobody speaks, and no longer than their words."""
    segments = []
    for segment in heard:
        words = [word for word in segment.words if _is_heard(word, speech)]
        if words:
            text = segment.text if len(words) == len(segment.words) else "".join(word.text for word in words).strip()
            words = [replace(without_pauses(word, speech), text=word.text.strip()) for word in words]
            segments.append(replace(segment, start=words[0].start, end=words[-1].end, text=text, words=tuple(words)))
    return segments


def certain(heard: Iterable[HeardSegment]) -> list[HeardSegment]:
    """The segments that may stand where only the detector says that somebody goes on."""
    return [each for each in heard if each.avg_logprob >= CERTAIN_LOGPROB and each.temperature == 0.0]


def _is_heard(word: Word, speech: Sequence[Span]) -> bool:
    return word.end - word.start >= SHORTEST_SECONDS and is_spoken(Span(word.start, word.end), speech)


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


def rest_of(window: Window, heard: Sequence[HeardSegment]) -> Window | None:
    """What of the window is still to be heard: from where the model stopped, if it says so or somebody goes on."""
    if not heard or not SHORTEST_STEP_SECONDS <= heard[-1].end < window.seconds:
        return None
    end = window.start_seconds + heard[-1].end
    left = (Span(max(span.start, end), span.end) for span in window.speech if span.end > end)
    unheard = [span for span in left if span.start > end or span.seconds >= SHORTEST_SPEECH_SECONDS]
    if not unheard or not (heard[-1].more_follows or sum(span.seconds for span in unheard) >= UNHEARD_SECONDS):
        return None
    start = max(end, unheard[0].start - PADDING_SECONDS)
    samples = window.samples[round((start - window.start_seconds) * SAMPLE_RATE_HZ) :]
    return Window(start, samples, tuple(unheard))
