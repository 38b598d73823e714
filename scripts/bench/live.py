"""From the write to MongoDB to the message in the client, with 50 sockets.

The writes are the product's own (a worker's progress), at a steady pace. The clock starts just before a write is sent
and stops when its message can be read from the socket; both ends are on this machine.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx

from scripts.bench.figures import Figure, percentile
from scripts.bench.live_sockets import LiveSockets
from scripts.bench.upload import BOUNDARY, multipart, noise_recording, start_session
from scripts.started_service import DATABASE, StartedService
from services.models import AnswerRef, Claim, Plan, WhisperModel
from services.storage.answers import AnswerStore
from services.storage.checkpoints import CheckpointStore, Heard
from services.storage.client import MongoDatabase, connect

SOCKETS = 50
WRITES = 200
WRITES_A_SECOND = 20
SETTLE_SECONDS = 1.0
P95_BAR_MS = 25.0
LEASE_SECONDS = 600


@dataclass
class _Session:
    """An interview that a worker (we) works on, and its `seq` as of our last write."""

    claim: Claim
    seq: int


def measure_latency(service: StartedService, say: Callable[[str], None]) -> list[Figure]:
    """p50 and p95 in milliseconds, with all sockets on one session and with a session for each."""
    figures: list[Figure] = []
    for sessions, where in ((1, "on one session"), (SOCKETS, f"on {SOCKETS} sessions")):
        say(f"live: {SOCKETS} sockets {where}, {WRITES} writes at {WRITES_A_SECOND} a second")
        latencies = _latencies(service, sessions)
        name, note = f"write to message, {SOCKETS} sockets {where}", f"{len(latencies)} messages"
        figures.append(Figure(f"{name}, p50", 1000 * percentile(latencies, 50), "ms", note=note))
        figures.append(Figure(f"{name}, p95", 1000 * percentile(latencies, 95), "ms", P95_BAR_MS, note))
    return figures


def _latencies(service: StartedService, count: int) -> list[float]:
    database = connect(service.mongodb_uri, DATABASE)
    store = CheckpointStore(database, lease_seconds=LEASE_SECONDS)
    try:
        sessions = [_claimed(service, database) for _ in range(count)]
        sockets = following(service, [each.claim.ref.session_id for each in sessions] * (SOCKETS // count))
        written = dict(_writes(store, sessions))
        # What the last write caused is still on its way; what has not come by then is missed below.
        time.sleep(SETTLE_SECONDS)
        sockets.close()
    finally:
        database.client.close()
    found = [arrived - written[session_id, seq] for session_id, seq, arrived in sockets.arrivals()]
    if len(found) != WRITES * SOCKETS // count:
        raise RuntimeError(f"{len(found)} messages arrived instead of {WRITES * SOCKETS // count}")
    return found


def _writes(store: CheckpointStore, sessions: list[_Session]) -> Iterator[tuple[tuple[str, int], float]]:
    began = time.perf_counter()
    for number in range(WRITES):
        time.sleep(max(0.0, began + number / WRITES_A_SECOND - time.perf_counter()))
        session = sessions[number % len(sessions)]
        session.seq += 1
        written_at = time.perf_counter()
        store.save(session.claim, Heard(None), windows_done=number, windows_total=WRITES)
        yield (session.claim.ref.session_id, session.seq), written_at


def _claimed(service: StartedService, database: MongoDatabase) -> _Session:
    session_id = start_session(service.url, service.token, 1)
    headers = {
        "Authorization": f"Bearer {service.token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    body = multipart(noise_recording(10_000))
    reply = httpx.post(f"{service.url}/api/upload-answer/{session_id}/q0", content=body, headers=headers)
    reply.raise_for_status()
    answers = AnswerStore(database, lease_seconds=LEASE_SECONDS)
    claim = answers.claim(AnswerRef(session_id, "q0", reply.json()["answer_id"]), "bench")
    if claim is None:
        raise RuntimeError("somebody else transcribes here: this needs a service without workers")
    model = WhisperModel("bench", demo_model=True)
    CheckpointStore(database, lease_seconds=LEASE_SECONDS).begin(claim, Plan(0.0, (), ()), model, {})
    status = httpx.get(f"{service.url}/api/transcription-status/{session_id}", headers=headers)
    return _Session(claim, status.raise_for_status().json()["seq"])


def following(service: StartedService, session_ids: list[str]) -> LiveSockets:
    sockets = LiveSockets(service.url, service.token)
    for session_id in session_ids:
        sockets.follow(session_id)
    sockets.start()
    return sockets
