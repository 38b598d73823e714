"""Jobs: one recording without an interview. A job is a session with one question, and goes every way an answer goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any

from services.answer_status import AnswerStatus, status_of
from services.answers import Answers, Receipt, answer_id_of
from services.decisions import Decisions
from services.errors import Conflict, ConsentRequired, InvalidRequest, NotFound
from services.incoming_recordings import IncomingRecording
from services.models import JOB, AnswerRef, Caller, Hints, Question, Session, Status
from services.storage.acceptance import UploadLost
from services.storage.jobs import QUESTION_ID, JobStore
from services.storage.sessions import SessionStore
from services.storage.streamed_uploads import StreamedUploadStore

ATTESTED = "Whoever sent the recording says that those who speak in it agreed to its transcription."


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Of one recording; `requires_consent`: only with the word of whoever sends it."""

    max_bytes: int
    max_seconds: int
    requires_consent: bool = False


@dataclass(frozen=True, slots=True)
class JobStores:
    """What a job comes in by and is read from."""

    jobs: JobStore
    sessions: SessionStore
    uploads: StreamedUploadStore


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its answer tells it; a time is None where it has not come to that."""

    job_id: str
    answer: AnswerStatus
    times: Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, and the cursor of the next page (None: this was the last)."""

    jobs: Sequence[Job]
    next: tuple[datetime, str] | None


class TranscriptionJobs:
    """Takes recordings without an interview, and says where they stand. A job that is none of these is `NotFound`."""

    def __init__(self, stores: JobStores, answers: Answers, decisions: Decisions, limits: JobLimits) -> None:
        self._stores = stores
        self._answers = answers
        self._decisions = decisions
        self._limits = limits

    def is_accepted(self, owner_id: str, key: str) -> bool:
        """Whether a recording has come with this key."""
        return self._answers.is_accepted(_job_id(owner_id, key), QUESTION_ID, key)

    def expect(self, owner_id: str, key: str | None, *, max_bytes: int | None = None) -> IncomingRecording:
        """What the recording of a new job is written to, at most `max_bytes` of it where that is less."""
        job_id = _job_id(owner_id, key)
        ref = AnswerRef(job_id, QUESTION_ID, answer_id_of(job_id, QUESTION_ID, key))
        limit = self._limits.max_bytes
        return IncomingRecording(self._stores.uploads, ref, max_bytes=min(limit, max_bytes or limit))

    def accept(
        self,
        owner_id: str,
        incoming: IncomingRecording,
        hints: Hints,
        *,
        once: bool,
        declared_duration_ms: int | None = None,
        has_consent: bool = False,
    ) -> Receipt:
        """Make what has come a queued job; `once` where it came with a key.

        Raises `ConsentRequired`, `InvalidRequest` when the key came with another recording or said something else, and
        `Conflict` when it is older than receipts are kept.
        """
        if self._limits.requires_consent and not has_consent:
            raise ConsentRequired
        job = _new_job(incoming.ref.session_id, owner_id, hints, has_consent=has_consent)
        recording = incoming.stored(language=hints.language, declared_duration_ms=declared_duration_ms)
        try:
            receipt = self._answers.accept_with_session(
                job, incoming.ref, recording, once=once, max_seconds=self._limits.max_seconds
            )
        except UploadLost:
            if self._stores.sessions.find_unguarded(job.id) is None:
                raise
            raise Conflict("This key made a job before; use another one.", code="idempotency_key_used") from None
        if receipt.is_repeat:
            self._require_the_same(job)
        incoming.is_accepted = not receipt.is_repeat
        return receipt

    def job_of(self, session: Session) -> Job:
        """The job that a session is; raises `NotFound` for an interview."""
        if session.kind != JOB or QUESTION_ID not in session.answers:
            raise NotFound("There is no such job.")
        return _as_job(session)

    def list_of(
        self, caller: Caller, *, status: Status | None, after: tuple[datetime, str] | None, limit: int
    ) -> JobPage:
        """The caller's own jobs, newest first."""
        found = self._stores.jobs.list_of(caller.user_id, status=status, before=after, limit=limit + 1)
        page = found[:limit]
        following = (page[-1].created_at, page[-1].id) if len(found) > limit else None
        return JobPage([self.job_of(each) for each in page], following)

    def find_each(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, Job]:
        """Those of these jobs that there are, by their ids."""
        found = self._stores.jobs.find_each(caller, job_ids)
        return {each: self.job_of(found[each]) for each in job_ids if each in found}

    def statuses_of_each(self, caller: Caller, session_ids: Sequence[str]) -> Mapping[str, tuple[int, list[Status]]]:
        """`seq` and where each answer stands, of those of these sessions that the caller may see."""
        return self._stores.jobs.statuses_of_each(caller, session_ids)

    def cancel(self, session: Session) -> Job:
        """End a job that waits or is worked on; again is the same. Raises `Conflict` where it has ended otherwise."""
        try:
            self._decisions.cancel(self._ref_of(session))
        except Conflict:
            if self._now(session).answer.status is not Status.CANCELLED:
                raise
        return self._now(session)

    def retry(self, session: Session) -> Job:
        """Queue a failed or cancelled job again; raises `Conflict` where it is neither, or its recording is gone."""
        self._decisions.retry(self._ref_of(session))
        return self._now(session)

    def _ref_of(self, session: Session) -> AnswerRef:
        return AnswerRef(session.id, QUESTION_ID, self.job_of(session).answer.answer_id)

    def _now(self, session: Session) -> Job:
        found = self._stores.sessions.find_unguarded(session.id)
        if found is None:
            raise NotFound("There is no such job.")
        return self.job_of(found)

    def _require_the_same(self, asked: Session) -> None:
        stored = self._stores.sessions.find_unguarded(asked.id)
        if stored is not None and _said(stored) != _said(asked):
            raise InvalidRequest("This key came with another request before.", code="idempotency_key_reused")


def _job_id(owner_id: str, key: str | None) -> str:
    """A fresh one, or with a key always the same one: a repeat finds it."""
    return token_hex(12) if key is None else sha256("\0".join(("job", owner_id, key)).encode()).hexdigest()[:24]


def _new_job(job_id: str, owner_id: str, hints: Hints, *, has_consent: bool) -> Session:
    now = datetime.now(UTC)
    # Mongo keeps milliseconds, and cursors are made of this.
    created_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    consent = {"text": ATTESTED, "given_at": created_at, "recorded_at": created_at, "given_by": "owner"}
    return Session(
        id=job_id,
        owner_id=owner_id,
        questions=(Question(QUESTION_ID, "A recording"),),
        answers={},
        seq=0,
        created_at=created_at,
        language=hints.language,
        details={"consent": consent} if has_consent else {},
        kind=JOB,
        task=hints.task,
        initial_prompt=hints.initial_prompt,
        vocabulary=hints.vocabulary,
    )


def _said(job: Session) -> tuple[Any, ...]:
    return job.language, job.task, job.initial_prompt, job.vocabulary


def _as_job(session: Session) -> Job:
    stored = session.answers[QUESTION_ID]
    answer, ended_at = status_of(QUESTION_ID, stored), stored.get("ended_at")
    times = {
        "queued_at": stored.get("queued_at") or answer.created_at,
        "started_at": answer.started_at,
        "completed_at": answer.transcribed_at,
        "failed_at": ended_at if answer.status is Status.FAILED else None,
        "cancelled_at": ended_at if answer.status is Status.CANCELLED else None,
    }
    return Job(session.id, answer, times)
