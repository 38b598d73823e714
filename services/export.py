"""An interview as one zip: everything that is kept of it, for its owner and for whoever asks what is known of them.

It is made while it is sent, with some megabytes of a recording in memory at a time. `session.json` comes last, when it
is known which recordings were still there.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.answer_status import status_of
from services.audit import Audit
from services.errors import RecordingRejected
from services.models import Caller, Session
from services.storage.audio import AudioStore
from services.storage.feedback_reports import FeedbackReportStore
from services.storage.opinions import OpinionStore
from services.storage.revisions import Revision, RevisionStore
from services.transcripts import told
from services.zip_stream import zipped

# How the zip is laid out; a reader may look at it.
FORMAT = 1
EXTENSIONS = {
    "audio/webm": "webm",
    "audio/matroska": "mka",
    "audio/ogg": "ogg",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
}
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Ours alone: who works on it, where the bytes are (they are in the zip themselves), and how text so far is kept.
_INTERNAL = frozenset({"lease", "not_before", "gridfs_file_id", "partial_texts"})


class Export:
    """Makes exports."""

    def __init__(
        self,
        revisions: RevisionStore,
        audio: AudioStore,
        reports: FeedbackReportStore,
        opinions: OpinionStore,
        audit: Audit,
    ) -> None:
        self._revisions = revisions
        self._reports = reports
        self._opinions = opinions
        self._audio = audio
        self._audit = audit

    def of(self, actor: Caller, session: Session) -> Iterator[bytes]:
        """The zip of a session as it was read, in pieces. Recorded first: raises `Unavailable` where it cannot be."""
        self._audit.record("session.export", actor, session_id=session.id, owner_id=session.owner_id)
        revisions = self._revisions.of_session(session.id)
        return zipped(self._entries(session, revisions))

    def _entries(
        self, session: Session, revisions: Mapping[str, Sequence[Revision]]
    ) -> Iterator[tuple[str, Iterable[bytes]]]:
        names, answers = _names(session), []
        for question_id, name in names.items():
            answer = session.answers[question_id]
            history = revisions.get(answer["id"], ())
            texts, recording = _texts(name, question_id, answer, history), self._recording(name, answer)
            yield from ((path, [text]) for path, text in texts)
            if recording is not None:
                yield recording.path, recording.parts()
            files = [path for path, _ in texts] + ([recording.path] if recording and not recording.is_cut else [])
            so_far = {"partial_transcript": status_of(question_id, answer).partial_transcript}
            told_of = {**_told(answer), **so_far, "question_id": question_id, "revisions": history, "files": files}
            answers.append({**told_of, **self._said_of(answer["id"])})
        reports = self._reports.all_of(session.id)
        yield "session.json", [_as_json({**_of_session(session), "feedback_reports": reports, "answers": answers})]

    def _said_of(self, answer_id: str) -> dict[str, Any]:
        """What people said of its transcript."""
        ratings, errors = self._opinions.ratings([answer_id]), self._opinions.reports([answer_id])
        return {
            "ratings": [each.as_document() for each in ratings],
            "error_reports": [each.as_document() for each in errors],
        }

    def _recording(self, name: str, answer: Mapping[str, Any]) -> "_Recording | None":
        """As received; None when it is not kept (any more)."""
        file_id = answer.get("gridfs_file_id")
        if file_id is None:
            return None
        parts = self._audio.parts(file_id)
        try:
            first = next(parts)
        except RecordingRejected:
            return None
        return _Recording(f"audio/{name}.{EXTENSIONS.get(answer.get('content_type', ''), 'bin')}", first, parts)


@dataclass
class _Recording:
    """A recording on its way into the zip. `is_cut`: it was deleted meanwhile, and counts as not kept."""

    path: str
    first: bytes
    rest: Iterator[bytes]
    is_cut: bool = False

    def parts(self) -> Iterator[bytes]:
        yield self.first
        try:
            yield from self.rest
        except RecordingRejected:
            self.is_cut = True


def _names(session: Session) -> dict[str, str]:
    """Of every answered question the name of its files: its id, unless another differs in case only."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    asked = [question.id for question in session.questions]
    for number, question_id in enumerate(each for each in asked if each in session.answers):
        name = question_id if _SAFE_NAME.fullmatch(question_id) else f"question-{number + 1}"
        if name.lower() in taken:
            name = f"{name}.{number + 1}"
        taken.add(name.lower())
        names[question_id] = name
    return names


def _texts(
    name: str, question_id: str, answer: Mapping[str, Any], history: Sequence[Revision]
) -> list[tuple[str, bytes]]:
    newest = next((each for each in history if each.revision == answer.get("revision")), None)
    if newest is None:
        return []
    transcript = told(status_of(question_id, answer), newest, history[0])
    return [(f"transcripts/{name}.{kind}", transcript.written(kind).encode()) for kind in transcript.kinds]


def _of_session(session: Session) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "exported_at": datetime.now(UTC),
        "id": session.id,
        "owner_id": session.owner_id,
        "created_at": session.created_at,
        "seq": session.seq,
        "language": session.language,
        "task": session.task,
        "initial_prompt": session.initial_prompt,
        "vocabulary": session.vocabulary,
        "submitted_at": session.submitted_at,
        **session.details,
        "questions": [
            {"id": each.id, "prompt": each.prompt, "model_answer": each.model_answer, "key_points": each.key_points}
            for each in session.questions
        ],
        "analysis": session.analysis,
    }


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in _INTERNAL}


def _as_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2, default=_as_plain).encode()


def _as_plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Revision):
        return value.as_document()
    raise TypeError(f"not for JSON: {type(value).__name__}")
