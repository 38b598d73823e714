"""Puts the windows of a recording together to one transcript, with its figures."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from services.certainty import confidence_of, is_speech_without_words, low_confidence_of, needs_review
from services.models import Gap, HeardWindow, Plan, Segment, Transcript
from services.pace import longest_pause_seconds, words_per_minute


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Below which confidence an answer needs a review, and below which probability a word is pointed out (0-1)."""

    needs_review_below: float
    low_confidence_below: float


def assembled(
    plan: Plan,
    windows: Mapping[int, HeardWindow],
    gap_codes: Mapping[int, str],
    language: tuple[str | None, float | None],
    thresholds: Thresholds,
) -> Transcript:
    """The windows in the order of the recording, whichever was heard first; `gap_codes` says why others were not."""
    segments = tuple(segment for index in sorted(windows) for segment in windows[index].segments)
    gaps = tuple(
        Gap(plan.windows[index].start, plan.windows[index].end, gap_codes[index]) for index in sorted(gap_codes)
    )
    confidence = confidence_of(segments)
    return Transcript(
        text=_text_of(segments),
        segments=segments,
        language=language[0],
        language_probability=language[1],
        duration_seconds=round(plan.duration_seconds, 3),
        # What is in a gap nobody knows.
        no_speech=not segments and not gaps,
        gaps=gaps,
        confidence=confidence,
        low_confidence=low_confidence_of(segments, below=thresholds.low_confidence_below),
        needs_review=needs_review(
            confidence,
            below=thresholds.needs_review_below,
            has_gaps=bool(gaps),
            nothing_heard=(bool(plan.windows) and not segments) or is_speech_without_words(plan.speech, segments),
        ),
        words_per_minute=words_per_minute(segments, gaps),
        longest_pause_seconds=longest_pause_seconds(segments, gaps),
    )


def time_spent(beside: Mapping[str, float], windows: Mapping[int, HeardWindow]) -> dict[str, float]:
    """Seconds by stage: what hearing each window took, and what was spent `beside` that."""
    spent = Counter(dict(beside))
    for heard in windows.values():
        spent.update(dict(heard.timing))
    return {stage: round(seconds, 3) for stage, seconds in spent.items()}


def _text_of(segments: tuple[Segment, ...]) -> str:
    return " ".join(segment.text for segment in segments)
