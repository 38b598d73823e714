"""A web process that dies or is stopped in the middle of an upload: nothing acknowledged is lost, nothing is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from bson import ObjectId
from pymongo.errors import ExecutionTimeout, NetworkTimeout

from config import ROOT
from scripts.ports import free_port
from services.container import Services
from services.errors import Unavailable
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview
from tests.factories import wav_of
from tests.processes import descendants, wait_until
from tests.stores import Stores

KEY = {"Idempotency-Key": "the-one-take"}
BEFORE_THE_COMMIT = ("after the marker", "after the chunks", "inside the transaction")
AFTER_THE_COMMIT = ("after the transaction", "before the reply")
# Of a server that was given to the tests; the embedded one takes 8 s.
TRANSACTION_SECONDS = 120
LONG_WAV = wav_of(20)  # several chunks


class Mortal:
    """A web server that can be told where to end."""

    def __init__(self, url: str, point: Path, master: int) -> None:
        self.url = url
        self._master = master
        self._point = point

    def end(self, how: str, where: str) -> None:
        self._point.with_suffix(".pid").unlink(missing_ok=True)
        self._point.write_text(f"{how} {where}")

    @property
    def pid(self) -> int:
        """Of the process that has ended."""
        path = self._point.with_suffix(".pid")
        wait_until(lambda: path.exists() and path.read_text())
        return int(path.read_text())

    def resident_bytes(self) -> int:
        """Of the process that serves."""
        (worker,) = descendants(self._master)
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        return False

    def upload(
        self,
        interview: Interview,
        question_id: str = "q1",
        content: bytes = LONG_WAV,
        headers: Mapping[str, str] = KEY,
    ) -> httpx.Response:
        """With the key, over a connection of its own."""
        headers = {**interview.candidate, **headers}
        with httpx.Client(timeout=30, trust_env=False) as client:
            return client.post(
                self.url + interview.upload_path(question_id), files={"audio": ("a.wav", content)}, headers=headers
            )


@pytest.fixture(scope="module")
def mortal(mongodb_uri: str, one_database: MongoDatabase, tmp_path_factory) -> Iterator[Mortal]:
    port, point = free_port(), tmp_path_factory.mktemp("mortal") / "point"
    environ = {**os.environ, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": one_database.name}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:tests.api.gunicorn_settings"]
    command += ["--bind", f"127.0.0.1:{port}", "tests.api.mortal:app"]
    process = subprocess.Popen(command, cwd=ROOT, env={**environ, "MORTAL_POINT": str(point)})
    found = Mortal(f"http://127.0.0.1:{port}", point, process.pid)
    try:
        wait_until(found.answers)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def age(database: MongoDatabase) -> None:
    """Let the time of uploads in flight be over."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    database["uploads"].update_many({}, {"$set": {"expires_at": past}})


def sweep(services: Services, database: MongoDatabase | None = None) -> None:
    """As a worker does. A transaction whose process died holds its documents until the server ends it."""

    def swept() -> bool:
        with suppress(Unavailable, NetworkTimeout, ExecutionTimeout):
            if database is not None:
                age(database)
            services.recovery.sweep()
            return True
        return False

    wait_until(swept, TRANSACTION_SECONDS)


def check_nothing_is_left(stores: Stores, interview: Interview) -> None:
    """Every chunk belongs to a file, every file to an answer, and every answer's bytes are there."""
    database = stores.database
    files = set(database["fs.files"].distinct("_id"))
    answers = stores.session(interview.id)["answers"].values()
    assert set(database["fs.chunks"].distinct("files_id")) == files
    assert {ObjectId(answer["gridfs_file_id"]) for answer in answers} == files
    assert database["uploads"].count_documents({}) == 0
    for answer in answers:
        assert len(stores.audio.read(answer["gridfs_file_id"])) == answer["bytes"]
    stores.check(interview.id)


@pytest.mark.parametrize("where", [*BEFORE_THE_COMMIT, *AFTER_THE_COMMIT])
def test_a_web_process_that_is_killed_loses_nothing_and_leaves_nothing(
    mortal: Mortal, interview: Interview, services: Services, stores: Stores, where: str
) -> None:
    acknowledged = mortal.upload(interview, "q2", wav_of())
    assert acknowledged.status_code == 202
    mortal.end("kill", where)
    with pytest.raises(httpx.TransportError):
        mortal.upload(interview)
    wait_until(mortal.answers)
    sweep(services, stores.database)
    expected = {"q1", "q2"} if where in AFTER_THE_COMMIT else {"q2"}
    assert set(stores.session(interview.id)["answers"]) == expected
    check_nothing_is_left(stores, interview)

    again = mortal.upload(interview)
    assert again.status_code == 202, again.text
    answers = stores.session(interview.id)["answers"]
    assert answers["q1"]["id"] == again.json()["answer_id"]
    assert answers["q2"]["id"] == acknowledged.json()["answer_id"]
    check_nothing_is_left(stores, interview)


def test_a_kill_inside_the_transaction_of_a_second_take_leaves_the_first(
    mortal: Mortal, interview: Interview, services: Services, stores: Stores
) -> None:
    first = stores.accept(interview.id)
    mortal.end("kill", "inside the transaction")
    with pytest.raises(httpx.TransportError):
        mortal.upload(interview)
    sweep(services, stores.database)
    (answer,) = stores.session(interview.id)["answers"].values()
    assert answer["id"] == first.answer_id
    check_nothing_is_left(stores, interview)
    wait_until(mortal.answers)


@pytest.mark.parametrize("where", ["after the marker", "after the chunks"])
def test_a_web_process_that_was_stopped_until_its_upload_was_collected_does_not_acknowledge_it(
    mortal: Mortal, interview: Interview, services: Services, stores: Stores, where: str
) -> None:
    mortal.end("stop", where)
    with ThreadPoolExecutor(1) as client:
        uploading = client.submit(mortal.upload, interview)
        stopped = mortal.pid
        sweep(services, stores.database)
        os.kill(stopped, signal.SIGCONT)
        refused = uploading.result()
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (503, "upload_lost", "1")
    assert stores.session(interview.id)["answers"] == {}
    assert mortal.upload(interview).status_code == 202
    sweep(services, stores.database)
    assert len(stores.session(interview.id)["answers"]) == 1


def test_twenty_times_the_same_upload_at_once_is_one(mortal: Mortal, interview: Interview, stores: Stores) -> None:
    with ThreadPoolExecutor(20) as clients:
        replies = list(clients.map(lambda _: mortal.upload(interview), range(20)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.content for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1
    check_nothing_is_left(stores, interview)
    assert len(stores.session(interview.id)["answers"]) == 1


def test_twenty_uploads_with_one_key_and_different_bytes_are_one_of_them(
    mortal: Mortal, interview: Interview, stores: Stores
) -> None:
    takes = [wav_of(1 + number / 100) for number in range(20)]
    with ThreadPoolExecutor(20) as clients:
        replies = list(clients.map(lambda take: mortal.upload(interview, content=take), takes))
    assert sorted({reply.status_code for reply in replies}) == [202, 422]
    assert {reply.json()["code"] for reply in replies if reply.status_code == 422} == {"idempotency_key_reused"}
    (accepted,) = [reply for reply in replies if reply.status_code == 202]
    assert stores.session(interview.id)["answers"]["q1"]["sha256"] == accepted.json()["sha256"]
    check_nothing_is_left(stores, interview)


def test_large_uploads_leave_nothing_behind_in_memory(mortal: Mortal, interview: Interview) -> None:
    large = wav_of() + bytes(5_000_000)

    def growth(count: int) -> int:
        before = mortal.resident_bytes()
        for _ in range(count):
            reply = mortal.upload(interview, content=large, headers={"Idempotency-Key": token_hex(8)})
            assert reply.status_code == 202
        return mortal.resident_bytes() - before

    # What stays behind stays each time; the allocators take what they need only once, whenever that is.
    growth(8)
    assert any(growth(10) < 12_500_000 for _ in range(4)), "a quarter of what came"
