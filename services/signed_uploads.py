"""Recordings that come by a signed address: kept for an hour, until whoever may answer makes one of them the answer."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import structlog

from services.answers import Answers, Receipt, StoredRecording
from services.audio.declared_type import require_declared
from services.errors import InvalidRequest, NotFound, TooManyRequests, Unavailable
from services.models import AnswerRef, Recording, Session
from services.storage.acceptance import UploadLost
from services.storage.kept_uploads import KeptUpload, KeptUploadStore
from services.storage.uploads import UploadStore
from services.upload_urls import SignedUpload, UploadIntent

log = structlog.get_logger()

# Of one session: what nobody uses takes room for an hour, and counts in nobody's share.
MOST_UNUSED = 20
RETRY_UNUSED_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Kept:
    """These bytes with this SHA-256 lie under this key until then."""

    object_key: str
    bytes: int
    sha256: str
    expires_at: datetime


class SignedUploads:
    """Takes uploads that were signed for, and makes answers of them."""

    def __init__(self, uploads: UploadStore, kept: KeptUploadStore, answers: Answers) -> None:
        self._uploads = uploads
        self._kept = kept
        self._answers = answers

    def require_unused(self, object_key: str, session_id: str) -> None:
        """To be asked before the body is read.

        Raises `Conflict` when an upload has come by this address, `TooManyRequests` when too many of the session lie
        unused.
        """
        self._kept.require_unused(object_key)
        if self._uploads.count_kept(session_id, at_most=MOST_UNUSED) >= MOST_UNUSED:
            raise TooManyRequests(
                "Too many recordings of this session were sent and not used. Please use them, or wait.",
                code="too_many_unused_uploads",
                retry_after_seconds=RETRY_UNUSED_SECONDS,
            )

    def receive(self, signed: SignedUpload, object_key: str, recording: Recording) -> Kept:
        """Keep what has come. Of several at once by one address one is kept, and the others leave nothing.

        Raises `InvalidRequest` and `UnsupportedRecording` when it is not what was signed for, `Conflict` for a second
        one, `NotFound` when the session has been erased meanwhile, and `Unavailable`.
        """
        intent = signed.intent
        _require_signed(intent, recording)
        file_id = self._uploads.store(_ref_of(object_key, intent.session_id, intent.question_id), recording.content)
        upload = KeptUpload(
            object_key,
            intent.session_id,
            intent.question_id,
            file_id,
            len(recording.content),
            recording.sha256,
            recording.content_type,
        )
        try:
            expires_at = self._kept.keep(upload)
        except BaseException:
            with suppress(Unavailable):
                self._uploads.abandon(file_id)
            raise
        log.info(
            "An upload was kept.", session_id=intent.session_id, question_id=intent.question_id, bytes=upload.bytes
        )
        return Kept(object_key, upload.bytes, upload.sha256, expires_at)

    def use(
        self,
        session: Session,
        question_id: str,
        object_key: str,
        user_id: str,
        *,
        language: str | None = None,
        declared_duration_ms: int | None = None,
    ) -> Receipt:
        """Make what lies under a key the queued answer to its question; again is the same receipt.

        Raises `NotFound` when nothing lies there for this question of this session, or does not any more.
        """
        kept = self._kept.find(object_key, session.id, question_id)
        if kept is None:
            raise NotFound("There is no such upload for this question.", code="no_such_upload")
        self._uploads.collect_if_over(kept.file_id)
        recording = StoredRecording(
            kept.file_id, kept.bytes, kept.sha256, kept.content_type, language, declared_duration_ms, object_key
        )
        try:
            return self._answers.accept_stored(
                session, _ref_of(object_key, session.id, question_id), recording, user_id
            )
        except UploadLost:
            message = "The upload was not used in time. Please send the recording again."
            raise NotFound(message, code="upload_expired") from None


def _require_signed(intent: UploadIntent, recording: Recording) -> None:
    if len(recording.content) != intent.bytes:
        message = (
            f"{intent.bytes} bytes were signed for and {len(recording.content)} have arrived. Please send it again."
        )
        raise InvalidRequest(message, code="recording_incomplete")
    if intent.sha256 is not None and intent.sha256 != recording.sha256:
        raise InvalidRequest("The recording's bytes are not those that were signed for.", code="digest_mismatch")
    require_declared(intent.content_type, recording.content_type)


def _ref_of(object_key: str, session_id: str, question_id: str) -> AnswerRef:
    """The answer that an upload becomes: always the same one, so that it does once."""
    answer_id = sha256("\0".join(("upload", session_id, question_id, object_key)).encode()).hexdigest()[:24]
    return AnswerRef(session_id, question_id, answer_id)
