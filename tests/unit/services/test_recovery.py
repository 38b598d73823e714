from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

from services.models import AnswerRef
from services.recovery import Recovery
from services.resending import LONGEST_RESEND_SECONDS
from services.storage.open_answers import OpenAnswerStore
from tests.fakes import RememberingQueue
from tests.stores import HOLDER, MODEL, Stores, transcript_of


def recovery_of(stores: Stores, queue: RememberingQueue) -> Recovery:
    return Recovery(stores.open, stores.uploads, stores.audio, queue, holder=HOLDER)


def test_an_answer_whose_message_is_under_way_is_not_sent_again(stores: Stores, queue: RememberingQueue):
    stores.accept(stores.start("q1"))
    assert recovery_of(stores, queue).sweep() == 0
    assert queue.sent == []


def test_an_answer_that_nobody_took_is_sent_again_once(stores: Stores, queue: RememberingQueue):
    ref = stores.accept(stores.start("q1"))
    stores.make_due(ref)
    recovery = recovery_of(stores, queue)
    assert [recovery.sweep(), recovery.sweep(), recovery.sweep()] == [1, 0, 0]
    assert queue.sent == [ref]
    stores.check(ref.session_id)


def test_an_answer_whose_worker_is_gone_is_sent_again(stores: Stores, queue: RememberingQueue):
    claim = stores.claimed()
    recovery = recovery_of(stores, queue)
    assert recovery.sweep() == 0
    stores.age_lease(claim.ref)
    assert recovery.sweep() == 1
    assert queue.sent == [claim.ref]
    assert stores.claim(claim.ref).crashes == 1


def test_a_finished_answer_is_never_sent_again(stores: Stores, queue: RememberingQueue):
    claim = stores.claimed()
    stores.answers.complete(claim, transcript_of(), MODEL)
    failed = stores.claimed()
    stores.answers.fail(failed, code="c", message="m", keeps_audio=True)
    recovery = recovery_of(stores, queue)
    assert (recovery.sweep(), recovery.recover_own()) == (0, 0)


class BothSee(OpenAnswerStore):
    """Hands what is due to two sweeps only when both have looked."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(stores.database)
        self._barrier = Barrier(2)

    def due(self, before: datetime):
        found = super().due(before)
        self._barrier.wait(timeout=10)
        return found


def test_two_sweeps_at_once_send_each_answer_once(stores: Stores):
    session_id = stores.start(*map(str, range(10)))
    refs = [stores.accept(session_id, str(number)) for number in range(10)]
    for ref in refs:
        stores.make_due(ref)
    queue = RememberingQueue()
    recovery = Recovery(BothSee(stores), stores.uploads, stores.audio, queue, holder=HOLDER)
    with ThreadPoolExecutor(2) as sweeps:
        sent = sum(sweeps.map(lambda sweep: sweep(), [recovery.sweep] * 2))
    assert sent == 10
    assert sorted(queue.sent, key=str) == sorted(refs, key=str)


def test_a_queue_that_is_away_is_asked_again_later(stores: Stores, queue: RememberingQueue):
    ref = stores.accept(stores.start("q1"))
    stores.make_due(ref)
    recovery = recovery_of(stores, queue)
    queue.is_away = True
    assert recovery.sweep() == 0
    assert stores.answer(ref)["transcription_status"] == "queued"
    queue.is_away = False
    stores.make_due(ref)
    assert recovery.sweep() == 1
    assert queue.sent == [ref]


def test_one_of_many_answers_that_is_taken_meanwhile_is_left_alone(stores: Stores, queue: RememberingQueue):
    ref = stores.accept(stores.start("q1"))
    stores.make_due(ref)
    (seen,) = stores.open.due(datetime.now(UTC))
    stores.claim(ref)
    assert not stores.open.postpone(seen, 30)
    stores.check(ref.session_id)


def test_a_restart_gives_back_what_its_own_earlier_process_held_and_nothing_else(stores: Stores, queue):
    session_id = stores.start("q1", "q2", "q3")
    own, others, waiting = (stores.accept(session_id, each) for each in ("q1", "q2", "q3"))
    stores.claim(own)
    theirs = stores.claim(others, "another:/var")
    assert recovery_of(stores, queue).recover_own() == 2
    assert set(queue.sent) == {own, waiting}
    assert stores.answer(own)["transcription_status"] == "queued"
    stores.answers.hold(theirs)
    stores.check(session_id)


def test_a_restart_counts_a_crash_so_that_poison_ends_without_a_sweep_too(stores: Stores, queue):
    ref = stores.claimed().ref
    for crashes in (1, 2, 3):
        recovery_of(stores, queue).recover_own()
        assert stores.claim(ref).crashes == crashes


def test_a_release_held_by_a_holder_goes_by_its_whole_name(stores: Stores):
    stores.claimed()
    assert stores.open.release_held_by(HOLDER + "2") == 0
    assert stores.open.release_held_by("") == 0


def test_a_sweep_finishes_deletions_that_were_cut_short(stores: Stores, queue: RememberingQueue):
    claim = stores.claimed()
    # The process ends here: the transcript is stored, the audio is not deleted.
    stores.answers.complete(claim, transcript_of(), MODEL)
    assert stores.files() == 1
    recovery_of(stores, queue).sweep()
    assert stores.files() == 0
    assert stores.database["fs.chunks"].count_documents({}) == 0


def test_every_unfinished_answer_is_listed_oldest_first(stores: Stores):
    refs = [stores.accept(stores.start("q1")) for _ in range(3)]
    assert [each.ref for each in stores.open.all()] == refs
    assert all(isinstance(each.ref, AnswerRef) and each.holder is None for each in stores.open.all())


def test_an_answer_that_waits_in_a_long_queue_is_sent_again_ever_less_often(stores: Stores, queue: RememberingQueue):
    ref = stores.accept(stores.start("q1"))
    recovery = recovery_of(stores, queue)
    waits = []
    for _ in range(5):
        stores.make_due(ref)
        before = datetime.now(UTC)
        assert recovery.sweep() == 1
        (found,) = stores.open.all()
        waits.append(round((found.due - before).total_seconds()))
    assert waits == [30, 60, 120, LONGEST_RESEND_SECONDS, LONGEST_RESEND_SECONDS]
    stores.claim(ref)
    assert [each.resent for each in stores.open.all()] == [0]


def test_with_the_queue_away_a_sweep_does_not_try_every_answer(stores: Stores, queue: RememberingQueue):
    session_id = stores.start("q1", "q2", "q3")
    for question_id in ("q1", "q2", "q3"):
        stores.make_due(stores.accept(session_id, question_id))
    queue.is_away = True
    recovery_of(stores, queue).sweep()
    assert sorted(each.resent for each in stores.open.all()) == [0, 0, 1]


def test_after_a_long_outage_a_sweep_sends_some_and_the_next_ones_the_rest(stores: Stores, queue, monkeypatch):
    monkeypatch.setattr("services.resending.SENT_AT_ONCE", 2)
    waiting = [stores.accept(stores.start("q1")) for _ in range(5)]
    for ref in waiting:
        stores.make_due(ref)
    recovery = recovery_of(stores, queue)
    assert [recovery.sweep() for _ in range(4)] == [2, 2, 1, 0]
    assert queue.sent == waiting
