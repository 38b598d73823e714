"""Makes one local mongod a replica set of one, which change streams and transactions need."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

NAME = "parley"
POLL_SECONDS = 0.02


def wait_for_primary(port: int, *, is_running: Callable[[], bool], patience_seconds: float) -> bool:
    """Set the replica set up where that is needed; true once this mongod takes writes, false when it never does."""
    deadline = time.monotonic() + patience_seconds

    def goes_on() -> bool:
        return is_running() and time.monotonic() < deadline

    # The driver looks again only every half second: wait for the port first.
    while goes_on() and not _accepts(port):
        time.sleep(POLL_SECONDS)
    client: MongoClient[dict[str, Any]] = MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=1000, socketTimeoutMS=5000
    )
    with client:
        while goes_on():
            # Commands are refused while it still starts; the next round asks again.
            with suppress(PyMongoError):
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                _configure(client, f"127.0.0.1:{port}")
            time.sleep(POLL_SECONDS)
    return False


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _configure(client: MongoClient[dict[str, Any]], address: str) -> None:
    config = client.local["system.replset"].find_one()
    if config is None:
        client.admin.command("replSetInitiate", {"_id": NAME, "members": [{"_id": 0, "host": address}]})
    elif [member["host"] for member in config["members"]] != [address]:
        # Started on another port than last time: by its own config it is no member, so only force can change that.
        member = {**config["members"][0], "host": address}
        forced = {**config, "members": [member], "version": config["version"] + 1}
        client.admin.command("replSetReconfig", forced, force=True)
