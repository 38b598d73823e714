"""The stores over a real database, and steps that tests of storage and of services begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from bson import ObjectId

from config.flags import FLAGS
from services.assembling import Thresholds
from services.audit import Audit
from services.flags import Flags
from services.leases import LeasedWork
from services.models import (
    AnswerRef,
    Claim,
    HeardWindow,
    Plan,
    Question,
    Recording,
    Segment,
    Session,
    Span,
    Status,
    Transcript,
    WhisperModel,
    Word,
)
from services.storage.acceptance import AcceptanceStore
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore, file_document
from services.storage.audit import AuditStore
from services.storage.checkpoints import Checkpoint, CheckpointStore, Heard
from services.storage.client import MongoDatabase
from services.storage.flags import FlagStore
from services.storage.open_answers import OpenAnswerStore
from services.storage.sessions import SessionStore
from services.storage.uploads import UploadStore
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from services.transcription import Stores as TranscriptionStores
from services.transcription import Transcription
from services.watchdog import Watchdog
from tests.factories import questions, recording_of

MODEL = WhisperModel("tiny", demo_model=True)
HOLDER = "host:/var"


def transcript_of(text: str = "i led a team") -> Transcript:
    return Transcript(text, (Segment(0.0, 1.0, text),), "en", 1.0)


def plan_of(windows: int) -> Plan:
    """Windows of one second with half a second between them."""
    spans = tuple(Span(1.5 * number, 1.5 * number + 1) for number in range(windows))
    return Plan(1.5 * windows, spans, spans)


def heard_of(text: str) -> HeardWindow:
    segments = (Segment(0.0, 1.0, text, words=(Word(0.0, 1.0, text, 0.9),)),) if text else ()
    return HeardWindow(segments, "en", 0.8, {"encode": 0.1})


@dataclass(frozen=True)
class Stores:
    """Every store that an answer passes through."""

    database: MongoDatabase
    acceptance: AcceptanceStore
    answers: AnswerStore
    audio: "FilledAudio"
    uploads: UploadStore
    open: OpenAnswerStore
    sessions: SessionStore
    checkpoints: CheckpointStore

    def start(self, *question_ids: str) -> str:
        return self.start_with(questions(*question_ids))

    def start_with(self, asked: list[Question], details: dict[str, Any] | None = None) -> str:
        """A new session; its id."""
        now = datetime.now(UTC).replace(microsecond=0)
        session = Session(token_hex(12), "owner", tuple(asked), {}, 0, now, details=details or {})
        self.sessions.create(session, {"token_hash": token_hex(32), "expires_at": now + timedelta(days=1)})
        return session.id

    def accept(self, session_id: str, question_id: str = "q1", **fields: Any) -> AnswerRef:
        """A recording in GridFS and its queued answer."""
        ref = AnswerRef(session_id, question_id, token_hex(12))
        self.acceptance.accept(ref, {**self.uploaded(ref), **fields})
        return ref

    def uploaded(self, ref: AnswerRef, content: bytes = b"RIFF") -> dict[str, Any]:
        """The document of an answer whose bytes are stored and that is not accepted yet."""
        recording, file_id = recording_of(content), self.uploads.store(ref, content)
        return answer_document(recording, file_id, "owner")

    def claim(self, ref: AnswerRef, holder: str = HOLDER) -> Claim:
        claim = self.answers.claim(ref, holder)
        assert claim is not None
        return claim

    def claimed(self, question_id: str = "q1") -> Claim:
        """A claim on the answer of a new session."""
        return self.claim(self.accept(self.start(question_id), question_id))

    def begin(self, claim: Claim, windows: int = 2) -> Checkpoint:
        """A plan of so many windows for what was claimed."""
        return self.checkpoints.begin(claim, plan_of(windows), MODEL, {"decode": 0.1})

    def hear(self, claim: Claim, index: int, text: str = "i led", *, windows: int = 2) -> None:
        """One of its windows."""
        heard = Heard(index + 1 if index + 1 < windows else None, {index: heard_of(text)})
        self.checkpoints.save(claim, heard, windows_done=index + 1, windows_total=windows)

    def session(self, session_id: str) -> dict[str, Any]:
        """The stored document."""
        found = self.database["interview_sessions"].find_one({"_id": session_id})
        assert found is not None
        return found

    def answer(self, ref: AnswerRef) -> dict[str, Any]:
        found: dict[str, Any] = self.session(ref.session_id)["answers"][ref.question_id]
        return found

    def age_lease(self, ref: AnswerRef) -> None:
        """Let the lease run out: there is no clock to fake, it is the server's."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        path = f"answers.{ref.question_id}.lease.expires_at"
        self.database["interview_sessions"].update_one(
            {"_id": ref.session_id, "open.question_id": ref.question_id}, {"$set": {path: past, "open.$.due": past}}
        )

    def make_due(self, ref: AnswerRef) -> None:
        """Let the time come at which the sweep looks after the answer."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        path = f"answers.{ref.question_id}.not_before"
        self.database["interview_sessions"].update_one(
            {"_id": ref.session_id, "open.question_id": ref.question_id}, {"$set": {"open.$.due": past, path: past}}
        )

    def files(self) -> int:
        return self.database["fs.files"].count_documents({})

    def check(self, session_id: str) -> None:
        """What must hold of a session after every step, whatever happened before."""
        session = self.session(session_id)
        answers: dict[str, dict[str, Any]] = session["answers"]
        unfinished = {
            (each["id"], question_id)
            for question_id, each in answers.items()
            if not Status(each["transcription_status"]).is_terminal
        }
        assert sorted((entry["answer_id"], entry["question_id"]) for entry in session["open"]) == sorted(unfinished)
        assert sorted(session["answer_ids"]) == sorted(each["id"] for each in answers.values())
        ended = {
            (each["id"], each["transcription_status"], (each.get("transcription_error") or {}).get("code"))
            for each in answers.values()
            if Status(each["transcription_status"]) in (Status.FAILED, Status.CANCELLED)
        }
        assert {(each["answer_id"], each["status"], each["code"]) for each in session.get("ended", [])} == ended
        for entry in session["open"]:
            assert entry.get("holder") == answers[entry["question_id"]].get("lease", {}).get("holder")
        for each in answers.values():
            self._check_answer(each)

    def _check_answer(self, answer: dict[str, Any]) -> None:
        status = Status(answer["transcription_status"])
        is_worked_on, is_completed = status is Status.PROCESSING, status is Status.COMPLETED
        assert ("lease" in answer, "progress" in answer) == (is_worked_on, is_worked_on)
        assert ("transcript" in answer) == is_completed
        assert ("transcription_error" in answer) == (status is Status.FAILED)
        assert (Status(status) in (Status.FAILED, Status.CANCELLED)) == ("ended_at" in answer)
        self._check_partial(answer)
        of_this = {"answer_id": answer["id"], "revision": {"$gt": 0}}
        revisions = list(self.database["transcripts"].find(of_this).sort("revision", -1))
        assert bool(revisions) == is_completed
        if is_completed:
            assert (revisions[0]["revision"], revisions[0]["text"]) == (answer["revision"], answer["transcript"])
            assert len({each["revision"] for each in revisions}) == len(revisions)
        current = self.database["current_transcripts"].find_one({"answer_id": answer["id"]})
        assert (current is not None) == is_completed
        if current is not None:
            assert (current["revision"], current["text"]) == (answer["revision"], answer["transcript"])
        stored = self.database["fs.files"].find_one({"metadata.answer_id": answer["id"]})
        if not status.is_terminal:
            assert stored is not None
            assert (str(stored["_id"]), stored["metadata"]["status"]) == (answer["gridfs_file_id"], "stored")
        elif answer["gridfs_file_id"] is not None:
            assert stored is not None
            assert (str(stored["_id"]), stored["metadata"]["status"]) == (answer["gridfs_file_id"], "failed")
        else:
            assert stored is None or stored["metadata"]["status"] == "deleting"

    def _check_partial(self, answer: dict[str, Any]) -> None:
        """What was heard so far is there for an open answer, or for the retry of a failed one, and shown while open."""
        status = Status(answer["transcription_status"])
        partial = self.database["transcripts"].find_one({"_id": f"{answer['id']}:partial"})
        assert "partial_texts" not in answer or (partial is not None and not status.is_terminal)
        if partial is None:
            return
        assert not status.is_terminal or (status is Status.FAILED and answer["gridfs_file_id"] is not None)
        planned = {str(index) for index in range(len(partial["plan"]["windows"]))}
        assert {*partial["windows"], *partial["failures"], *partial["crashes"]} <= planned
        assert not partial["windows"].keys() & partial["failures"].keys()
        said = {index: _said(each) for index, each in partial["windows"].items() if each["segments"]}
        if "partial_texts" in answer:
            assert answer["partial_texts"] == said


def _said(window: dict[str, Any]) -> str:
    return " ".join(segment["text"] for segment in window["segments"])


def answer_document(recording: Recording, file_id: str, user_id: str) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "gridfs_file_id": file_id,
        "bytes": len(recording.content),
        "sha256": recording.sha256,
        "content_type": recording.content_type,
    }


class FilledAudio(AudioStore):
    """Audio with a short way in, for tests that are not about uploads."""

    def save(self, recording: Recording, ref: AnswerRef, user_id: str) -> str:
        """A file that no answer refers to yet."""
        file_id = ObjectId()
        self.save_chunks(file_id, recording.content)
        self._files.insert_one(file_document(ref, answer_document(recording, str(file_id), user_id)))
        return str(file_id)


def flags_over(database: MongoDatabase, **defaults: float) -> Flags:
    """Flags as one more process has them."""
    return Flags(FlagStore(database), {**FLAGS, **defaults}, Audit(AuditStore(database)))


def transcription_over(
    stores: Stores,
    build: Callable[[], Transcriber],
    *,
    answers: AnswerStore | None = None,
    max_attempts: int = 4,
    max_seconds: int = 600,
) -> Transcription:
    """What transcribes, in a process of its own as it were."""
    loader = TranscriberLoader(build)
    passed_through = TranscriptionStores(answers or stores.answers, stores.audio, stores.checkpoints)
    work = LeasedWork(Watchdog(lease_seconds=60), holder=HOLDER, max_attempts=max_attempts)
    return Transcription(passed_through, lambda ref: loader.load(), work, Thresholds(0.6, 0.5), max_seconds=max_seconds)


def build_stores(database: MongoDatabase, *, lease_seconds: float = 60) -> Stores:
    audio = FilledAudio(database)
    return Stores(
        database,
        AcceptanceStore(database),
        AnswerStore(database, lease_seconds=lease_seconds),
        audio,
        UploadStore(database, audio),
        OpenAnswerStore(database),
        SessionStore(database),
        CheckpointStore(database, lease_seconds=lease_seconds),
    )
