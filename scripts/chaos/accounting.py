"""Holds what candidates were told against what the database says: every acknowledged answer has exactly one fate."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from scripts.chaos.aftermath import Aftermath, Document
from scripts.chaos.ledger import Edit, Interview, Ledger, Take
from scripts.chaos.witness import Life

# Killed or frozen three times over the same recording: that it is set aside then is the product's promise.
EXPECTED_FAILURES = frozenset({"poison"})
# A window in which its workers were killed twice is left out, and the answer says so.
EXPECTED_GAPS = frozenset({"crashed"})
# What is left of an answer with a gap is its own words, but for a few that were misheard.
MOST_WORDS = 0.6
Belongs = Callable[[str, str], bool]


@dataclass(slots=True)
class Accounts:
    """The fates, counted, and every finding that should not be, by its kind."""

    fates: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[str]] = field(default_factory=dict)

    def find(self, kind: str, what: str) -> None:
        self.findings.setdefault(kind, []).append(what)

    def number_of(self, kind: str) -> int:
        return len(self.findings.get(kind, []))


def account(ledger: Ledger, aftermath: Aftermath, lives: Iterable[Life], belongs: Belongs) -> Accounts:
    """Judge every take, every answer's life and everything that is stored."""
    accounts = Accounts()
    for interview in ledger.interviews.values():
        _judge_interview(accounts, interview, aftermath, belongs)
    for take in ledger.takes():
        if len(set(take.answer_ids)) > 1:
            accounts.find("doubled", f"key {take.key} made the answers {sorted(set(take.answer_ids))}")
    _judge_lives(accounts, lives)
    _judge_leftovers(accounts, aftermath)
    return accounts


def _judge_interview(accounts: Accounts, interview: Interview, aftermath: Aftermath, belongs: Belongs) -> None:
    session = aftermath.sessions.get(interview.session_id)
    acknowledged = [take for take in interview.takes if take.is_acknowledged]
    accounts.fates["accepted"] += len(acknowledged)
    if interview.erased or (interview.erase_begun and session is None):
        accounts.fates["erased"] += len(acknowledged)
        _judge_erased(accounts, interview.session_id, aftermath)
        return
    answers = session.get("answers", {}) if session else {}
    for question_id in interview.question_ids():
        _judge_answer(accounts, interview, question_id, answers.get(question_id), belongs)


def _judge_answer(
    accounts: Accounts, interview: Interview, question_id: str, answer: Document | None, belongs: Belongs
) -> None:
    takes = interview.takes_of(question_id)
    last = max((at for at, take in enumerate(takes) if take.is_acknowledged), default=None)
    if last is None:
        return
    # What was sent later without an acknowledgement may have arrived, too.
    there = next((take for take in takes[last:] if answer and answer.get("sha256") == take.sha256), None)
    accounts.fates["replaced"] += sum(take.is_acknowledged for take in takes[:last])
    if there is None or answer is None:
        accounts.fates["lost"] += 1
        accounts.find("lost", f"{interview.session_id}/{question_id}: acknowledged as {takes[last].answer_ids}")
        return
    if there is not takes[last]:
        accounts.fates["replaced"] += 1
        return
    status = str(answer["transcription_status"])
    accounts.fates[status] += 1
    _judge_status(accounts, interview, there, answer, belongs)


def _judge_status(accounts: Accounts, interview: Interview, take: Take, answer: Document, belongs: Belongs) -> None:
    status, name = answer["transcription_status"], f"{interview.session_id}/{take.question_id}"
    if status in ("queued", "processing"):
        accounts.find("unfinished", f"{name}: {status}")
    elif status == "failed":
        code = answer["transcription_error"]["code"]
        accounts.failures[code] += 1
        if code not in EXPECTED_FAILURES:
            accounts.find("failed without a reason", f"{name}: {code}")
    elif status == "cancelled" and answer["id"] not in interview.cancels:
        accounts.find("cancelled by nobody", name)
    elif status == "completed":
        _judge_transcript(accounts, interview.edits, take, answer, belongs)


def _judge_transcript(accounts: Accounts, edits: list[Edit], take: Take, answer: Document, belongs: Belongs) -> None:
    text, own = answer["transcript"], [edit for edit in edits if edit.answer_id == answer["id"]]
    last = max((at for at, edit in enumerate(own) if edit.is_acknowledged), default=None)
    allowed = {edit.text for edit in own[last or 0 :]}
    if text in allowed:
        return
    if last is not None:
        accounts.find("overwritten edit", f"{answer['id']} says {text!r}")
    elif gaps := {gap["code"] for gap in answer.get("gaps", ())}:
        for code in gaps - EXPECTED_GAPS:
            accounts.find("gap without a reason", f"{answer['id']}: {code}")
        if not _is_part_of(text, take.text):
            accounts.find("wrong transcript", f"{answer['id']} says {text!r} for parts of {take.text!r}")
    elif not belongs(text, take.text):
        accounts.find("wrong transcript", f"{answer['id']} says {text!r} for {take.text!r}")


def _is_part_of(text: str, said: str) -> bool:
    """Whether most of these words were said, in this order."""
    words, of = (re.findall(r"\w+", each.casefold()) for each in (text, said))
    found = SequenceMatcher(None, words, of, autojunk=False).get_matching_blocks()
    return sum(block.size for block in found) >= MOST_WORDS * len(words)


def _judge_erased(accounts: Accounts, session_id: str, aftermath: Aftermath) -> None:
    left = Counter(
        {
            "session": int(_is_alive(aftermath.sessions.get(session_id))),
            "transcripts": sum(each["session_id"] == session_id for each in aftermath.transcripts),
            "files": sum(each["metadata"]["session_id"] == session_id for each in aftermath.files),
            "receipts": aftermath.receipts_by_session.get(session_id, 0),
        }
    )
    if left.total():
        accounts.find("left of an erased session", f"{session_id}: {dict(+left)}")


def _is_alive(session: Mapping[str, Any] | None) -> bool:
    """A tombstone without a word in it may stay."""
    return session is not None and bool(session.get("answers") or session.get("questions"))


def _judge_lives(accounts: Accounts, lives: Iterable[Life]) -> None:
    answers_by_recording: dict[tuple[str, str, str], set[str]] = {}
    for life in lives:
        if life.completions > 1:
            accounts.find("doubled", f"answer {life.answer_id} was completed {life.completions} times: {life.states}")
        if life.sha256:
            recording = (life.session_id, life.question_id, life.sha256)
            answers_by_recording.setdefault(recording, set()).add(life.answer_id)
    for recording, answer_ids in answers_by_recording.items():
        if len(answer_ids) > 1:
            accounts.find("doubled", f"one upload to {recording[:2]} made {len(answer_ids)} answers")


def _judge_leftovers(accounts: Accounts, aftermath: Aftermath) -> None:
    answers = [answer for each in aftermath.sessions.values() for answer in each.get("answers", {}).values()]
    referred_to = {str(answer["gridfs_file_id"]) for answer in answers if answer.get("gridfs_file_id")}
    answer_ids = {answer["id"] for answer in answers if "id" in answer}
    stored_files = {str(each["_id"]) for each in aftermath.files}
    for file_id in stored_files - referred_to:
        accounts.find("orphan files", file_id)
    for file_id in aftermath.chunk_owners - stored_files:
        accounts.find("orphan chunks", file_id)
    for answer in answers:
        if "partial_texts" in answer and answer["transcription_status"] not in ("queued", "processing"):
            accounts.find("partial transcripts of ended answers", answer["id"])
        if answer.get("gridfs_file_id") and str(answer["gridfs_file_id"]) not in stored_files:
            accounts.find("missing recordings", answer["id"])
    revisions = [each for each in aftermath.transcripts if "revision" in each]
    for revision, number in Counter((each["answer_id"], each["revision"]) for each in revisions).items():
        if number > 1:
            accounts.find("doubled", f"transcript {revision} is there {number} times")
    for transcript in aftermath.transcripts:
        if transcript["answer_id"] not in answer_ids:
            accounts.find("orphan transcripts", transcript["answer_id"])
    for partial in (each for each in aftermath.transcripts if "revision" not in each):
        if partial["answer_id"] in answer_ids - {answer["id"] for answer in answers if _may_go_on(answer)}:
            accounts.find("partial transcripts of ended answers", partial["answer_id"])
    if aftermath.markers:
        accounts.find("upload markers", f"{aftermath.markers} left")


def _may_go_on(answer: Document) -> bool:
    """Whether what was heard so far is still of use: for an open answer, or for the retry of a failed one."""
    status = answer["transcription_status"]
    return status in ("queued", "processing") or (status == "failed" and bool(answer.get("gridfs_file_id")))


def stale_sockets(aftermath: Aftermath, told: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """The answers of which a socket was told something else last than the database says."""
    stale = []
    for session_id, answers in told.items():
        session = aftermath.sessions.get(session_id)
        for question_id, answer in (session or {}).get("answers", {}).items():
            said = answers.get(question_id, {})
            expected = (answer["id"], answer["transcription_status"], answer.get("transcript"))
            if (said.get("answer_id"), said.get("status"), said.get("transcript")) != expected:
                stale.append(f"{session_id}/{question_id}: told {said.get('status')}, is {expected[1]}")
    return stale
