"""A look into the database of a product that runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

Stored = Database[dict[str, Any]]


@contextmanager
def stored_at(port: int) -> Iterator[Stored]:
    """The product's database in the MongoDB that it started on this port."""
    client: MongoClient[dict[str, Any]] = MongoClient(port=port, directConnection=True)
    with client:
        yield client["parley"]


def has_no_audio(stored: Stored) -> bool:
    return stored["fs.files"].find_one() is None and stored["fs.chunks"].find_one() is None
