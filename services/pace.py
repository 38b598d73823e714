"""How fast somebody spoke, and where they stopped. What was not heard (a gap) is neither speech nor a pause."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from services.models import Gap, Segment, Word

# Silent pauses are brief (< 0.2 s), medium, or long (> 1 s), and only who speaks freely makes long ones: those are for
# thinking (the classes: Campione and Véronis 2002, "A large-scale multilingual study of silent pause duration").
LONG_PAUSE_SECONDS = 1.0


def words_per_minute(segments: Sequence[Segment], gaps: Sequence[Gap] = ()) -> float | None:
    """Words by the minutes spent on them: the words themselves and the pauses of at most a second between them.

    None where there are no words, or no time was spent on them.
    """
    words = _words_of(segments)
    seconds = sum(max(0.0, word.end - word.start) for word in words)
    seconds += sum(pause for pause in _pauses(words, gaps) if pause <= LONG_PAUSE_SECONDS)
    return round(len(words) / seconds * 60, 1) if seconds > 0 else None


def longest_pause_seconds(segments: Sequence[Segment], gaps: Sequence[Gap] = ()) -> float | None:
    """The longest silence between two words; None where there are no two."""
    words = _words_of(segments)
    return round(max(_pauses(words, gaps), default=0.0), 2) if len(words) > 1 else None


def _words_of(segments: Sequence[Segment]) -> list[Word]:
    return [word for segment in segments for word in segment.words]


def _pauses(words: Sequence[Word], gaps: Sequence[Gap]) -> Iterator[float]:
    for word, following in pairwise(words):
        if not any(word.end <= gap.start and gap.end <= following.start for gap in gaps):
            yield max(0.0, following.start - word.end)
