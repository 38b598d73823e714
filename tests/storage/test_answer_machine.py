"""Random orders of everything that may happen to an answer, in time and late, against a model of what each may do.

`PARLEY_PROVE=1` runs it at length: 150 runs of 80 steps.
"""

import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.access import OWNER
from services.audit import Audit
from services.decisions import Decisions
from services.errors import Conflict, LeaseLost, NotFound, PreconditionFailed, TranscriptionFailed
from services.models import AnswerRef, Caller, Claim
from services.outside_transcripts import OutsideText, OutsideTranscripts
from services.recovery import Recovery
from services.retention import Retention
from services.review import Review
from services.storage.audit import AuditStore
from services.storage.decisions import DecisionStore
from services.storage.outside_transcripts import OutsideTranscriptStore
from services.storage.retention_rules import RetentionRuleStore
from services.storage.transcripts import TranscriptStore
from services.storage.typed_answers import TypedAnswerStore
from services.typed_answers import TypedAnswers
from tests.fakes import RememberingQueue
from tests.stores import HOLDER, MODEL, Stores, transcript_of

IS_PROOF = os.environ.get("PARLEY_PROVE") == "1"
EXAMPLES, STEPS = (150, 80) if IS_PROOF else (12, 40)

QUESTIONS = ("q1", "_id")
OPEN, TO_BE_RETRIED = ("queued", "processing"), ("failed", "cancelled")
# Of all takes and claims there ever were, those that something may still go wrong with.
LATELY = 5
STEPS_OF_A_WORKER = (
    *("begin", "resume", "hear", "hear", "hear", "hold", "release", "give back", "put off"),
    *("complete", "complete", "fail", "reject"),
)
STAYS_WITH_ITS_WORKER = ("begin", "resume", "hear", "hold")
WINDOWS = 3
one_question = st.sampled_from(QUESTIONS)
one_text = st.sampled_from(["$typed", "typed"])
WORKER = Caller("owner", role="worker", key_id="0" * 24)
one_window = st.integers(0, WINDOWS - 1)
one_holder = st.sampled_from([HOLDER, "another", "a third"])


@dataclass
class Partial:
    """What was heard of a recording so far."""

    crashes_seen: int
    texts: dict[int, str] = field(default_factory=dict)
    crashes: dict[int, int] = field(default_factory=dict)
    next_window: int | None = 0

    def resume(self, crashes: int) -> None:
        if crashes > self.crashes_seen and self.next_window is not None:
            self.crashes[self.next_window] = self.crashes.get(self.next_window, 0) + 1
        self.crashes_seen, self.next_window = crashes, None


@dataclass
class Expected:
    """What the answer to one question should look like."""

    ref: AnswerRef
    status: str = "queued"
    token: str | None = None
    holder: str | None = None
    is_expired: bool = False
    is_put_off: bool = False
    attempts: int = 0
    crashes: int = 0
    has_audio: bool = True
    text: str | None = None
    revision: int | None = None
    partial: Partial | None = None
    shown: dict[int, str] = field(default_factory=dict)
    # By an operator's hand; by a worker that is not ours, and as that wrote it.
    is_marked: bool = False
    is_from_outside: bool = False

    def end(self, status: str) -> None:
        self.status, self.token, self.holder, self.is_expired = status, None, None, False
        if status != "queued":
            self.shown = {}


@dataclass
class Model:
    session_id: str
    seq: int = 0
    answers: dict[str, Expected] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)


class Lifecycle(RuleBasedStateMachine):
    stores: Stores

    @initialize()
    def start(self):
        database = self.stores.database
        for name in ("interview_sessions", "transcripts", "fs.files", "fs.chunks", "uploads"):
            database[name].delete_many({})
        self.queue = RememberingQueue()
        self.decisions = Decisions(DecisionStore(database), self.queue)
        self.review = Review(TranscriptStore(database), Audit(AuditStore(database)))
        self.ended: list[AnswerRef] = []
        self.typed = TypedAnswers(TypedAnswerStore(database), self.stores.audio, self.ended.append)
        outside = OutsideTranscriptStore(database)
        audit = Audit(AuditStore(database))
        self.outside = OutsideTranscripts(outside, self.stores.audio, audit, self.ended.append)
        self.recovery = Recovery(self.stores.open, self.stores.uploads, self.stores.audio, self.queue, holder=HOLDER)
        rules = RetentionRuleStore(self.stores.database)
        self.retention = Retention(self.stores.audio, self.stores.answers, self.stores.sessions, rules, failed_hours=1)
        self.model = Model(self.stores.start(*QUESTIONS))
        # Also of takes that were replaced and of interviews that were erased.
        self.claims: list[Claim] = []
        self.refs: list[AnswerRef] = []
        # What was heard of these goes with the rest of their interview.
        self.erased: set[str] = set()
        self.record_all()

    @rule(question_id=one_question)
    def record(self, question_id):
        """For the first time or again, whatever becomes of the answer that was there."""
        ref = self.stores.accept(self.model.session_id, question_id)
        self.model.answers[question_id] = Expected(ref)
        self.refs.append(ref)
        self.model.seq += 1

    @rule(question_id=one_question, text=one_text)
    def type_it(self, question_id, text):
        """In the place of whatever is there, whoever works on that."""
        session = self.stores.sessions.find_unguarded(self.model.session_id)
        assert session is not None
        told = self.typed.accept(session, question_id, text, "owner")
        ref = AnswerRef(self.model.session_id, question_id, told.answer_id)
        self.model.revisions[question_id] = self.model.revisions.get(question_id, 0) + 1
        assert told.revision == self.model.revisions[question_id]
        self.model.answers[question_id] = Expected(ref, "completed", has_audio=False, text=text, revision=told.revision)
        self.refs.append(ref)
        self.model.seq += 1
        assert self.ended.pop() == ref

    @rule(data=st.data(), text=one_text)
    def write_from_outside(self, data, text):
        """By a worker that never claimed it, while one of ours may be at it."""
        ref = data.draw(st.sampled_from(self.refs[:-LATELY:-1]))
        expected = self.current(ref)
        is_wanted = expected is not None and expected.status in (*OPEN, "failed")
        may_write = expected is not None and is_wanted and expected.has_audio and not expected.is_marked
        is_repeat = expected is not None and expected.is_from_outside and expected.text == text
        with self.raising(None if may_write or is_repeat else NotFound if expected is None else Conflict):
            told = self.outside.write_by_id(WORKER, ref.answer_id, OutsideText(text, "large-v3"))
            assert (told.transcript, told.status) == (text, "completed")
        if not may_write or expected is None:
            assert not self.ended
            return
        self.model.seq += 1
        self.model.revisions[ref.question_id] = self.model.revisions.get(ref.question_id, 0) + 1
        expected.end("completed")
        expected.is_put_off, expected.has_audio, expected.partial, expected.is_from_outside = False, False, None, True
        expected.text, expected.revision = text, self.model.revisions[ref.question_id]
        assert self.ended.pop() == ref

    def record_all(self) -> None:
        """Most of what may happen asks for an answer."""
        for question_id in QUESTIONS:
            self.record(question_id)

    @rule(question_id=one_question, holder=one_holder)
    def have_it_worked_on(self, question_id, holder):
        """By the one worker that has it: what all the rest may come in between of."""
        expected = self.model.answers[question_id]
        if expected.status not in OPEN:
            self.record(question_id)
            expected = self.model.answers[question_id]
        if expected.status == "queued":
            self.stores.make_due(expected.ref)
            expected.is_put_off = False
            self.take(expected.ref, holder)

    @rule(question_id=one_question, holder=one_holder)
    def have_it_completed(self, question_id, holder):
        self.have_it_worked_on(question_id, holder)
        expected = self.model.answers[question_id]
        self.write_with(next(each for each in self.claims if each.token == expected.token), "complete")

    @rule(data=st.data(), holder=one_holder)
    def claim(self, data, holder):
        self.take(data.draw(st.sampled_from(self.refs[:-LATELY:-1])), holder)

    def take(self, ref: AnswerRef, holder: str) -> None:
        expected = self.current(ref)
        claim = self.stores.answers.claim(ref, holder)
        is_free = expected is not None and (
            (expected.status == "queued" and not expected.is_put_off)
            or (expected.status == "processing" and expected.is_expired)
        )
        assert (claim is not None) is is_free
        if claim is None or expected is None:
            return
        expected.crashes += expected.is_expired
        expected.attempts += 1
        expected.status, expected.token, expected.holder, expected.is_expired = "processing", claim.token, holder, False
        assert (claim.attempts, claim.crashes) == (expected.attempts, expected.crashes)
        assert self.stores.audio.read(claim.file_id) == b"RIFF"
        self.claims.append(claim)
        self.model.seq += 1

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), step=st.sampled_from(STEPS_OF_A_WORKER), window=one_window)
    def write_with_a_claim(self, data, step, window):
        """With the newest claim, or with one from before."""
        self.write_with(data.draw(st.sampled_from(self.claims[:-LATELY:-1])), step, window)

    def write_with(self, claim: Claim, step: str, window: int = 0) -> None:
        expected = self.current(claim.ref)
        is_ours = expected is not None and expected.status == "processing" and expected.token == claim.token
        has_partial = expected is not None and expected.partial is not None
        if step == "resume" and not has_partial:
            assert self.stores.checkpoints.resume(claim, MODEL) is None
            return
        if step == "hear" and not has_partial and is_ours:
            with self.raising(TranscriptionFailed):
                self.write(step, claim, window)
            return
        with self.raising(None if is_ours else LeaseLost):
            self.write(step, claim, window)
        if not is_ours or expected is None:
            return
        self.model.seq += 1
        self.expect_partial(expected, claim, step, window)
        expected.is_expired = False
        expected.attempts -= step == "give back"
        expected.is_put_off = step == "put off"
        expected.has_audio = step not in ("complete", "reject")
        if step in STAYS_WITH_ITS_WORKER:
            return
        expected.end({"complete": "completed", "fail": "failed", "reject": "failed"}.get(step, "queued"))
        if step == "complete":
            question_id = claim.ref.question_id
            self.model.revisions[question_id] = self.model.revisions.get(question_id, 0) + 1
            expected.text, expected.revision = "i led a team", self.model.revisions[question_id]

    def expect_partial(self, expected: Expected, claim: Claim, step: str, window: int) -> None:
        if step == "begin":
            expected.partial, expected.shown = Partial(claim.crashes), {}
        elif step in ("complete", "reject"):
            expected.partial = None
        elif expected.partial is not None and step == "hear":
            expected.partial.texts[window] = expected.shown[window] = f"$window {window}"
            expected.partial.next_window = window + 1 if window + 1 < WINDOWS else None
        elif expected.partial is not None and step == "resume":
            expected.partial.resume(claim.crashes)
            expected.shown = dict(expected.partial.texts)

    @rule(question_id=one_question, window=one_window)
    def have_a_window_heard_and_crash(self, question_id, window):
        """What the next worker goes on from, and has to find out which window it was."""
        self.have_it_worked_on(question_id, HOLDER)
        expected = self.model.answers[question_id]
        claim = next(each for each in self.claims if each.token == expected.token)
        if expected.partial is None:
            self.write_with(claim, "begin")
        self.write_with(claim, "hear", window)
        self.take_over(question_id, HOLDER)
        claim = next(each for each in self.claims if each.token == expected.token)
        self.write_with(claim, "resume")

    @rule(question_id=one_question)
    def crash(self, question_id):
        """The worker is gone, or stopped for too long."""
        expected = self.model.answers.get(question_id)
        if expected is not None:
            self.let_run_out(expected)

    def let_run_out(self, expected: Expected) -> None:
        if expected.status == "processing":
            self.stores.age_lease(expected.ref)
            expected.is_expired = True

    @rule(question_id=one_question, holder=one_holder)
    def take_over(self, question_id, holder):
        """While the first worker believes that it has the answer."""
        expected = self.model.answers.get(question_id)
        if expected is not None:
            self.let_run_out(expected)
            self.take(expected.ref, holder)

    @rule(holder=one_holder)
    def restart(self, holder):
        held = [each for each in self.model.answers.values() if each.holder == holder]
        assert self.stores.open.release_held_by(holder) == len(held)
        self.model.seq += len(held)
        for each in held:
            each.end("queued")
            each.crashes += 1

    @rule(data=st.data(), decision=st.sampled_from(["cancel", "mark failed"]))
    def end_by_hand(self, data, decision):
        ref = data.draw(st.sampled_from(self.refs[:-LATELY:-1]))
        expected = self.current(ref)
        is_open = expected is not None and expected.status in OPEN
        with self.raising(None if is_open else NotFound if expected is None else Conflict):
            if decision == "cancel":
                self.decisions.cancel(ref)
            else:
                self.decisions.mark_failed(ref, "No.")
        if is_open and expected is not None:
            self.model.seq += 1
            expected.is_put_off, expected.partial = False, None
            expected.end("cancelled" if decision == "cancel" else "failed")
            expected.is_marked = decision == "mark failed"

    @rule(data=st.data())
    def retry(self, data):
        ref = data.draw(st.sampled_from(self.refs[:-LATELY:-1]))
        expected = self.current(ref)
        may_retry = expected is not None and expected.status in TO_BE_RETRIED and expected.has_audio
        with self.raising(None if may_retry else NotFound if expected is None else Conflict):
            self.decisions.retry(ref)
        if may_retry and expected is not None:
            self.model.seq += 1
            expected.status, expected.attempts, expected.crashes, expected.is_marked = "queued", 0, 0, False

    @rule(
        question_id=one_question, text=st.sampled_from(["", "$edited", "edited"]), behind=st.sampled_from([0, 1, None])
    )
    def edit(self, question_id, text, behind):
        expected = self.model.answers.get(question_id)
        session = self.stores.sessions.find_unguarded(self.model.session_id)
        assert session is not None
        error: type[Exception] | None = None
        if expected is None:
            error = NotFound
        elif expected.revision is None:
            error = Conflict
        elif behind:
            error = PreconditionFailed
        revision = None if behind is None or expected is None else (expected.revision or 1) - behind
        with self.raising(error):
            number = self.review.edit_transcript(OWNER, session, question_id, text, revision)
        if error is None and expected is not None:
            self.model.seq += 1
            self.model.revisions[question_id] += 1
            assert number == self.model.revisions[question_id]
            expected.text, expected.revision, expected.is_from_outside = text, number, False

    @rule()
    def let_time_pass_and_sweep(self):
        """What waits is due, and leases that have run out are found; what is alive is left alone."""
        waiting = [each for each in self.model.answers.values() if each.status == "queued"]
        for each in waiting:
            self.stores.make_due(each.ref)
            each.is_put_off = False
        abandoned = [each for each in self.model.answers.values() if each.is_expired]
        self.queue.sent.clear()
        self.recovery.sweep()
        assert set(self.queue.sent) <= {each.ref for each in (*waiting, *abandoned)}
        assert set(self.queue.sent) >= {each.ref for each in waiting}
        self.review.sweep()
        known = {each.ref.answer_id for each in self.model.answers.values()}
        assert set(self.stores.database["transcripts"].distinct("answer_id")) <= known

    @rule()
    def collect(self):
        """The retention of what failed is over; afterwards every recording that is left is some answer's."""
        long_ago = datetime.now(UTC) - timedelta(days=1)
        files = self.stores.database["fs.files"]
        files.update_many({}, {"$set": {"metadata.status_at": long_ago}})
        list(self.retention.collect(older_than=timedelta(0), dry_run=False))
        for each in self.model.answers.values():
            if each.status in TO_BE_RETRIED and each.has_audio:
                each.has_audio, each.partial = False, None
                self.model.seq += 1
        left = {found["metadata"]["answer_id"] for found in files.find()}
        assert left == {each.ref.answer_id for each in self.model.answers.values() if each.has_audio}

    @rule(chance=st.integers(1, 4))
    def erase(self, chance):
        if chance > 1:
            return
        self.stores.database["interview_sessions"].delete_one({"_id": self.model.session_id})
        self.erased |= {each.ref.answer_id for each in self.model.answers.values()}
        self.model = Model(self.stores.start(*QUESTIONS))
        self.record_all()

    @invariant()
    def the_database_agrees(self):
        if not hasattr(self, "model"):
            return
        assert self.stores.database["interview_sessions"].count_documents({}) == 1
        self.stores.check(self.model.session_id)
        session = self.stores.session(self.model.session_id)
        assert session["seq"] == self.model.seq
        partials = self.stores.database["transcripts"].distinct("answer_id", {"plan": {"$exists": True}})
        expected_partials = {each.ref.answer_id for each in self.model.answers.values() if each.partial is not None}
        assert set(partials) - self.erased == expected_partials
        assert set(session["answers"]) == set(self.model.answers)
        for question_id, expected in self.model.answers.items():
            answer = session["answers"][question_id]
            assert (answer["id"], answer["transcription_status"]) == (expected.ref.answer_id, expected.status)
            assert (answer["attempts"], answer["crashes"]) == (expected.attempts, expected.crashes)
            assert (answer.get("transcript"), answer.get("revision")) == (expected.text, expected.revision)
            assert (answer["gridfs_file_id"] is not None) is expected.has_audio
            assert answer.get("partial_texts", {}) == {str(index): text for index, text in expected.shown.items()}
            self.the_partial_agrees(expected)

    def the_partial_agrees(self, expected: Expected) -> None:
        found = self.stores.database["transcripts"].find_one({"_id": f"{expected.ref.answer_id}:partial"})
        assert (found is None) is (expected.partial is None)
        if found is None or expected.partial is None:
            return
        heard = {int(index): each["segments"][0]["text"] for index, each in found["windows"].items()}
        crashes = {int(index): count for index, count in found["crashes"].items()}
        partial = Partial(found["crashes_seen"], heard, crashes, found["next_window"])
        assert partial == expected.partial

    def current(self, ref: AnswerRef) -> Expected | None:
        """What is known of an answer; None when it was recorded again or erased."""
        expected = self.model.answers.get(ref.question_id)
        return expected if expected is not None and expected.ref == ref else None

    @contextmanager
    def raising(self, error: type[Exception] | None):
        if error is None:
            yield
            return
        with pytest.raises(error):
            yield

    def write(self, step: str, claim: Claim, window: int) -> None:
        answers = self.stores.answers
        writes: dict[str, Callable[[], object]] = {
            "begin": lambda: self.stores.begin(claim, WINDOWS),
            "resume": lambda: self.stores.checkpoints.resume(claim, MODEL),
            "hear": lambda: self.stores.hear(claim, window, f"$window {window}", windows=WINDOWS),
            "hold": lambda: answers.hold(claim),
            "release": lambda: answers.release(claim),
            "give back": lambda: answers.give_back(claim.ref, claim.token),
            "put off": lambda: answers.release(claim, due_in_seconds=600),
            "complete": lambda: answers.complete(claim, transcript_of(), MODEL),
            "fail": lambda: answers.fail(claim, code="c", message="m", keeps_audio=True),
            "reject": lambda: answers.fail(claim, code="c", message="m", keeps_audio=False),
        }
        writes[step]()


@pytest.mark.timeout(7200 if IS_PROOF else 120)
def test_whatever_happens_in_whatever_order_the_answers_stay_consistent(stores: Stores):
    class OverTheRealDatabase(Lifecycle):
        pass

    OverTheRealDatabase.stores = stores
    run_state_machine_as_test(
        OverTheRealDatabase,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
