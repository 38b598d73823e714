"""Typed answers: an answer like any other, whose text nobody has to hear first."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from secrets import token_hex

import structlog

from services.answer_status import AnswerStatus
from services.errors import InvalidRequest, Unavailable
from services.models import AnswerRef, Session, Status
from services.storage.audio import AudioStore
from services.storage.typed_answers import Typed, TypedAnswerStore
from services.texts import require_storable

log = structlog.get_logger()


class TypedAnswers:
    """Takes typed answers in. `when_ended` is called after each: there may be nothing left to wait for."""

    def __init__(self, store: TypedAnswerStore, audio: AudioStore, when_ended: Callable[[AnswerRef], None]) -> None:
        self._store = store
        self._audio = audio
        self._when_ended = when_ended

    def accept(
        self, session: Session, question_id: str, text: str, user_id: str, *, key: str | None = None
    ) -> AnswerStatus:
        """Store a text as the completed answer to a question, in the place of an earlier one, typed or recorded.

        With a `key` this happens once, however often it is called with it. Raises `InvalidRequest` for a text without
        a letter or sign, too long or not valid Unicode, or when the key came with another text; `NotFound` when the
        session or the question is gone; `Unavailable`.
        """
        require_typed(text)
        ref = AnswerRef(session.id, question_id, _answer_id(session.id, question_id, key))
        digest = sha256(text.encode()).hexdigest()
        answer = {
            "transcript": text,
            "language": session.language,
            "user_id": user_id,
            "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        }
        typed = self._store.accept(ref, answer, text_sha256=digest, once=key is not None)
        if typed.text_sha256 != digest:
            raise InvalidRequest("This key came with another request before.", code="idempotency_key_reused")
        if not typed.is_repeat:
            log.info(
                "A typed answer was accepted.",
                session_id=ref.session_id,
                question_id=ref.question_id,
                answer_id=ref.answer_id,
            )
            self._after_acceptance(ref, typed)
        return _status(ref, text, typed)

    def _after_acceptance(self, ref: AnswerRef, typed: Typed) -> None:
        """Best effort: the answer is stored, and what fails here the sweep makes good."""
        with suppress(Unavailable):
            if typed.replaced_file_id is not None:
                self._audio.delete(typed.replaced_file_id)
        with suppress(Unavailable):
            self._when_ended(ref)


def require_typed(text: str) -> None:
    """Raise `InvalidRequest` for what is no answer: nothing but blanks, too long, not valid Unicode."""
    if not text.strip():
        raise InvalidRequest("An answer cannot be empty.", code="empty_text")
    require_storable(text)


def _answer_id(session_id: str, question_id: str, key: str | None) -> str:
    """A fresh one, or with a key always the same one, which no recording has."""
    if key is None:
        return token_hex(12)
    return sha256("\0".join(("typed", session_id, question_id, key)).encode()).hexdigest()[:24]


def _status(ref: AnswerRef, text: str, typed: Typed) -> AnswerStatus:
    """As it was when it was stored, also where it has been edited or replaced since."""
    return AnswerStatus(
        question_id=ref.question_id,
        answer_id=ref.answer_id,
        status=Status.COMPLETED,
        created_at=typed.created_at,
        transcript=text,
        no_speech=False,
        language=typed.language,
        revision=typed.revision,
        needs_review=False,
        kind="text",
    )
