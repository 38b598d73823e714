"""Length and pace: how much was said, and how fast."""

import math

from services.feedback.scale import Finding, counted, within

# About half a minute to two minutes of speech at an easy pace.
FEWEST_WORDS = 50
MOST_WORDS = 300
SLOWEST_WPM = 110
FASTEST_WPM = 160
SHORTEST_SECONDS = 1.0


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
