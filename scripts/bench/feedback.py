"""How long `complete` takes until its reply, as a ratio to a bare update of one document found by an index.

Both are done in turn against one mongod, so that whatever else the machine does hits both, and both wait for the
majority. The service runs as in production with Redis: gunicorn here and the workers elsewhere (there are none, so that
nothing is scored beside it). The client keeps its connection.
"""

import http.client
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.collection import Collection

from scripts.bench.figures import Figure
from scripts.bench.upload import Pair, start_session, timed
from scripts.started_service import StartedService

PAIRS = 200
WARM_UPS = 20
QUESTIONS = 5
# As many documents as a collection has for which one makes an index.
DOCUMENTS = 1_000
RATIO_BAR = 3.0


def measure_completing(service: StartedService, say: Callable[[str], None]) -> list[Figure]:
    """Times in milliseconds and ratios, of the first call of a session and of a repeat."""
    client: MongoClient[dict[str, Any]] = MongoClient(service.mongodb_uri, w="majority")
    with client:
        bare = _BareUpdates(client["bench_bare"]["documents"])
        sessions = [start_session(service.url, service.token, QUESTIONS) for _ in range(WARM_UPS + PAIRS)]
        completing = _Completing(service)
        figures: list[Figure] = []
        for what, status in (("first", 202), ("again", 200)):
            say(f"feedback: {PAIRS} pairs of complete ({what}) and a bare update")
            pairs = _pairs(bare, completing, sessions, status)
            figures += _figures(what, pairs)
        completing.close()
        client.drop_database("bench_bare")
    return figures


def _pairs(bare: "_BareUpdates", completing: "_Completing", session_ids: list[str], status: int) -> list[Pair]:
    pairs = []
    for number, session_id in enumerate(session_ids):
        update = bare.of(number)
        complete = completing.of(session_id, status)
        # Which one goes first alternates: neither has the warmer cache.
        if number % 2:
            bare_seconds = timed(update)
            ours = timed(complete)
        else:
            ours = timed(complete)
            bare_seconds = timed(update)
        pairs.append(Pair(bare_seconds, ours))
    return pairs[WARM_UPS:]


def _figures(what: str, pairs: list[Pair]) -> Iterator[Figure]:
    bare, ours = median(pair.bare for pair in pairs), median(pair.service for pair in pairs)
    of_pairs = median(pair.service / pair.bare for pair in pairs)
    yield Figure(f"bare indexed update, beside complete, {what}", bare * 1000, "ms", note="median")
    yield Figure(f"POST complete, {what}", ours * 1000, "ms", note="median")
    note = f"of the medians; the median of the pairs' ratios is {of_pairs:.2f}"
    yield Figure(f"POST complete over a bare indexed update, {what}", ours / bare, "times", RATIO_BAR, note)


class _BareUpdates:
    """One field of one document, found by a unique index."""

    def __init__(self, documents: Collection[dict[str, Any]]) -> None:
        self._documents = documents
        documents.insert_many({"name": f"d{number}", "status": "new"} for number in range(DOCUMENTS))
        documents.create_index("name", unique=True)
        self._count = 0

    def of(self, number: int) -> Callable[[], object]:
        self._count += 1
        where, change = {"name": f"d{number % DOCUMENTS}"}, {"$set": {"status": f"changed {self._count}"}}
        return lambda: self._documents.update_one(where, change)


class _Completing:
    """Over one connection, as the owner."""

    def __init__(self, service: StartedService) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        self._headers = {"Authorization": f"Bearer {service.token}"}

    def of(self, session_id: str, status: int) -> Callable[[], None]:
        path = f"/api/sessions/{session_id}/complete"

        def complete() -> None:
            self._connection.request("POST", path, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
            if response.status != status:
                raise RuntimeError(f"complete was answered {response.status}: {body.decode(errors='replace')}")

        return complete

    def close(self) -> None:
        self._connection.close()
