"""Erasing: everything goes, whoever dies or comes late; and everybody else's stays."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from services.access import OWNER, hash_of
from services.container import Services
from services.erasure import SWEEP, Receipt
from services.errors import Forbidden, LeaseLost, NotFound, Unavailable
from services.models import AnswerRef, Caller, Session
from services.storage.acceptance import UploadLost
from services.storage.client import MongoDatabase
from tests.factories import questions, recording_of, wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import Stores

ADA, ADMIN = Caller("ada"), Caller("grace", role="admin")
# What was heard: its revision, and where it is searched.
TEXTS = {"transcripts": 1, "current_transcripts": 1}


@pytest.fixture
def interview(services: Services) -> Session:
    return started(services)


def started(services: Services, caller: Caller = ADA) -> Session:
    return services.sessions.start(caller, questions("q1", "q2"), language=None, details={}).session


def accept(services: Services, session: Session, question_id: str = "q1") -> AnswerRef:
    receipt = services.answers.accept(session, question_id, recording_of(), session.owner_id)
    return AnswerRef(session.id, question_id, receipt.answer_id)


def erase(services: Services, session: Session, actor: Caller = ADA) -> Receipt:
    return services.erasure.erase_session(actor, session.id, session.owner_id)


def make_due(database: MongoDatabase) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    database["erasures"].update_many({}, {"$set": {"due": past}})


def sweep_to_the_end(services: Services, database: MongoDatabase) -> None:
    for _ in range(10):
        make_due(database)
        if services.erasure.sweep() == 0:
            return
    raise AssertionError("the tombstones stay")


def everything(database: MongoDatabase) -> str:
    return str([list(database[name].find()) for name in database.list_collection_names()])


def test_everything_of_an_interview_goes_and_the_receipt_counts_it(services: Services, database, queue, interview):
    done = accept(services, interview, "q1")
    services.transcription.transcribe(done)
    accept(services, interview, "q2")
    services.audit.record("transcript.read", ADMIN, session_id=interview.id, owner_id="ada")
    receipt = erase(services, interview)
    assert receipt.is_complete
    assert dict(receipt.removed) == {"sessions": 1, **TEXTS, "recordings": 1, "chunks": 1, "audit_rows": 1}
    assert receipt.subject_hash == hash_of(interview.id)
    sweep_to_the_end(services, database)
    left = everything(database)
    for trace in (interview.id, done.answer_id, "i led a team"):
        assert trace not in left


def test_the_tombstone_is_looked_after_twice_and_goes(services: Services, database: MongoDatabase, interview: Session):
    erase(services, interview)
    waits = []
    for _ in range(2):
        (tombstone,) = database["erasures"].find()
        waits.append(round((tombstone["due"] - datetime.now(UTC)).total_seconds(), -1))
        assert services.erasure.sweep() == 0
        make_due(database)
        assert services.erasure.sweep() == 1
    assert waits == [90, 3600]
    assert database["erasures"].count_documents({}) == 0


def test_what_belongs_to_others_stays(services: Services, stores: Stores, database: MongoDatabase, interview: Session):
    other = started(services)
    kept = accept(services, other)
    services.audit.record("link.revoke", ADMIN, session_id=other.id, owner_id="ada", details={"n": 1})
    accept(services, interview)
    erase(services, interview)
    assert services.sessions.get(ADA, other.id).answers["q1"]["id"] == kept.answer_id
    assert stores.files() == 1
    row = database["audit"].find_one({"session_id": other.id})
    assert row is not None
    assert (row["owner_id"], row["details"]) == ("ada", {"n": 1})


def test_the_audit_log_keeps_hashes_and_who_acted_for_others(services: Services, database, interview: Session):
    services.audit.record("transcript.read", ADMIN, session_id=interview.id, owner_id="ada", details={"door": "$x"})
    services.audit.record("link.revoke", ADA, session_id=interview.id, owner_id="ada")
    erase(services, interview, ADMIN)
    rows = {row["action"]: row for row in database["audit"].find()}
    assert {row["session_id"] for row in rows.values()} == {hash_of(interview.id)}
    assert len({row["owner_id"] for row in rows.values()} | {rows["link.revoke"]["actor_id"]}) == 1
    assert (rows["session.erase"]["actor_id"], rows["transcript.read"]["actor_id"]) == ("grace", "grace")
    assert "ada" not in str(rows)
    assert all(row["details"] == {} for row in rows.values())


def test_erasing_again_finds_nothing(services: Services, interview: Session):
    erase(services, interview)
    with pytest.raises(NotFound):
        erase(services, interview)


def test_of_many_at_once_one_erases(services: Services, database: MongoDatabase, interview: Session):
    accept(services, interview)

    def attempt(_: int) -> bool:
        try:
            return erase(services, interview).is_complete
        except NotFound:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == [False] * 5 + [True]
    assert database["audit"].count_documents({"action": "session.erase"}) == 1


@pytest.mark.parametrize("window", [0, 1, 2])
def test_a_worker_that_is_at_it_stops_and_leaves_nothing(
    services: Services, database, transcriber: ScriptedTranscriber, interview: Session, window: int
):
    transcriber.windows = 3
    heard = []

    def before_window(done: int) -> None:
        heard.append(done)
        if done == window:
            erase(services, interview)

    transcriber.before_window = before_window
    services.transcription.transcribe(accept(services, interview))
    assert heard == list(range(window + 1))
    sweep_to_the_end(services, database)
    assert interview.id not in everything(database)


def test_a_late_workers_every_write_finds_nothing(services: Services, stores: Stores, interview: Session):
    claim = stores.claim(accept(services, interview))
    erase(services, interview)
    with pytest.raises(LeaseLost):
        stores.answers.hold(claim)
    with pytest.raises(LeaseLost):
        stores.begin(claim)
    with pytest.raises(LeaseLost):
        stores.hear(claim, 0)
    with pytest.raises(LeaseLost):
        stores.answers.release(claim)
    with pytest.raises(LeaseLost):
        stores.answers.fail(claim, code="c", message="m", keeps_audio=True)
    services.transcription.transcribe(claim.ref)
    with pytest.raises(NotFound):
        services.decisions.retry(claim.ref)


def test_an_upload_under_way_does_not_land(
    services: Services, database: MongoDatabase, interview: Session, monkeypatch: pytest.MonkeyPatch
):
    from services.storage.audio import AudioStore  # noqa: PLC0415

    save_chunks = AudioStore.save_chunks

    def erased_meanwhile(self: AudioStore, file_id: ObjectId, content: bytes) -> None:
        erase(services, interview)
        save_chunks(self, file_id, content)

    monkeypatch.setattr(AudioStore, "save_chunks", erased_meanwhile)
    # Its marker went with the session; the next try finds that the session is gone.
    with pytest.raises(UploadLost):
        accept(services, interview)
    sweep_to_the_end(services, database)
    assert database["fs.chunks"].count_documents({}) == 0
    assert database["uploads"].count_documents({}) == 0
    assert interview.id not in everything(database)


STEPS = ("note_files", "remove_chunks", "remove", "hide_in_audit", "residue", "look_again")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_a_dying_process_leaves_the_sweep_finishes(
    services: Services, database, interview: Session, step: str, after: bool, monkeypatch: pytest.MonkeyPatch
):
    services.transcription.transcribe(accept(services, interview))
    accept(services, interview, "q2")
    services.audit.record("transcript.read", ADMIN, session_id=interview.id, owner_id="ada")
    holder = next(each for each in stores_of(services) if hasattr(each, step))
    with monkeypatch.context() as patch:
        patch.setattr(type(holder), step, dying(getattr(type(holder), step), after=after))
        with pytest.raises(Killed):
            erase(services, interview)
    with pytest.raises(NotFound):
        services.sessions.get(OWNER, interview.id)
    make_due(database)
    assert services.erasure.sweep() == 1
    (tombstone,) = database["erasures"].find()
    expected = {"sessions": 1, **TEXTS, "recordings": 1, "chunks": 1, "audit_rows": 1}
    assert tombstone["removed"] == expected
    sweep_to_the_end(services, database)
    assert interview.id not in everything(database)


class Killed(BaseException):
    """The process ends here."""


def dying(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def ends(*args: Any, **kwargs: Any) -> None:
        if after:
            call(*args, **kwargs)
        raise Killed

    return ends


def stores_of(services: Services) -> list[Any]:
    return list(vars(services.erasure).values())


def test_with_the_database_away_in_between_the_receipt_says_that_it_goes_on(
    services: Services, database, interview: Session, monkeypatch: pytest.MonkeyPatch
):
    accept(services, interview)
    traces = stores_of(services)[1]

    def away(*_: object) -> None:
        raise Unavailable("The database does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(type(traces), "remove_chunks", away)
        receipt = erase(services, interview)
    assert (receipt.is_complete, dict(receipt.removed)) == (False, {"sessions": 1})
    sweep_to_the_end(services, database)
    assert database["fs.chunks"].count_documents({}) == 0


def test_what_was_written_late_is_found_and_looked_for_from_the_beginning(services: Services, database, interview):
    erase(services, interview)
    make_due(database)
    services.erasure.sweep()
    late = {"_id": "late:1", "session_id": interview.id, "answer_id": "late", "revision": 1}
    database["transcripts"].insert_one(late)
    make_due(database)
    services.erasure.sweep()
    assert database["transcripts"].count_documents({}) == 0
    (tombstone,) = database["erasures"].find()
    assert (tombstone["looks"], tombstone["removed"]["transcripts"]) == (1, 1)


def test_a_person_goes_with_all_interviews_and_tokens(services: Services, database: MongoDatabase):
    sessions = [started(services) for _ in range(3)]
    for session in sessions:
        services.transcription.transcribe(accept(services, session))
    kept = started(services, Caller("bob"))
    token = services.access.issue(ADA, valid_for=timedelta(hours=1))
    services.audit.record("token.issue", ADMIN, owner_id="ada")
    receipt = services.erasure.erase_person(ADMIN, "ada")
    assert receipt.is_complete
    wanted = {"sessions": 3, "transcripts": 3, "access_tokens": 1, "audit_rows": 1}
    assert {name: receipt.removed.get(name) for name in wanted} == wanted
    with pytest.raises(Exception, match="not valid"):
        services.access.caller_of(token)
    sweep_to_the_end(services, database)
    left = everything(database)
    assert "'ada'" not in left
    assert not [session.id for session in sessions if session.id in left]
    assert services.sessions.get(Caller("bob"), kept.id)


def test_who_comes_back_after_their_erasure_begins_anew(services: Services, database: MongoDatabase):
    started(services)
    services.erasure.erase_person(ADA, "ada")
    back = started(services)
    token = services.access.issue(ADA, valid_for=timedelta(hours=1))
    sweep_to_the_end(services, database)
    assert services.sessions.get(ADA, back.id)
    assert services.access.caller_of(token)


def test_a_persons_erasure_that_ends_in_between_is_finished(services: Services, database, monkeypatch):
    for _ in range(3):
        started(services)
    tombstones = stores_of(services)[0]
    with monkeypatch.context() as patch:
        patch.setattr(type(tombstones), "add", dying(type(tombstones).add, after=True))
        with pytest.raises(Killed):
            services.erasure.erase_person(ADMIN, "ada")
    assert services.sessions.list_of(ADA, after=None, limit=5).sessions
    sweep_to_the_end(services, database)
    assert services.sessions.list_of(ADA, after=None, limit=5).sessions == []
    assert {row["actor_id"] for row in database["audit"].find({"action": "session.erase"})} == {"grace", SWEEP.user_id}


def test_two_erasures_of_a_person_at_once_are_one(services: Services, database: MongoDatabase):
    started(services)
    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(lambda _: services.erasure.erase_person(ADMIN, "ada"), range(4)))
    assert all(receipt.is_complete for receipt in receipts)
    assert database["audit"].count_documents({"action": "person.erase"}) == 1


@pytest.mark.parametrize("actor", [Caller("bob"), Caller("ada", role="candidate", session_id="s")], ids=str)
def test_only_an_admin_or_the_person_may(services: Services, actor: Caller):
    with pytest.raises(Forbidden):
        services.erasure.erase_person(actor, "ada")


def test_the_token_that_opens_the_house_stays(services: Services, token: str):
    started(services, OWNER)
    services.erasure.erase_person(OWNER, OWNER.user_id)
    assert services.access.caller_of(token) == OWNER
    assert services.sessions.list_of(OWNER, after=None, limit=5).sessions == []


def test_erasing_while_workers_and_uploads_run(services: Services, database: MongoDatabase, queue: RememberingQueue):
    """Real threads, each at its own pace: whatever the order, nothing of an erased interview is left."""
    sessions = [started(services) for _ in range(12)]
    barrier = threading.Barrier(3)

    def quietly(work: Callable[[Session], object]) -> Callable[[], None]:
        def run() -> None:
            barrier.wait()
            for session in sessions:
                try:
                    work(session)
                except (NotFound, UploadLost):
                    continue

        return run

    content = wav_of(0.2)

    def upload(session: Session) -> None:
        services.answers.accept(session, "q1", recording_of(content), "ada")

    def transcribe(session: Session) -> None:
        for ref in list(queue.sent):
            services.transcription.transcribe(ref)

    threads = [
        threading.Thread(target=quietly(work)) for work in (upload, transcribe, lambda each: erase(services, each))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sweep_to_the_end(services, database)
    left = everything(database)
    assert [session.id for session in sessions if session.id in left] == []
    assert database["fs.chunks"].count_documents({}) == 0
