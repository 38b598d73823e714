"""Values for pipeline updates.

A pipeline update is the only kind that knows the server's clock (`$$NOW`), but it reads every string as an expression:
the transcript "$50 was my budget" would store nothing, and say nothing. So a value is stored literally unless it is
marked as an `Expression` by us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Expression:
    """Something for MongoDB to compute. Never built from a value that came from outside."""

    value: Any


NOW = Expression("$$NOW")
REMOVE = Expression("$$REMOVE")


def seconds_from_now(seconds: float) -> Expression:
    """The server's clock plus `seconds`."""
    return Expression({"$add": ["$$NOW", round(seconds * 1000)]})


def increased(path: str, by: int | dict[str, Any] = 1) -> Expression:
    """The number at `path` plus `by` (a number, or an expression of ours); a missing one counts as 0."""
    return Expression({"$add": [{"$ifNull": [f"${path}", 0]}, by]})


def stored(value: Any) -> Any:
    """`value` as it may stand in a pipeline: an `Expression` computed, anything else literally."""
    return value.value if isinstance(value, Expression) else {"$literal": value}


def fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a whole document to be built, or for a `$set` stage."""
    return {name: stored(value) for name, value in values.items()}
