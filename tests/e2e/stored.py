"""Where a product stores things in these tests, and a look into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from scripts.ports import free_port

Stored = Database[dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """A database, and the settings with which a product uses it."""

    settings: dict[str, str]
    mongodb_uri: str
    stored: Stored


@contextmanager
def place_for_a_product() -> Iterator[Place]:
    """In the MongoDB of `MONGODB_URI` under a name of its own, dropped at the end; else in the one a product starts.

    Tests of that one, and of what happens to it, do without this.
    """
    if given := os.environ.get("MONGODB_URI"):
        name, uri = f"test_{token_hex(8)}", given
        settings = {"MONGODB_URI": uri, "MONGODB_DATABASE": name}
    else:
        port = free_port()
        name, uri = "parley", f"mongodb://127.0.0.1:{port}/?directConnection=true"
        settings = {"EMBEDDED_MONGODB_PORT": str(port), "MONGODB_DATABASE": name}
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    with client:
        yield Place(settings, uri, client[name])
        if given:
            client.drop_database(name)


def has_no_audio(stored: Stored) -> bool:
    return stored["fs.files"].find_one() is None and stored["fs.chunks"].find_one() is None
