"""Random orders of every step, right and late ones, against a model of what each may do."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from services.errors import LeaseLost
from services.models import AnswerRef, Claim
from tests.stores import HOLDER, MODEL, Stores, transcript_of

QUESTIONS = ("q1", "0", "_id")
one_question = st.sampled_from(QUESTIONS)


@dataclass
class Expected:
    """What the answer to one question should look like."""

    ref: AnswerRef
    status: str = "queued"
    token: str | None = None
    is_expired: bool = False
    attempts: int = 0
    crashes: int = 0


@dataclass
class Model:
    session_id: str
    seq: int = 0
    answers: dict[str, Expected] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)


class Lifecycle(RuleBasedStateMachine):
    stores: Stores

    @initialize()
    def start(self):
        self.stores.database["interview_sessions"].delete_many({})
        self.model = Model(self.stores.start(*QUESTIONS))

    @rule(question_id=one_question)
    def accept(self, question_id):
        self.model.answers[question_id] = Expected(self.stores.accept(self.model.session_id, question_id))
        self.model.seq += 1

    @rule(question_id=one_question)
    def claim(self, question_id):
        expected = self.model.answers.get(question_id)
        if expected is None:
            return
        claim = self.stores.answers.claim(expected.ref, HOLDER)
        may_claim = expected.status == "queued" or (expected.status == "processing" and expected.is_expired)
        assert (claim is not None) is may_claim
        if claim is None:
            return
        expected.crashes += expected.is_expired
        expected.attempts += 1
        expected.status, expected.token, expected.is_expired = "processing", claim.token, False
        assert (claim.attempts, claim.crashes) == (expected.attempts, expected.crashes)
        self.model.claims.append(claim)
        self.model.seq += 1

    @rule(question_id=one_question)
    def let_the_lease_run_out(self, question_id):
        expected = self.model.answers.get(question_id)
        if expected is not None and expected.status == "processing":
            self.stores.age_lease(expected.ref)
            expected.is_expired = True

    @rule(data=st.data(), step=st.sampled_from(["renew", "release", "give back", "complete", "fail"]))
    def write_with_a_claim(self, data, step):
        """With the newest claim, or with any that was ever made."""
        if not self.model.claims:
            return
        claim = data.draw(st.sampled_from(self.model.claims[::-1]))
        expected = self.model.answers[claim.ref.question_id]
        is_ours = expected.status == "processing" and expected.token == claim.token
        try:
            self._write(step, claim)
        except LeaseLost:
            assert not is_ours
            return
        assert is_ours
        self.model.seq += 1
        expected.is_expired = False
        expected.attempts -= step == "give back"
        expected.status = {"renew": "processing", "complete": "completed", "fail": "failed"}.get(step, "queued")

    @rule(holder=st.sampled_from([HOLDER, "another"]))
    def restart(self, holder):
        released = self.stores.open.release_held_by(holder)
        held = [each for each in self.model.answers.values() if each.status == "processing" and holder == HOLDER]
        assert released == len(held)
        self.model.seq += released
        for each in held:
            each.status, each.is_expired, each.crashes = "queued", False, each.crashes + 1

    @invariant()
    def the_database_agrees(self):
        self.stores.check(self.model.session_id)
        session = self.stores.session(self.model.session_id)
        assert session["seq"] == self.model.seq
        assert set(session["answers"]) == set(self.model.answers)
        for question_id, expected in self.model.answers.items():
            answer = session["answers"][question_id]
            assert (answer["id"], answer["transcription_status"]) == (expected.ref.answer_id, expected.status)
            assert (answer["attempts"], answer["crashes"]) == (expected.attempts, expected.crashes)

    def _write(self, step: str, claim: Claim) -> None:
        answers = self.stores.answers
        if step == "renew":
            answers.renew(claim, stage="transcribing", windows_done=0, windows_total=1)
        elif step == "complete":
            answers.complete(claim, transcript_of(), MODEL)
        elif step == "fail":
            answers.fail(claim, code="c", message="m", keeps_audio=True)
        else:
            answers.release(claim, gives_attempt_back=step == "give back")


@pytest.mark.timeout(60)
def test_whatever_happens_in_whatever_order_the_answers_stay_consistent(stores: Stores):
    class OverTheRealDatabase(Lifecycle):
        pass

    OverTheRealDatabase.stores = stores
    run_state_machine_as_test(
        OverTheRealDatabase,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
