"""The espeak-ng voices and speeds of the training speech, and those kept apart for the evaluation."""

import random
from dataclasses import dataclass

ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc")

# Some of these have siblings in training (f2 beside f1, klatt3 beside klatt2), others (belinda, miguel) have none.
HELD_OUT_VOICES = ("f2", "m4", "klatt3", "steph2", "belinda", "miguel", "edward", "Andrea", "max", "grandpa")

TRAINING_VOICES = (
    *("Alex", "Alicia", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee"),
    *("Marco", "Mario", "Michael", "Mike", "Nguyen", "RicishayMax", "RicishayMax2", "RicishayMax3", "Storm", "adam"),
    *("anika", "announcer", "antonio", "aunty", "benjamin", "boris", "caleb", "david", "ed", "edward2", "f1", "f3"),
    *("f4", "f5", "grandma", "gustave", "iven", "iven2", "iven3", "iven4", "john", "kaukovalta", "klatt", "klatt2"),
    *("klatt4", "klatt5", "klatt6", "linda", "m1", "m2", "m3", "m5", "m6", "m7", "m8", "marcelo", "michel", "norbert"),
    *("pablo", "paul", "pedro", "quincy", "rob", "robert", "robosoft", "robosoft3", "robosoft5", "sandro", "shelby"),
    *("steph", "steph3", "travis", "victor", "zac"),
)

# espeak-ng speeds in words a minute.
TRAINING_SPEEDS = tuple(range(130, 200, 5))
HELD_OUT_SPEEDS = (137, 148, 157, 168, 177, 188)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one sentence is spoken: espeak-ng's voice (accent and variant), words a minute, and pitch (0 to 99)."""

    accent: str
    variant: str
    speed: int
    pitch: int


def training_delivery(rng: random.Random) -> Delivery:
    """A random voice, speed and pitch out of those for training."""
    return Delivery(rng.choice(ACCENTS), rng.choice(TRAINING_VOICES), rng.choice(TRAINING_SPEEDS), rng.randint(25, 75))


def held_out_delivery(rng: random.Random, variant: str) -> Delivery:
    """A random accent, held-out speed and pitch for one of the held-out voices."""
    return Delivery(rng.choice(ACCENTS), variant, rng.choice(HELD_OUT_SPEEDS), rng.randint(30, 70))
