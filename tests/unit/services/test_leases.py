"""What becomes of an attempt that is interrupted at the worst moments."""

import pytest
from dramatiq.middleware.threading import Interrupt

from services.decisions import Decisions
from services.errors import Unavailable
from services.leases import MAX_CRASHES
from services.models import AnswerRef, Claim
from services.recovery import Recovery
from services.storage.answers import AnswerStore
from services.storage.client import MongoDatabase
from services.storage.decisions import DecisionStore
from services.transcription import Transcription
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import HOLDER, Stores, transcription_over


class Unheard(AnswerStore):
    """Its writes land, but the worker does not hear of it."""

    def __init__(self, database: MongoDatabase, call: str, error: BaseException) -> None:
        super().__init__(database, lease_seconds=60)
        self._call = call
        self._error = error

    def claim(self, ref: AnswerRef, holder: str, token: str | None = None) -> Claim | None:
        claim = super().claim(ref, holder, token)
        self._interrupt("claim")
        return claim

    def complete(self, *args, **kwargs) -> None:
        super().complete(*args, **kwargs)
        self._interrupt("complete")

    def _interrupt(self, call: str) -> None:
        if call == self._call:
            self._call = ""
            raise self._error


def accepted(stores: Stores) -> AnswerRef:
    ref = AnswerRef(stores.start("q1"), "q1", "a" * 24)
    stores.acceptance.accept(ref, stores.uploaded(ref, wav_of()))
    return ref


def transcription_of(stores: Stores, answers: AnswerStore | None = None, transcriber=None) -> Transcription:
    return transcription_over(stores, lambda: transcriber or ScriptedTranscriber(), answers=answers)


def test_a_claim_whose_reply_is_lost_is_given_back(stores: Stores):
    ref = accepted(stores)
    transcription_of(stores, Unheard(stores.database, "claim", Unavailable("Away."))).transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)


def test_a_shutdown_while_the_claim_is_on_its_way_gives_it_back(stores: Stores):
    ref = accepted(stores)
    with pytest.raises(Interrupt):
        transcription_of(stores, Unheard(stores.database, "claim", Interrupt())).transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)
    stores.check(ref.session_id)


@pytest.mark.parametrize("error", [Unavailable("Away."), Interrupt()])
def test_a_result_that_landed_unheard_stays(stores: Stores, error, monkeypatch):
    monkeypatch.setattr("services.leases.PAUSE_SECONDS", 0)
    ref = accepted(stores)
    transcription = transcription_of(stores, Unheard(stores.database, "complete", error))
    if isinstance(error, Interrupt):
        with pytest.raises(Interrupt):
            transcription.transcribe(ref)
    else:
        transcription.transcribe(ref)
    assert (stores.answer(ref)["transcription_status"], stores.answer(ref)["revision"]) == ("completed", 1)
    stores.check(ref.session_id)


def test_any_number_of_clean_releases_leaves_an_answer_as_it_was(stores: Stores):
    ref = accepted(stores)
    stopping = ScriptedTranscriber()

    def stop(done: int) -> None:
        raise Interrupt

    stopping.before_window = stop
    for _ in range(20):
        with pytest.raises(Interrupt):
            transcription_of(stores, transcriber=stopping).transcribe(ref)
    assert (stores.answer(ref)["attempts"], stores.answer(ref)["crashes"]) == (0, 0)
    transcription_of(stores).transcribe(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("completed", 1, 0)


def test_a_file_that_ends_its_worker_ends_itself_and_the_queue_drains(stores: Stores, queue: RememberingQueue):
    poison, healthy = accepted(stores), stores.accept(stores.start("q1"))
    recovery = Recovery(stores.open, stores.uploads, stores.audio, queue, holder=HOLDER)
    stores.database["interview_sessions"].update_one({"_id": healthy.session_id}, {"$set": {"answers.q1.bytes": 4}})
    claims = 0
    while stores.open.all() and claims < 20:
        for waiting in stores.open.all():
            stores.age_lease(waiting.ref) if waiting.holder else stores.make_due(waiting.ref)
        queue.sent.clear()
        recovery.sweep()
        for ref in queue.sent:
            if ref == poison and stores.answer(poison)["crashes"] < MAX_CRASHES - 1:
                stores.claim(poison)  # and its process is gone
                claims += 1
            elif ref == poison and claims == MAX_CRASHES - 1:
                stores.claim(poison)
                claims += 1
            else:
                transcription_of(stores).transcribe(ref)
    assert claims == MAX_CRASHES
    assert stores.answer(poison)["transcription_error"]["code"] == "poison"
    assert stores.answer(healthy)["transcription_status"] in ("completed", "failed")


def test_after_an_outage_the_living_come_before_the_sweep(stores: Stores, queue: RememberingQueue, monkeypatch):
    held, waiting = stores.claimed().ref, stores.accept(stores.start("q1"))
    stores.age_lease(held)
    stores.make_due(waiting)
    recovery = Recovery(stores.open, stores.uploads, stores.audio, queue, holder=HOLDER)

    def away() -> None:
        raise Unavailable("Away.")

    with monkeypatch.context() as outage:
        outage.setattr(stores.open, "server_time", away)
        with pytest.raises(Unavailable):
            recovery.sweep()
    recovery.sweep()
    assert queue.sent == [waiting]
    monkeypatch.setattr(recovery._answers, "_grace_ends_at", 0.0)
    recovery.sweep()
    assert queue.sent == [waiting, held]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_worker_whose_clock_is_wrong_sweeps_as_all_others_do(stores: Stores, queue, monkeypatch, hours):
    from datetime import datetime as real  # noqa: PLC0415
    from datetime import timedelta  # noqa: PLC0415

    class Wrong(real):
        @classmethod
        def now(cls, tz=None):
            return real.now(tz) + timedelta(hours=hours)

    for module in ("services.resending", "services.storage.open_answers"):
        monkeypatch.setattr(f"{module}.datetime", Wrong)
    due, not_due = stores.accept(stores.start("q1")), stores.accept(stores.start("q1"))
    stores.make_due(due)
    recovery = Recovery(stores.open, stores.uploads, stores.audio, queue, holder=HOLDER)
    assert [recovery.sweep(), recovery.sweep()] == [1, 0]
    assert queue.sent == [due]
    assert not_due not in queue.sent


def test_cancelling_stops_the_compute_at_the_next_window(stores: Stores, queue: RememberingQueue):
    ref = accepted(stores)
    transcriber = ScriptedTranscriber(windows=50)
    windows: list[int] = []

    def before_window(done: int) -> None:
        windows.append(done)
        if done == 2:
            Decisions(DecisionStore(stores.database), queue).cancel(ref)

    transcriber.before_window = before_window
    transcription_of(stores, transcriber=transcriber).transcribe(ref)
    assert windows == [0, 1, 2]
    assert stores.answer(ref)["transcription_status"] == "cancelled"
    stores.check(ref.session_id)
