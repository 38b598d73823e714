"""How long an upload takes until its 202, as a ratio to a bare GridFS upload of the same bytes.

Both are done in turn against one mongod, so that whatever else the machine does hits both. The service runs as in
production with Redis: gunicorn here and the workers elsewhere (there are none, so that no transcription competes for
the processor). The client keeps its connection and has its request's body ready before the clock starts.
"""

import http.client
import io
import json
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from secrets import token_hex
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
from gridfs import GridFSBucket
from pymongo import MongoClient

from scripts.bench.figures import Figure
from scripts.started_service import StartedService

KB = 1000
# Sizes with the number of pairs: 10 s, 90 s and 14 minutes of Opus as browsers record it.
PAIRS = {60 * KB: 60, 540 * KB: 60, 5000 * KB: 20}
WARM_UPS = 5
# The bar, and the size it is for.
RATIO_BAR = {540 * KB: 2.5}
QUESTIONS = 5
WAV_HEADER_BYTES = 44
RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of one bare upload and of the service's, done one right after the other."""

    bare: float
    service: float


def measure_uploads(service: StartedService, say: Callable[[str], None]) -> list[Figure]:
    """Times in milliseconds and ratios for each size."""
    client: MongoClient[dict[str, Any]] = MongoClient(service.mongodb_uri, w="majority")
    figures = []
    with client:
        bucket = GridFSBucket(client["bench_bare"])
        uploads = Uploads(service)
        for size, count in PAIRS.items():
            say(f"upload: {count} pairs of {size // KB} kB")
            pairs = _pairs(bucket, uploads, noise_recording(size), count)
            figures += list(_figures(f"{size // KB} kB", pairs, RATIO_BAR.get(size)))
        for size, bar in RATIO_BAR.items():
            say(f"upload: {PAIRS[size]} pairs of {size // KB} kB, with an Idempotency-Key")
            pairs = _pairs(bucket, uploads, noise_recording(size), PAIRS[size], has_key=True)
            figures += list(_figures(f"{size // KB} kB with a key", pairs, bar))
        uploads.close()
        client.drop_database("bench_bare")
    return figures


def _pairs(
    bucket: GridFSBucket, uploads: "Uploads", content: bytes, count: int, *, has_key: bool = False
) -> list[Pair]:
    body = multipart(content)
    pairs = []
    for number in range(WARM_UPS + count):
        uploads.prepare()
        # Which one goes first alternates: neither has the warmer cache.
        if number % 2:
            bare = timed(lambda: bucket.upload_from_stream("bare", io.BytesIO(content)))
            ours = timed(lambda: uploads.send(body, has_key=has_key))
        else:
            ours = timed(lambda: uploads.send(body, has_key=has_key))
            bare = timed(lambda: bucket.upload_from_stream("bare", io.BytesIO(content)))
        pairs.append(Pair(bare, ours))
    return pairs[WARM_UPS:]


def _figures(what: str, pairs: list[Pair], bar: float | None) -> Iterator[Figure]:
    bare, ours = median(pair.bare for pair in pairs), median(pair.service for pair in pairs)
    of_pairs = median(pair.service / pair.bare for pair in pairs)
    yield Figure(f"bare GridFS, {what}", bare * 1000, "ms", note="median")
    yield Figure(f"POST to 202, {what}", ours * 1000, "ms", note="median")
    note = f"of the medians; the median of the pairs' ratios is {of_pairs:.2f}"
    yield Figure(f"POST to 202 over bare GridFS, {what}", ours / bare, "times", bar, note)


class Uploads:
    """Uploads to one interview after another, each answer once, over one connection."""

    def __init__(self, service: StartedService) -> None:
        self._url, self._token = service.url, service.token
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
        self._paths: list[str] = []

    def send(self, body: bytes, *, has_key: bool) -> None:
        path = self._paths.pop()
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        if has_key:
            headers["Idempotency-Key"] = token_hex(16)
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 202:
            raise RuntimeError(f"an upload was answered {response.status}: {answer.decode(errors='replace')}")

    def prepare(self) -> None:
        """Have an answer to upload, outside the measured time."""
        if not self._paths:
            session_id = start_session(self._url, self._token, QUESTIONS)
            self._paths = [f"/api/upload-answer/{session_id}/q{number}" for number in range(QUESTIONS)]

    def close(self) -> None:
        self._connection.close()


BOUNDARY = "parley-bench-boundary"


def multipart(content: bytes) -> bytes:
    """A form with the recording, as a browser sends it."""
    disposition = 'Content-Disposition: form-data; name="audio"; filename="answer.wav"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: audio/wav\r\n\r\n"
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def noise_recording(size_bytes: int) -> bytes:
    """A valid wav file of exactly this size, of noise: like Opus it cannot be compressed by the database."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(Random(0).randbytes(size_bytes - WAV_HEADER_BYTES))
    return buffer.getvalue()


def start_session(url: str, token: str, questions: int) -> str:
    """The id of a new interview with questions q0, q1, …"""
    asked = [{"id": f"q{number}", "prompt": "Say something."} for number in range(questions)]
    reply = httpx.post(f"{url}/api/sessions", json={"questions": asked}, headers={"Authorization": f"Bearer {token}"})
    reply.raise_for_status()
    session_id: str = json.loads(reply.content)["id"]
    return session_id


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
