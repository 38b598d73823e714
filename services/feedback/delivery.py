"""How much was said, and how: length, pace and pauses, and with fillers and repetition all of the delivery."""

import math

from services.feedback.evaluation import SpokenAnswer
from services.feedback.fillers import fillers
from services.feedback.repetition import repetition
from services.feedback.scale import Finding, Spot, counted, within
from services.feedback.words import ReadText, count_words, is_mostly_unspaced

# About half a minute to two minutes of speech at an easy pace.
FEWEST_WORDS = 50
MOST_WORDS = 300
SLOWEST_WPM = 110
FASTEST_WPM = 160
SHORTEST_SECONDS = 1.0
# A thought takes its time: what is longer sounds as if the answer were over.
LONGEST_EASY_PAUSE_SECONDS = 4.0


def delivery(answer: SpokenAnswer, text: ReadText) -> dict[str, Finding | None]:
    """How it was said, by part; None where that cannot be judged."""
    is_spaced = not is_mostly_unspaced(text.words)
    return {
        "pace": _pace(answer, text) if is_spaced else None,
        "fillers": fillers(text.words) if is_spaced else None,
        "pauses": pauses(answer.longest_pause_seconds),
        "repetition": repetition(text.words) if is_spaced else None,
    }


def _pace(answer: SpokenAnswer, text: ReadText) -> Finding | None:
    """It rests on every word."""
    found = pace(count_words(text.words), answer.duration_seconds)
    return None if found is None else Finding(found.score, found.comment, (Spot(0, len(text.words)),))


def length(words: int, model_words: int, *, repeated: int) -> Finding:
    """Against half to one and a half times the model answer, or 50 to 300 words without one (`model_words` 0).

    `repeated` of the words said again what was just said and are not counted: a loop is not a long answer.
    """
    words -= repeated
    low, high = (max(1.0, model_words / 2), model_words * 1.5) if model_words else (FEWEST_WORDS, MOST_WORDS)
    said = f"You said {counted(words, 'word')}{' (repeats left out)' if repeated else ''}"
    if words < low:
        comment = f"{said}, which is short: aim for at least {math.ceil(low)}, for example by adding how it turned out."
    elif words > high:
        comment = f"{said}, which is long: try to make the same points in at most {math.floor(high)}."
    else:
        comment = f"{said}, a good length."
    return Finding(within(words, low, high, width=1.2), comment)


def pace(words: int, seconds: float) -> Finding | None:
    """Words a minute against 110–160; None when the duration is unknown or too short to divide by.

    The band is ours, between two findings for English: 100–125 words a minute suit a talk over slides and 150–160 an
    audiobook (J. R. Williams, "Guidelines for the use of multimedia in instruction", Proceedings of the Human Factors
    and Ergonomics Society 42, 1998, 1447–1451).
    """
    if not math.isfinite(seconds) or seconds < SHORTEST_SECONDS:
        return None
    wpm = 60 * words / seconds
    spoke = f"You spoke {counted(words, 'word')} in {seconds:.0f} s ({wpm:.0f} words a minute)"
    if wpm < SLOWEST_WPM:
        comment = f"{spoke}, which is slow: fewer or shorter pauses will bring you to {SLOWEST_WPM} or more."
    elif wpm > FASTEST_WPM:
        comment = f"{spoke}, which is fast: a short pause after each thought makes it easier to follow."
    else:
        comment = f"{spoke}, a comfortable pace."
    return Finding(within(wpm, SLOWEST_WPM, FASTEST_WPM, width=0.5), comment)


def pauses(longest_seconds: float | None) -> Finding | None:
    """The longest silence between two words, easy up to 4 s; None where nobody knows it."""
    if longest_seconds is None or not math.isfinite(longest_seconds) or longest_seconds < 0:
        return None
    seconds = max(longest_seconds, LONGEST_EASY_PAUSE_SECONDS)
    was = f"Your longest pause was {longest_seconds:.1f} s"
    comment = f"{was}." if seconds == LONGEST_EASY_PAUSE_SECONDS else f"{was}: a word that you are thinking bridges it."
    return Finding(within(seconds, LONGEST_EASY_PAUSE_SECONDS, LONGEST_EASY_PAUSE_SECONDS, width=1.0), comment)
