"""The flags there are, and how the environment says to what share of its units each is rolled out."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from marshmallow import ValidationError

# In percent: of sessions that a model scores, of sessions that the second speech model hears, and of new sessions that
# take recordings.
FLAGS: Mapping[str, float] = MappingProxyType({"llm_feedback": 100.0, "challenger_model": 0.0, "audio_answers": 100.0})


def read_flags(value: str) -> Mapping[str, float]:
    """Every flag with its percentage, from "llm_feedback=10,challenger_model=0.5"; the others have their defaults."""
    flags = dict(FLAGS)
    named = set()
    for each in filter(None, (part.strip() for part in value.split(","))):
        name, _, percent = (part.strip() for part in each.partition("="))
        if name not in FLAGS or name in named:
            raise ValidationError(f"must name each of {', '.join(FLAGS)} once at most, such as llm_feedback=10")
        named.add(name)
        flags[name] = _percent(percent)
    return MappingProxyType(flags)


def are_flags(value: str) -> None:
    read_flags(value)


def is_percent(number: float) -> bool:
    """From 0 to 100, to a hundredth: there are 10,000 steps."""
    return math.isfinite(number) and 0 <= number <= 100 and abs(number * 100 - round(number * 100)) < 1e-6


def _percent(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not is_percent(number):
        raise ValidationError("must give each flag a percentage from 0 to 100, with two decimals at most")
    return number
