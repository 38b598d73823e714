"""Filler words of English, told apart from the same words doing their work."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.feedback.english import (
    BEFORE_I_MEAN,
    BEFORE_REAL_LIKE,
    BEFORE_YOU_KNOW,
    FUNCTION_WORDS,
    QUANTIFIERS,
)
from services.feedback.scale import (
    MOST_CITED,
    Finding,
    Spot,
    counted,
    evidence,
    falling,
    listed,
    per_hundred,
    quoted,
    shortened,
)

_HESITATION = re.compile(r"u+m+|u+h+m*|e+r+m*|a+h+|h+m+|m{2,}")
_ADVERBS = frozenset({"basically", "actually", "literally"})
# A phrase is no filler right after one of these: "do you know", "what i mean", "a kind of".
_PHRASES = {
    ("you", "know"): BEFORE_YOU_KNOW,
    ("i", "mean"): BEFORE_I_MEAN,
    ("sort", "of"): QUANTIFIERS,
    ("kind", "of"): QUANTIFIERS,
}
_OPENERS = frozenset({"and", "but", "so", "because"})
_PRONOUNS = frozenset({"i", "we", "he", "she", "they", "it", "you"})
# Half of running English is function words; German or Spanish text shares few of them.
_ENGLISH_SHARE = 0.12


@dataclass(slots=True)
class Speech:
    """A text parted into fillers and the other words.

    `places` are those of the words, `found` those of the fillers; `beside` marks the words that had a filler next to
    them.
    """

    fillers: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    found: list[Spot] = field(default_factory=list)
    beside: set[int] = field(default_factory=set)


def fillers(words: Sequence[str]) -> Finding | None:
    """Fillers per 100 other words, 50 points at 8; None where the text does not read as English.

    People in conversation make about six disfluencies of all kinds per 100 words (Bortfeld et al., "Disfluency rates
    in conversation", Language and Speech 44(2), 2001, 123–147), so a few cost little.
    """
    speech = part(words)
    if not _is_english(speech.words):
        return None
    number = speech.fillers.total()
    score = falling(per_hundred(number, len(speech.words)), half=8) * evidence(len(set(speech.words)))
    if not number:
        too_few = ", but there are too few different words to tell" if score < 100 else ""
        return Finding(score, f"You used no filler words{too_few}.")
    named = listed([quoted(filler) for filler, _ in speech.fillers.most_common(3)])
    advice = "that sounds natural" if score >= 85 else "try a silent pause instead"
    used = f"You used {counted(number, 'filler')} ({named}) next to {counted(len(speech.words), 'other word')}"
    return Finding(score, f"{used}: {advice}.", tuple(speech.found[:MOST_CITED]))


def part(words: Sequence[str]) -> Speech:
    """Take the fillers out one by one, so that "sort um of" is found too, and judge each "like" by what is left.

    A filler put anywhere into a text adds exactly itself: it leaves the words around it as they were.
    """
    speech = Speech()
    for place, word in enumerate(words):
        if word in _ADVERBS or _HESITATION.fullmatch(word):
            _count(speech, word, place, place)
        else:
            speech.words.append(word)
            speech.places.append(place)
            _close_phrase(speech)
    _take_likes(speech)
    speech.found.sort(key=lambda spot: spot.start)
    return speech


def _close_phrase(speech: Speech) -> None:
    phrase = tuple(speech.words[-2:])
    forbidden = _PHRASES.get(phrase) if len(phrase) == 2 else None
    if forbidden is None or (len(speech.words) > 2 and speech.words[-3] in forbidden):
        return
    first, last = speech.places[-2:]
    del speech.words[-2:], speech.places[-2:]
    _count(speech, " ".join(phrase), first, last)


def _count(speech: Speech, filler: str, first: int, last: int) -> None:
    speech.fillers[filler] += 1
    speech.found.append(Spot(first, last + 1, shortened(filler, 60)))
    speech.beside.update((len(speech.words) - 1, len(speech.words)))


def _take_likes(speech: Speech) -> None:
    """ "Like" is a filler beside another filler, or opening a clause ("so like we had"), and not after "i" or "to"."""
    kept = []
    for place, word in enumerate(speech.words):
        before = speech.words[place - 1] if place else ""
        after = speech.words[place + 1] if place + 1 < len(speech.words) else ""
        opens = before in _OPENERS and after in _PRONOUNS
        if word == "like" and before not in BEFORE_REAL_LIKE and (opens or place in speech.beside):
            speech.fillers[word] += 1
            speech.found.append(Spot(speech.places[place], speech.places[place] + 1, word))
        else:
            kept.append(place)
    speech.words, speech.places = [speech.words[each] for each in kept], [speech.places[each] for each in kept]


def _is_english(words: Sequence[str]) -> bool:
    """Whether enough function words occur; a text of nothing but fillers counts as English."""
    return sum(word in FUNCTION_WORDS for word in words) >= _ENGLISH_SHARE * len(words)
