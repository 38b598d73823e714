"""Lines of a cue: at most two of 42 columns, broken after a mark where there is one, else about evenly."""

import unicodedata
from collections.abc import Sequence

COLUMNS = 42
# So many columns more may one line have than the other, for the sake of a break after a mark.
WORTH_OF_A_MARK = 10
_MARKS = frozenset(",.;:!?…、。")
_CLOSING = ("Pe", "Pf")


def fits(pieces: Sequence[str]) -> bool:
    """Whether these are two lines at most; a piece alone always is."""
    return len(pieces) == 1 or _width("".join(pieces)) <= COLUMNS or bool(_breaks(pieces))


def lines_of(pieces: Sequence[str]) -> list[str]:
    """One line where that is enough; of two the lower one rather than the upper is the longer."""
    text = "".join(pieces)
    breaks = _breaks(pieces) if _width(text) > COLUMNS else []
    if not breaks:
        return [text.strip()]
    _, upper, lower = min(breaks)
    return [upper, lower]


def is_good_break(piece: str) -> bool:
    """Whether a sentence or a part of one ends there."""
    # As its plain form: the full width marks of East Asia are marks, too.
    text = unicodedata.normalize("NFKC", piece).rstrip()
    while text and (text[-1] in "\"'" or unicodedata.category(text[-1]) in _CLOSING):
        text = text[:-1]
    return text[-1:] in _MARKS


def _breaks(pieces: Sequence[str]) -> list[tuple[float, str, str]]:
    """Every way to break them into two lines, and how far from good each is."""
    found = []
    for i in range(1, len(pieces)):
        upper, lower = "".join(pieces[:i]).strip(), "".join(pieces[i:]).strip()
        widths = _width(upper), _width(lower)
        if max(widths) <= COLUMNS:
            # Half a column, so that the lower one is longer where it makes no other difference.
            cost = abs(widths[0] - widths[1] + 0.5) - (WORTH_OF_A_MARK if is_good_break(pieces[i - 1]) else 0)
            found.append((cost, upper, lower))
    return found


def _width(text: str) -> int:
    """Columns: signs of East Asia take two (Unicode Standard Annex 11), marks over others none."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text.strip()
    )
