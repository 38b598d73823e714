"""Puts tokens together to words, as OpenAI's whisper/tokenizer.py and whisper/timing.py do."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Written without spaces between words.
SPACELESS_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
OPENING = frozenset("\"'“¿([{-")
CLOSING = frozenset("\"'.。,，!！?？:：”)]}、")  # noqa: RUF001 - these are meant
# What a decoder shows for bytes that are no whole letter.
BROKEN = "\ufffd"

Decode = Callable[[list[int]], str]


@dataclass(frozen=True, slots=True)
class Spelled:
    """A word as it is written, with its place among the tokens; `core` are those without the punctuation around it."""

    text: str
    tokens: range
    core: range


def spelled(tokens: Sequence[int], decode: Decode, language: str | None) -> list[Spelled]:
    """The words of a text; their `text`s, one after the other, are the text."""
    letters = _letters(tokens, decode)
    words = letters if language in SPACELESS_LANGUAGES else _between_spaces(letters)
    return _with_closing(_with_opening(words))


def _letters(tokens: Sequence[int], decode: Decode) -> list[Spelled]:
    """The smallest pieces that are whole letters: a letter of some scripts is spread over several tokens."""
    whole = decode(list(tokens))
    pieces: list[Spelled] = []
    begin = length = 0
    for end in range(1, len(tokens) + 1):
        text = decode(list(tokens[begin:end]))
        place = text.find(BROKEN)
        # A broken letter of the text itself stands there as well, and stays.
        if place >= 0 and whole[length + place : length + place + 1] != BROKEN and end < len(tokens):
            continue
        pieces.append(Spelled(text, range(begin, end), range(begin, end)))
        begin, length = end, length + len(text)
    return pieces


def _between_spaces(pieces: list[Spelled]) -> list[Spelled]:
    words: list[Spelled] = []
    for piece in pieces:
        is_punctuation = piece.text.strip() in string.punctuation
        if not words or piece.text.startswith(" ") or is_punctuation:
            words.append(piece)
        else:
            words[-1] = _joined(words[-1], piece, range(words[-1].core.start, piece.core.stop))
    return words


def _with_opening(words: list[Spelled]) -> list[Spelled]:
    """Each opening mark before a space goes to the word that follows."""
    merged: list[Spelled] = []
    for word in reversed(words):
        if merged and word.text.startswith(" ") and word.text.strip() in OPENING:
            merged[-1] = _joined(word, merged[-1], merged[-1].core)
        else:
            merged.append(word)
    return merged[::-1]


def _with_closing(words: list[Spelled]) -> list[Spelled]:
    merged: list[Spelled] = []
    for word in words:
        if merged and not merged[-1].text.endswith(" ") and word.text in CLOSING:
            merged[-1] = _joined(merged[-1], word, merged[-1].core)
        else:
            merged.append(word)
    return merged


def _joined(first: Spelled, second: Spelled, core: range) -> Spelled:
    return Spelled(first.text + second.text, range(first.tokens.start, second.tokens.stop), core)
