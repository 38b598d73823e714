"""The sentences that are spoken: the demo model's test set, and others for what is fitted."""

import random
from collections.abc import Iterator
from itertools import islice

from scripts.demo_model.corpus import sentences
from scripts.demo_model.heldout import deliveries
from scripts.demo_model.voices import ACCENTS, HELD_OUT_SPEEDS, Delivery
from scripts.quality.espeak_words import SaidSentence, say_all

TEST_SENTENCES = 300
VALIDATION_SEED = 4052
# The model was neither trained nor is it tested with these.
VALIDATION_VOICES = ("AnxiousAndy", "Mr serious", "UniRobot", "anikaRobot", "robosoft2", "robosoft6")


def test_set(count: int) -> Iterator[SaidSentence]:
    """The first of the sentences that the demo model's card is about, with the same samples."""
    return say_all(deliveries(count))


def validation_set(count: int) -> Iterator[SaidSentence]:
    """Sentences that were neither trained nor are in the test set, by other voices than both."""
    return say_all(_validation(count))


def _validation(count: int) -> Iterator[tuple[str, Delivery]]:
    rng = random.Random(VALIDATION_SEED)
    tested = {text for text, _ in deliveries(TEST_SENTENCES)}
    others = (text for text in sentences(VALIDATION_SEED, held_out=True) if text not in tested)
    for number, text in enumerate(islice(others, count)):
        voice = VALIDATION_VOICES[number % len(VALIDATION_VOICES)]
        yield text, Delivery(rng.choice(ACCENTS), voice, rng.choice(HELD_OUT_SPEEDS), rng.randint(30, 70))
