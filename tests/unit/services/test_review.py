import pytest

from services.access import OWNER
from services.audit import Audit
from services.container import Services
from services.errors import Conflict, InvalidRequest, LeaseLost, NotFound, PreconditionFailed, Unavailable
from services.models import AnswerRef, Caller, Session, Transcript
from services.review import Review
from services.storage.audit import AuditStore
from services.storage.transcripts import SWEPT_AT_ONCE, TranscriptStore
from services.texts import LONGEST_TEXT, LONGEST_TRANSCRIPT
from tests.stores import MODEL, Stores, transcript_of


@pytest.fixture
def review(stores: Stores) -> Review:
    return Review(TranscriptStore(stores.database), Audit(AuditStore(stores.database)))


def completed(stores: Stores, text: str = "i led a team") -> AnswerRef:
    claim = stores.claimed()
    stores.answers.complete(claim, transcript_of(text), MODEL)
    return claim.ref


def session_of(stores: Stores, ref: AnswerRef) -> Session:
    found = stores.sessions.find_unguarded(ref.session_id)
    assert found is not None
    return found


def test_an_edit_is_the_next_revision_and_the_first_one_stays(review: Review, stores: Stores):
    ref = completed(stores)
    assert review.edit_transcript(OWNER, session_of(stores, ref), "q1", "I led two teams.", 1) == 2
    assert review.edit_transcript(OWNER, session_of(stores, ref), "q1", "I led three teams.", 2) == 3
    answer = stores.answer(ref)
    assert (answer["transcript"], answer["revision"]) == ("I led three teams.", 3)
    revisions = stores.database["transcripts"].find({"answer_id": ref.answer_id}).sort("revision")
    assert [each["text"] for each in revisions] == ["i led a team", "I led two teams.", "I led three teams."]
    stores.check(ref.session_id)


@pytest.mark.parametrize("text", ["$50 was my budget", "$$NOW", "", "a\0b", "🤷🏽‍♀️", "x" * LONGEST_TEXT])
def test_an_edit_is_read_back_as_it_was_written(review: Review, stores: Stores, text):
    ref = completed(stores)
    review.edit_transcript(OWNER, session_of(stores, ref), "q1", text, 1)
    assert stores.answer(ref)["transcript"] == text
    newest = stores.database["transcripts"].find_one({"answer_id": ref.answer_id, "revision": 2})
    assert newest is not None
    assert newest["text"] == text


def test_of_two_edits_of_one_revision_the_second_is_refused(review: Review, stores: Stores):
    ref = completed(stores)
    session = session_of(stores, ref)
    review.edit_transcript(OWNER, session, "q1", "first", 1)
    with pytest.raises(PreconditionFailed):
        review.edit_transcript(OWNER, session, "q1", "second", 1)
    assert stores.answer(ref)["transcript"] == "first"
    assert review.edit_transcript(OWNER, session, "q1", "whichever it is", None) == 3


def test_an_edit_of_a_take_that_was_recorded_again_is_refused(review: Review, stores: Stores):
    ref = completed(stores)
    read_before = session_of(stores, ref)
    again = stores.accept(ref.session_id)
    stores.answers.complete(stores.claim(again), transcript_of("the second take"), MODEL)
    # Neither by the answer that was read, nor by a number that both takes might have had.
    with pytest.raises(PreconditionFailed):
        review.edit_transcript(OWNER, read_before, "q1", "about the first", 1)
    with pytest.raises(PreconditionFailed):
        review.edit_transcript(OWNER, session_of(stores, ref), "q1", "about the first", 1)
    assert (stores.answer(again)["transcript"], stores.answer(again)["revision"]) == ("the second take", 2)


def test_only_a_completed_answer_is_edited(review: Review, stores: Stores):
    ref = stores.accept(stores.start("q1", "q2"))
    with pytest.raises(NotFound):
        review.edit_transcript(OWNER, session_of(stores, ref), "q2", "text", 1)
    with pytest.raises(Conflict):
        review.edit_transcript(OWNER, session_of(stores, ref), "q1", "text", 1)


@pytest.mark.parametrize("text", ["x" * (LONGEST_TEXT + 1), "half \ud800 a pair"])
def test_a_text_that_is_none_or_too_long_is_refused(review: Review, stores: Stores, text):
    ref = completed(stores)
    with pytest.raises(InvalidRequest):
        review.edit_transcript(OWNER, session_of(stores, ref), "q1", text, 1)
    assert stores.answer(ref)["revision"] == 1


def test_what_was_heard_of_two_hours_can_be_edited_as_a_whole(review: Review, stores: Stores):
    claim = stores.claimed()
    stores.answers.complete(claim, Transcript("so " * 30_000, (), "en", 7200.0), MODEL)
    assert review.edit_transcript(OWNER, session_of(stores, claim.ref), "q1", "x" * LONGEST_TRANSCRIPT, 1) == 2
    with pytest.raises(InvalidRequest):
        review.edit_transcript(OWNER, session_of(stores, claim.ref), "q1", "x" * (LONGEST_TRANSCRIPT + 1), 2)
    assert stores.answer(claim.ref)["transcript"] == "x" * LONGEST_TRANSCRIPT
    stores.check(claim.ref.session_id)


def test_a_late_worker_does_not_overwrite_an_edit(review: Review, stores: Stores):
    late = stores.claimed()
    stores.age_lease(late.ref)
    stores.answers.complete(stores.claim(late.ref, "other"), transcript_of(), MODEL)
    review.edit_transcript(OWNER, session_of(stores, late.ref), "q1", "edited", 1)
    before = stores.session(late.ref.session_id)
    with pytest.raises(LeaseLost):
        stores.answers.complete(late, transcript_of("late"), MODEL)
    assert stores.session(late.ref.session_id) == before


@pytest.mark.parametrize(("text", "no_speech"), [("There was.", False), ("", True)])
def test_where_something_is_written_something_was_said(review: Review, stores: Stores, text, no_speech):
    claim = stores.claimed()
    stores.answers.complete(claim, Transcript("", (), None, 2.0, no_speech=True), MODEL)
    review.edit_transcript(OWNER, session_of(stores, claim.ref), "q1", text, 1)
    assert stores.answer(claim.ref)["no_speech"] is no_speech


def test_an_edit_by_another_person_is_in_the_audit_log(services: Services, stores: Stores):
    ref, admin = completed(stores), Caller("grace", role="admin")
    services.review.edit_transcript(OWNER, session_of(stores, ref), "q1", "mine", 1)
    candidate = Caller("owner", role="candidate", session_id=ref.session_id)
    services.review.edit_transcript(candidate, session_of(stores, ref), "q1", "mine, too", 2)
    assert services.audit.list_of().rows == []
    services.review.edit_transcript(admin, session_of(stores, ref), "q1", "hers", 3)
    (row,) = services.audit.list_of().rows
    assert (row.action, row.actor_id, row.session_id, row.owner_id) == (
        "transcript.edit",
        "grace",
        ref.session_id,
        "owner",
    )
    assert row.details == {"answer_id": ref.answer_id, "question_id": "q1", "revision": 3}


def test_an_edit_that_is_refused_leaves_no_row(services: Services, stores: Stores):
    ref, admin = completed(stores), Caller("grace", role="admin")
    with pytest.raises(PreconditionFailed):
        services.review.edit_transcript(admin, session_of(stores, ref), "q1", "hers", 7)
    assert services.audit.list_of().rows == []


def test_an_edit_that_cannot_be_recorded_is_not_made(services: Services, stores: Stores, monkeypatch):
    def away(*_: object) -> None:
        raise Unavailable("The database does not answer.")

    ref, admin = completed(stores), Caller("grace", role="admin")
    monkeypatch.setattr(services.audit._store, "add", away)
    with pytest.raises(Unavailable):
        services.review.edit_transcript(admin, session_of(stores, ref), "q1", "hers", 1)
    assert stores.answer(ref)["revision"] == 1


def test_an_edit_makes_the_report_anew(services: Services, stores: Stores):
    ref = completed(stores)
    owner = Caller("owner")
    services.analysis.analyze(owner, ref.session_id)
    before = stores.session(ref.session_id)["analysis"]
    services.review.edit_transcript(OWNER, session_of(stores, ref), "q1", "I did something else altogether.", 1)
    session = stores.session(ref.session_id)
    assert session["analysis"]["seq"] < session["seq"]
    services.analysis.analyze(owner, ref.session_id)
    assert stores.session(ref.session_id)["analysis"]["scored_at"] > before["scored_at"]


def test_what_a_replaced_answer_left_is_swept_and_nothing_else(review: Review, stores: Stores):
    replaced, kept = completed(stores), completed(stores, "kept")
    review.edit_transcript(OWNER, session_of(stores, replaced), "q1", "edited", 1)
    again = stores.accept(replaced.session_id)
    assert [review.sweep(), review.sweep()] == [1, 0]
    left = {each["answer_id"] for each in stores.database["transcripts"].find()}
    assert left == {kept.answer_id}
    stores.check(again.session_id)


def test_a_sweep_goes_on_where_the_last_one_stopped_and_begins_again(review: Review, stores: Stores):
    rows = [
        {"_id": f"{number:05}:1", "answer_id": f"{number:05}", "revision": 1} for number in range(2 * SWEPT_AT_ONCE)
    ]
    stores.database["transcripts"].insert_many(rows)
    swept = [review.sweep() for _ in range(3)]
    assert swept == [SWEPT_AT_ONCE, SWEPT_AT_ONCE, 0]
    stores.database["transcripts"].insert_one({"_id": "0:1", "answer_id": "0", "revision": 1})
    assert review.sweep() == 1
