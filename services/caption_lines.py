"""Lines of a cue: at most two of 42 columns, broken after a mark where there is one, else about evenly."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

COLUMNS = 42
# So many columns more may one line have than the other, for the sake of a break after a mark.
WORTH_OF_A_MARK = 10
_MARKS = frozenset(",.;:!?…、。")
_CLOSING = ("Pe", "Pf")


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide a piece is within a line, and how wide where the line ends with it: without the space after it."""

    within: int
    at_end: int


def columns_of(piece: str) -> Columns:
    at_end = _width(piece)
    return Columns(at_end + len(piece) - len(piece.rstrip()), at_end)


def fits(pieces: Sequence[Columns]) -> bool:
    """Whether these are two lines at most; a piece alone always is.

    The upper line takes what it can: if the rest is too long then, it always is.
    """
    before, lower = 0, False
    for number, piece in enumerate(pieces):
        if number and before + piece.at_end > COLUMNS:
            if lower or piece.at_end > COLUMNS or pieces[0].at_end > COLUMNS:
                return False
            before, lower = 0, True
        before += piece.within
    return True


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
    last = next((each for each in reversed(text) if not _is_closing(each)), "")
    return last in _MARKS


def _is_closing(sign: str) -> bool:
    return sign in "\"'" or unicodedata.category(sign) in _CLOSING


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
