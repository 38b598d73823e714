"""Draws the demo model's sentences from the grammar, deterministically by seed, and keeps some apart for evaluation."""

import argparse
import random
import re
import zlib
from collections.abc import Iterator
from functools import cache

from scripts.demo_model.grammar import FILLERS, HOMOPHONES, RULES

RANDOM_STRING_SHARE = 0.07
FILLER_SHARE = 0.25
HELD_OUT_ONE_IN = 12
_REFERENCE = re.compile(r"<(\w+)>")


@cache
def _alternatives(symbol: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(alternative.split()) for alternative in RULES[symbol].split("|"))


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word a sentence can hold, sorted."""
    words = {word for phrase in FILLERS for word in phrase.split()}
    for symbol in RULES:
        words.update(word for alternative in _alternatives(symbol) for word in alternative)
    return tuple(sorted(word for word in words if not _REFERENCE.fullmatch(word)))


def _expand(symbol: str, rng: random.Random) -> list[str]:
    words: list[str] = []
    for word in rng.choice(_alternatives(symbol)):
        reference = _REFERENCE.fullmatch(word)
        words += _expand(reference.group(1), rng) if reference else [word]
    return words


def _random_words(rng: random.Random) -> list[str]:
    allowed = [word for word in vocabulary() if word not in HOMOPHONES]
    return [rng.choice(allowed) for _ in range(rng.randint(3, 9))]


def draw(rng: random.Random, random_share: float = RANDOM_STRING_SHARE) -> str:
    """One sentence: lower-case words without punctuation; `random_share` of them are strings of unrelated words."""
    if rng.random() < random_share:
        return " ".join(_random_words(rng))
    words = _expand("sentence", rng)
    if rng.random() < FILLER_SHARE:
        place = rng.choice((0, rng.randint(0, len(words))))
        words[place:place] = rng.choice(FILLERS).split()
    return " ".join(words)


def is_held_out(sentence: str) -> bool:
    """Whether a sentence belongs to the evaluation: decided by its text alone, so no seed can mix the two sets."""
    return zlib.crc32(sentence.encode()) % HELD_OUT_ONE_IN == 0


def sentences(seed: int, *, held_out: bool, random_share: float = RANDOM_STRING_SHARE) -> Iterator[str]:
    """An endless, repeatable stream of training or of evaluation sentences."""
    rng = random.Random(f"{seed}-{held_out}")
    while True:
        sentence = draw(rng, random_share)
        if is_held_out(sentence) == held_out:
            yield sentence


def written(sentence: str) -> str:
    """The sentence as the model writes it: lower-case, with a final period."""
    return f"{sentence}."


def main() -> None:
    """Print random sentences: `python -m scripts.demo_model.corpus 20`."""
    parser = argparse.ArgumentParser(description="Print random sentences of the demo model's grammar.")
    parser.add_argument("count", type=int, nargs="?", default=20, help="how many sentences (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed prints the same sentences (default: 0)")
    arguments = parser.parse_args()
    stream = sentences(arguments.seed, held_out=False)
    for _ in range(arguments.count):
        print(next(stream))


if __name__ == "__main__":
    main()
