"""How long a search over 10,000 transcripts takes, as a ratio to reading the status of a session.

Both are asked for in turn over one connection each, so that whatever else the machine does hits both. Half of what is
stored is another owner's. The kinds of queries take turns, too: a word that stands in every transcript is the hard one.
"""

import http.client
import time
from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import quote, urlsplit

from scripts.bench.figures import Figure, percentile
from scripts.bench.spoken import Speech, fill
from scripts.started_service import DATABASE, StartedService
from services.access import OWNER
from services.storage.client import connect

TRANSCRIPTS = 10_000
ROUNDS = 100
WARM_UPS = 5
RATIO_BAR = 3.0
SEED = 2026


def measure_search(service: StartedService, say: Callable[[str], None]) -> list[Figure]:
    """p95 of every kind of query and of all, and their ratios to the p95 of a status."""
    speech = Speech(SEED)
    database = connect(service.mongodb_uri, DATABASE)
    with database.client:
        session_ids = fill(database, speech, {OWNER.user_id: TRANSCRIPTS, "somebody else": TRANSCRIPTS}, say)
    kinds = _kinds(speech)
    say(f"search: {ROUNDS} rounds of {len(kinds)} kinds of queries, a status beside each")
    searches, statuses = _times(service, session_ids, kinds)
    status = percentile(statuses, 95)
    figures = [
        Figure(
            "status of a session, p95",
            1000 * status,
            "ms",
            note=f"p50 {1000 * percentile(statuses, 50):.1f} ms, {len(statuses)} requests",
        )
    ]
    for kind, times in searches.items():
        p95, p50 = percentile(times, 95), percentile(times, 50)
        note = f"p95 {1000 * p95:.1f} ms, p50 {1000 * p50:.1f} ms"
        figures.append(Figure(f"search {kind} over status, p95", p95 / status, "times", note=note))
    every = [each for times in searches.values() for each in times]
    note = f"of {len(every)} searches over {TRANSCRIPTS} transcripts"
    figures.append(
        Figure("search over status, p95 of all kinds", percentile(every, 95) / status, "times", RATIO_BAR, note)
    )
    return figures


def _kinds(speech: Speech) -> dict[str, Callable[[Random], str]]:
    """What is looked for, another word each time where there are others."""

    def word(random: Random, low: int, high: int) -> str:
        return speech.word(random.randint(low, high))

    return {
        "a word of every transcript": lambda random: word(random, 1, 3),
        "a frequent word": lambda random: word(random, 20, 200),
        "a rare word": lambda random: word(random, 2_000, 20_000),
        "two words": lambda random: f"{word(random, 1, 20)} {word(random, 200, 2_000)}",
        "three of every transcript": lambda _: " ".join(speech.word(rank) for rank in (1, 2, 3)),
        "a phrase": lambda random: f'"{word(random, 1, 20)} {word(random, 1, 20)}"',
        "a word but not another": lambda random: f"{word(random, 20, 200)} -{word(random, 1, 20)}",
    }


def _times(
    service: StartedService, session_ids: list[str], kinds: dict[str, Callable[[Random], str]]
) -> tuple[dict[str, list[float]], list[float]]:
    asker, random = _Asker(service), Random(SEED)
    searches: dict[str, list[float]] = {kind: [] for kind in kinds}
    statuses: list[float] = []
    for number in range(-WARM_UPS, ROUNDS):
        for kind, query in kinds.items():
            paths = [
                f"/api/search?q={quote(query(random))}",
                f"/api/transcription-status/{random.choice(session_ids)}",
            ]
            # Which one goes first alternates: neither has the warmer cache.
            order = (0, 1) if number % 2 else (1, 0)
            seconds = dict(_each(asker, paths, order))
            if number >= 0:
                searches[kind].append(seconds[0])
                statuses.append(seconds[1])
    asker.close()
    return searches, statuses


def _each(asker: "_Asker", paths: list[str], order: tuple[int, ...]) -> Iterator[tuple[int, float]]:
    for place in order:
        yield place, asker.seconds(paths[place])


class _Asker:
    """Asks over one connection, and measures until the whole reply is there."""

    def __init__(self, service: StartedService) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        self._headers = {"Authorization": f"Bearer {service.token}"}

    def seconds(self, path: str) -> float:
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        reply = response.read()
        took = time.perf_counter() - began
        if response.status != 200:
            raise RuntimeError(f"{path} was answered {response.status}: {reply.decode(errors='replace')}")
        return took

    def close(self) -> None:
        self._connection.close()
