"""How long `complete` takes until its reply, as a ratio to a bare update of one document found by an index.

Both are done in turn against one mongod, so that whatever else the machine does hits both, and both wait for the
majority. It is measured twice: the call by itself, and over HTTP as its client sees it, where the reply also takes the
web server, the caller's token, the session and the rate limit; what a reply takes that asks nobody stands beside it.
The service runs as in production with Redis: gunicorn here and the workers elsewhere (there are none, so that nothing
is scored beside it). The client keeps its connection.
"""

import http.client
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from pymongo.collection import Collection

from scripts.bench.figures import Figure
from scripts.bench.upload import Pair, start_session, timed
from scripts.started_service import DATABASE, StartedService
from services.storage.client import MongoDatabase, connect
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.sessions import SessionStore

PAIRS = 200
WARM_UPS = 20
QUESTIONS = 5
# As many documents as a collection has for which one makes an index.
DOCUMENTS = 1_000
RATIO_BAR = 3.0
LEASE_SECONDS = 60


def measure_completing(service: StartedService, say: Callable[[str], None]) -> list[Figure]:
    """Times in milliseconds and ratios, of the first call of a session and of a repeat."""
    database, client = connect(service.mongodb_uri, DATABASE), _Client(service)
    with database.client:
        bare = _BareUpdates(database.client["bench_bare"]["documents"])
        ways: dict[str, Callable[[str], Callable[[], object]]] = {
            "complete": _completing(database),
            "POST complete": lambda session_id: client.asking("POST", f"/api/sessions/{session_id}/complete"),
        }
        figures: list[Figure] = []
        for way, calling in ways.items():
            sessions = [start_session(service.url, service.token, QUESTIONS) for _ in range(WARM_UPS + PAIRS)]
            for when in ("first", "again"):
                say(f"feedback: {PAIRS} pairs of {way} ({when}) and a bare update")
                figures += _figures(f"{way}, {when}", _pairs(bare, [calling(each) for each in sessions]))
        seconds = [timed(client.asking("GET", "/version")) for _ in range(PAIRS)]
        figures.append(Figure("a reply over HTTP that asks nobody", median(seconds) * 1000, "ms", note="median"))
        client.close()
        database.client.drop_database("bench_bare")
    return figures


def _completing(database: MongoDatabase) -> Callable[[str], Callable[[], object]]:
    """The call, for a session that was read before."""
    store = FeedbackJobStore(database, lease_seconds=LEASE_SECONDS)
    sessions = SessionStore(database)

    def calling(session_id: str) -> Callable[[], object]:
        session = sessions.find_unguarded(session_id)
        if session is None:
            raise RuntimeError("there is no such session")
        return lambda: store.start(session, request_id="bench", again_if_failed=True)

    return calling


def _pairs(bare: "_BareUpdates", calls: list[Callable[[], object]]) -> list[Pair]:
    pairs = []
    for number, complete in enumerate(calls):
        update = bare.of(number)
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
    yield Figure(f"bare indexed update, beside {what}", bare * 1000, "ms", note="median")
    yield Figure(what, ours * 1000, "ms", note="median")
    note = f"of the medians; the median of the pairs' ratios is {of_pairs:.2f}"
    yield Figure(f"{what}, over a bare indexed update", ours / bare, "times", RATIO_BAR, note)


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


class _Client:
    """Over one connection, as the owner."""

    def __init__(self, service: StartedService) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        self._headers = {"Authorization": f"Bearer {service.token}"}

    def asking(self, method: str, path: str) -> Callable[[], None]:
        def ask() -> None:
            self._connection.request(method, path, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
            if response.status >= 300:
                raise RuntimeError(f"{path} was answered {response.status}: {body.decode(errors='replace')}")

        return ask

    def close(self) -> None:
        self._connection.close()
