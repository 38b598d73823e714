"""What a report says of an interview, and what it was made of."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.feedback.evaluation import Evaluation
from services.models import Session, Status

# What the parts of a report do not have in common.
MIXED = "mixed"
TOKENS = ("prompt_tokens", "completion_tokens")

# Which answer, how it ended, and which revision of its text: what a score is a score of.
Identity = tuple[str, Status, int | None]
# `score`, `feedback` and `metadata` of an answer.
Told = Mapping[str, Any]
NOTHING: Told = dict.fromkeys(("score", "feedback", "metadata"))


@dataclass(frozen=True, slots=True)
class ReportedAnswer:
    """What a report says of one answer; `is_stale` when it was edited or recorded again since."""

    question_id: str
    answer_id: str
    status: Status
    revision: int | None
    score: float | None
    feedback: Sequence[Mapping[str, Any]] | None
    metadata: Mapping[str, Any] | None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """A report as it is kept. `final_score` is the mean over scored answers, None when nothing could be scored.

    `metadata` (`FeedbackMetadata`, of all answers together) is None where nobody wrote it down; `is_stale` when the
    answers are not those any more that it was made of.
    """

    session_id: str
    number: int
    created_at: datetime
    final_score: float | None
    scored_count: int
    failed_count: int
    unanswered_count: int
    metadata: Mapping[str, Any] | None
    answers: Sequence[ReportedAnswer]
    is_stale: bool = False


def made_of(session: Session) -> str:
    """Tells apart what a report can be made of: which answers there are, their ends, and the revisions of their texts.

    What else happens to an interview (a recording that goes, a score that comes) leaves it as it is.
    """
    told = [[question_id, *identity_of(answer)] for question_id, answer in in_order(session)]
    return sha256(json.dumps(told).encode()).hexdigest()[:32]


def identity_of(answer: Mapping[str, Any]) -> Identity:
    return answer["id"], Status(answer["transcription_status"]), answer.get("revision")


def in_order(session: Session) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """The answers there are, in the order of the questions."""
    return ((each.id, session.answers[each.id]) for each in session.questions if each.id in session.answers)


def open_count(session: Session) -> int:
    """How many answers still wait for their transcript."""
    return sum(not Status(answer["transcription_status"]).is_terminal for _, answer in in_order(session))


def told_of(evaluation: Evaluation) -> Told:
    """What a report says of an answer that was scored; for storage."""
    return {
        "score": evaluation.feedback.score,
        "feedback": [asdict(part) for part in evaluation.feedback.parts],
        "metadata": asdict(evaluation.metadata),
    }


def composed(session: Session, told: Mapping[str, Told]) -> dict[str, Any]:
    """The report of a session as it was read, by what is told of its completed answers; for storage."""
    answers = [_answer(*each, told.get(each[0], NOTHING)) for each in in_order(session)]
    scores = [each["score"] for each in told.values()]
    ended = [answer["status"] for answer in answers]
    return {
        "final_score": round(sum(scores) / len(scores), 1) if scores else None,
        "scored_count": len(scores),
        "failed_count": sum(status in (Status.FAILED, Status.CANCELLED) for status in ended),
        "unanswered_count": len(session.questions) - len(answers),
        "metadata": _of_all([answer["metadata"] for answer in answers if answer["metadata"]]),
        "answers": answers,
        "made_of": made_of(session),
        "seq": session.seq,
    }


def as_report(stored: Mapping[str, Any], session: Session) -> FeedbackReport:
    """A stored report as it is to be shown now; one from before there was metadata or evidence has none."""
    answers = [_reported(each, session) for each in stored.get("answers", ())]
    return FeedbackReport(
        session_id=session.id,
        number=stored["number"],
        created_at=stored["created_at"],
        final_score=stored["final_score"],
        scored_count=stored["scored_count"],
        failed_count=stored["failed_count"],
        unanswered_count=stored["unanswered_count"],
        metadata=stored.get("metadata"),
        answers=answers,
        is_stale=stored.get("made_of") != made_of(session),
    )


def from_before(session: Session) -> FeedbackReport | None:
    """The report of a session that was scored before reports were kept: number 0, from the answers themselves."""
    analysis = session.analysis
    if analysis is None or "report" in analysis:
        return None
    answers = [
        ReportedAnswer(question_id, *identity_of(answer), answer.get("score"), answer.get("feedback"), None)
        for question_id, answer in in_order(session)
    ]
    scores = [answer.score for answer in answers if answer.score is not None]
    return FeedbackReport(
        session_id=session.id,
        number=0,
        created_at=analysis["scored_at"],
        final_score=round(sum(scores) / len(scores), 1) if scores else None,
        scored_count=len(scores),
        failed_count=sum(answer.status in (Status.FAILED, Status.CANCELLED) for answer in answers),
        unanswered_count=len(session.questions) - len(answers),
        metadata=None,
        answers=answers,
        is_stale=analysis["seq"] != session.seq,
    )


def is_current(session: Session) -> bool:
    """Whether the scores in the session's answers are those of its answers as they are."""
    if session.analysis is None:
        return False
    if "made_of" not in session.analysis:
        return bool(session.analysis["seq"] == session.seq)
    return bool(session.analysis["made_of"] == made_of(session))


def _answer(question_id: str, answer: Mapping[str, Any], told: Told) -> dict[str, Any]:
    answer_id, status, revision = identity_of(answer)
    return {
        "question_id": question_id,
        "answer_id": answer_id,
        "status": status,
        "revision": revision,
        **told,
    }


def _reported(stored: Mapping[str, Any], session: Session) -> ReportedAnswer:
    now = session.answers.get(stored["question_id"])
    was = (stored["answer_id"], Status(stored["status"]), stored["revision"])
    is_stale = now is None or identity_of(now) != was
    return ReportedAnswer(
        stored["question_id"], *was, stored["score"], stored["feedback"], stored.get("metadata"), is_stale
    )


def _of_all(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Together: what they have in common, the sums, and the first fallback there was."""
    if not parts:
        return None
    usages = [part["token_usage"] for part in parts if part["token_usage"]]
    return {
        "provider": _common(parts, "provider"),
        "model": _common(parts, "model"),
        "latency_ms": sum(part["latency_ms"] for part in parts),
        "prompt_version": _common(parts, "prompt_version"),
        "token_usage": {name: sum(usage[name] for usage in usages) for name in TOKENS} if usages else None,
        "fallback": next((part["fallback"] for part in parts if part["fallback"]), None),
    }


def _common(parts: Sequence[Mapping[str, Any]], name: str) -> Any:
    values = {part[name] for part in parts}
    return values.pop() if len(values) == 1 else MIXED
