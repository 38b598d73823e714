"""A typed text is an answer like any other: it replaces, is replaced, is counted on and wakes whoever waits."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from services.answer_status import status_of
from services.container import Services
from services.errors import InvalidRequest, LeaseLost, NotFound
from services.models import AnswerRef, Caller, Question, Session
from services.storage.typed_answers import TypedAnswerStore
from services.texts import LONGEST_TEXT
from services.typed_answers import TypedAnswers
from tests.factories import questions, recording_of
from tests.stores import MODEL, Stores, transcript_of

TEXTS = ["$50 was my budget", "$answers", "$$NOW", "a\0b", " as \n it\tis ", "🤷🏽‍♀️", "x" * LONGEST_TEXT]


@pytest.fixture
def session(services: Services, owner: Caller) -> Session:
    return services.sessions.start(owner, questions("q1", "q2"), language="en", details={}).session


def ref_of(stores: Stores, session: Session, question_id: str = "q1") -> AnswerRef:
    return AnswerRef(session.id, question_id, stores.session(session.id)["answers"][question_id]["id"])


def revisions_of(stores: Stores, session: Session) -> list[int]:
    found = stores.database["transcripts"].find({"session_id": session.id, "revision": {"$gt": 0}})
    return sorted(each["revision"] for each in found)


@pytest.mark.covers("E3-S3.1", "E4-S2.3")
@pytest.mark.parametrize("text", TEXTS)
def test_a_typed_answer_is_complete_at_once_and_kept_as_it_was_written(services, session, stores: Stores, text):
    told = services.typed_answers.accept(session, "q1", text, "ada")
    ref = ref_of(stores, session)
    answer = stores.answer(ref)
    assert told == status_of("q1", answer)
    assert (answer["transcript"], answer["kind"], answer["user_id"]) == (text, "text", "ada")
    assert (told.status, told.revision, told.language, told.duration_seconds) == ("completed", 1, "en", None)
    assert (told.confidence, told.needs_review, told.no_speech, told.can_retry) == (None, False, False, False)
    (revision,) = stores.database["transcripts"].find({"answer_id": ref.answer_id})
    assert (revision["text"], revision["segments"], revision["language"]) == (text, [], "en")
    stores.check(session.id)


@pytest.mark.parametrize("text", ["", " \n\t", "x" * (LONGEST_TEXT + 1), "half \ud800 a pair"])
def test_what_is_no_text_is_refused_and_nothing_is_stored(services, session, stores: Stores, text):
    with pytest.raises(InvalidRequest):
        services.typed_answers.accept(session, "q1", text, "ada")
    assert stores.session(session.id)["answers"] == {}
    assert revisions_of(stores, session) == []


def test_a_question_that_is_not_asked_has_no_answer(services, session, stores: Stores):
    with pytest.raises(NotFound):
        services.typed_answers.accept(session, "q9", "text", "ada")
    assert stores.session(session.id)["answers"] == {}


def test_a_typed_answer_takes_the_place_of_a_recording_and_the_recording_goes(services, session, stores: Stores):
    services.answers.accept(session, "q1", recording_of(), "owner")
    before = stores.session(session.id)
    services.typed_answers.accept(session, "q1", "typed", "owner")
    after = stores.session(session.id)
    assert (after["open"], after["seq"]) == ([], before["seq"] + 1)
    assert stores.files() == 0
    assert stores.database["fs.chunks"].count_documents({}) == 0
    stores.check(session.id)


def test_it_takes_the_place_of_one_that_is_heard_and_of_what_was_heard_of_it(services, session, stores: Stores):
    services.answers.accept(session, "q1", recording_of(), "owner")
    claim = stores.claim(ref_of(stores, session))
    stores.begin(claim)
    stores.hear(claim, 0)
    services.typed_answers.accept(session, "q1", "typed", "owner")
    with pytest.raises(LeaseLost):
        stores.answers.hold(claim)
    assert stores.database["transcripts"].count_documents({"answer_id": claim.ref.answer_id}) == 0
    assert stores.database["transcripts"].count_documents({"_id": f"{claim.ref.answer_id}:partial"}) == 0
    stores.check(session.id)


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_it_takes_the_place_of_one_that_has_ended(services, session, stores: Stores, end):
    services.answers.accept(session, "q1", recording_of(), "owner")
    ref = ref_of(stores, session)
    if end == "cancel":
        services.decisions.cancel(ref)
    else:
        services.decisions.mark_failed(ref, "No.")
    services.typed_answers.accept(session, "q1", "typed", "owner")
    assert stores.session(session.id)["ended"] == []
    assert stores.files() == 0
    stores.check(session.id)


def test_revision_numbers_count_on_whatever_kind_of_answer_comes(services, session, stores: Stores):
    assert services.typed_answers.accept(session, "q1", "first", "owner").revision == 1
    services.answers.accept(session, "q1", recording_of(), "owner")
    claim = stores.claim(ref_of(stores, session))
    stores.answers.complete(claim, transcript_of(), MODEL)
    assert stores.answer(claim.ref)["revision"] == 2
    assert services.typed_answers.accept(session, "q1", "third", "owner").revision == 3
    services.review.sweep()
    assert revisions_of(stores, session) == [3]
    stores.check(session.id)


@pytest.mark.covers("E4-S3.2")
def test_an_edit_of_a_typed_answer_is_its_next_revision(services, session, stores: Stores, owner: Caller):
    services.typed_answers.accept(session, "q1", "typed", "owner")
    found = services.sessions.get(owner, session.id)
    assert services.review.edit_transcript(owner, found, "q1", "typed better", 1) == 2
    answer = services.answers.status(services.sessions.get(owner, session.id), "q1")
    read = services.transcripts.read(answer)
    assert (read.revision.text, read.revision.is_edited, list(read.segments)) == ("typed better", True, [])
    stores.check(session.id)


def test_one_key_has_one_effect(services, session, stores: Stores):
    first = services.typed_answers.accept(session, "q1", "typed", "owner", key="k1")
    seq = stores.session(session.id)["seq"]
    assert services.typed_answers.accept(session, "q1", "typed", "owner", key="k1") == first
    assert stores.session(session.id)["seq"] == seq
    with pytest.raises(InvalidRequest, match="another request"):
        services.typed_answers.accept(session, "q1", "other", "owner", key="k1")
    services.typed_answers.accept(session, "q1", "a later one", "owner")
    assert services.typed_answers.accept(session, "q1", "typed", "owner", key="k1") == first
    assert stores.answer(ref_of(stores, session))["transcript"] == "a later one"
    stores.check(session.id)


def test_whoever_waits_for_the_last_answer_is_told_once_for_each(stores: Stores, owner: Caller):
    told: list[AnswerRef] = []
    typed = TypedAnswers(TypedAnswerStore(stores.database), stores.audio, told.append)
    found = stores.sessions.find_unguarded(stores.start_with([Question("q1", "And?")]))
    assert found is not None
    typed.accept(found, "q1", "typed", "owner", key="k1")
    typed.accept(found, "q1", "typed", "owner", key="k1")
    assert told == [ref_of(stores, found)]


def test_the_day_of_an_owner_has_no_audio_in_it(services, session, database):
    services.typed_answers.accept(session, "q1", "typed", "owner")
    assert database["usage"].count_documents({}) == 0


def test_many_at_once_leave_one_answer_and_nothing_else(services, session, stores: Stores):
    barrier = Barrier(8)

    def answer(number: int) -> None:
        barrier.wait()
        if number % 2:
            services.typed_answers.accept(session, "q1", f"typed {number}", "owner")
        else:
            services.answers.accept(session, "q1", recording_of(b"RIFF%d" % number), "owner")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(answer, range(8)))
    services.review.sweep()
    stores.check(session.id)
    of_this = {"session_id": session.id, "answer_id": {"$ne": ref_of(stores, session).answer_id}}
    assert stores.database["transcripts"].count_documents(of_this) == 0
    left = stores.database["fs.files"].count_documents({"metadata.status": {"$ne": "deleting"}})
    assert left == (stores.answer(ref_of(stores, session))["gridfs_file_id"] is not None)


@pytest.mark.parametrize("round_number", range(6))
def test_typing_while_a_worker_completes_leaves_exactly_one_text(
    services: Services, session: Session, stores: Stores, round_number: int
) -> None:
    """The recording is completed by its holder at the moment at which four people type: theirs is what stays."""
    services.answers.accept(session, "q1", recording_of(), "owner")
    claim = stores.claim(ref_of(stores, session))
    barrier = Barrier(5)

    def complete() -> str:
        barrier.wait()
        try:
            stores.answers.complete(claim, transcript_of("heard"), MODEL)
        except LeaseLost:
            return "lost"
        return "completed"

    def type_it(number: int) -> str:
        barrier.wait()
        return services.typed_answers.accept(session, "q1", f"typed {number}", "owner").answer_id

    with ThreadPoolExecutor(5) as pool:
        heard = pool.submit(complete)
        ids = list(pool.map(type_it, range(4)))
    assert heard.result() in ("lost", "completed")
    answer = stores.answer(ref_of(stores, session))
    assert answer["id"] in ids
    assert answer["revision"] == (5 if heard.result() == "completed" else 4)
    services.review.sweep()
    assert revisions_of(stores, session) == [answer["revision"]]
    assert stores.database["fs.files"].count_documents({"metadata.status": {"$ne": "deleting"}}) == 0
    stores.check(session.id)
