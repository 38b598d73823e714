"""Workers of somebody else: what they find, and that of several transcripts exactly one is kept."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from services.audit import Audit
from services.container import Services
from services.errors import Conflict, InvalidRequest, LeaseLost, NotFound, TranscriptionFailed
from services.models import AnswerRef, Caller, Session, Status
from services.outside_transcripts import OutsideText, OutsideTranscripts
from services.storage.audit import AuditStore
from services.storage.outside_transcripts import OutsideTranscriptStore
from services.texts import LONGEST_TRANSCRIPT
from tests.factories import questions, recording_of
from tests.fakes import ScriptedTranscriber
from tests.stores import MODEL, Stores, transcript_of

WORKER = Caller("owner", role="worker", key_id="0" * 24)
HEARD = OutsideText("i led a team", "large-v3")


@pytest.fixture
def session(services: Services, owner: Caller) -> Session:
    return services.sessions.start(owner, questions("q1", "q2"), language="en", details={}).session


def recorded(services: Services, stores: Stores, session: Session, question_id: str = "q1") -> AnswerRef:
    """A recording that waits."""
    receipt = services.answers.accept(session, question_id, recording_of(), session.owner_id)
    return AnswerRef(session.id, question_id, receipt.answer_id)


def write(services: Services, session: Session, heard: OutsideText = HEARD, **more: str):
    found = services.sessions.get(Caller("owner", role="admin"), session.id)
    return services.outside_transcripts.write(WORKER, found, "q1", heard, **more)


@pytest.mark.covers("M-response-patch")
@pytest.mark.parametrize("is_worked_on", [False, True], ids=["queued", "processing"])
def test_a_transcript_from_outside_completes_an_answer(services, session, stores: Stores, is_worked_on):
    ref = recorded(services, stores, session)
    claim = stores.claim(ref) if is_worked_on else None
    told = write(services, session)
    assert (told.status, told.transcript, told.whisper_model, told.revision) == (
        "completed",
        *("i led a team", "large-v3"),
        1,
    )
    assert (told.language, told.confidence, told.needs_review, told.no_speech) == ("en", None, None, False)
    answer = stores.answer(ref)
    assert (answer["worker_key_id"], answer["demo_model"]) == (WORKER.key_id, False)
    assert stores.files() == 0
    (revision,) = stores.database["transcripts"].find({"answer_id": ref.answer_id})
    assert (revision["text"], revision["segments"]) == ("i led a team", [])
    if claim is not None:
        with pytest.raises(LeaseLost):
            stores.answers.complete(claim, transcript_of("late"), MODEL)
    stores.check(session.id)


def test_a_worker_of_ours_stops_at_its_next_window(services, session, stores: Stores, transcriber: ScriptedTranscriber):
    ref = recorded(services, stores, session)
    transcriber.windows, transcriber.text = 4, "i led a team"

    def write_at_the_second(index: int) -> None:
        if index == 1:
            write(services, session)

    transcriber.before_window = write_at_the_second
    services.transcription.transcribe(ref)
    assert transcriber.heard == [0, 1]
    assert stores.answer(ref)["whisper_model"] == "large-v3"
    assert stores.database["transcripts"].count_documents({"answer_id": ref.answer_id}) == 1
    stores.check(session.id)


def test_the_same_text_again_changes_nothing_and_another_is_refused(services, session, stores: Stores):
    recorded(services, stores, session)
    first = write(services, session)
    seq = stores.session(session.id)["seq"]
    assert write(services, session) == first
    assert stores.session(session.id)["seq"] == seq
    with pytest.raises(Conflict) as refused:
        write(services, session, OutsideText("another text"))
    assert refused.value.code == "already_completed"


@pytest.mark.parametrize("by", ["our worker", "typing", "an edit", "cancelling", "an operator"])
def test_what_is_settled_otherwise_is_not_written_over(services, session, stores: Stores, owner, by):
    ref = recorded(services, stores, session)
    match by:
        case "our worker":
            stores.answers.complete(stores.claim(ref), transcript_of(), MODEL)
        case "typing":
            services.typed_answers.accept(session, "q1", HEARD.text, "owner")
        case "an edit":
            write(services, session)
            found = services.sessions.get(owner, session.id)
            services.review.edit_transcript(owner, found, "q1", HEARD.text, 1)
        case "cancelling":
            services.decisions.cancel(ref)
        case "an operator":
            services.decisions.mark_failed(ref, "No.")
    before = stores.session(session.id)
    with pytest.raises(Conflict) as refused:
        write(services, session)
    codes = {"our worker": "already_completed", "cancelling": "answer_cancelled", "an operator": "answer_failed"}
    assert refused.value.code == codes.get(by, "written_by_person")
    assert stores.session(session.id) == before
    stores.check(session.id)


def test_an_answer_that_a_machine_failed_can_still_be_saved(services, session, stores: Stores):
    ref = recorded(services, stores, session)
    stores.answers.fail(stores.claim(ref), code="gave_up", message="No.", keeps_audio=True)
    assert b"".join(services.outside_transcripts.audio(WORKER, ref.answer_id).parts) == recording_of().content
    assert write(services, session).status is Status.COMPLETED
    assert stores.session(session.id)["ended"] == []
    assert stores.files() == 0
    stores.check(session.id)


def test_one_that_failed_without_its_recording_is_not(services, session, stores: Stores):
    ref = recorded(services, stores, session)
    stores.answers.fail(stores.claim(ref), code="bad_audio", message="No.", keeps_audio=False)
    with pytest.raises(Conflict):
        write(services, session)
    stores.check(session.id)


def test_nothing_that_was_said_is_a_transcript(services, session, stores: Stores):
    recorded(services, stores, session)
    told = write(services, session, OutsideText("", "large-v3", "de"))
    assert (told.transcript, told.no_speech, told.language) == ("", True, "de")
    stores.check(session.id)


@pytest.mark.parametrize("text", ["$50 was my budget", "$answers", "$$NOW", "a\0b", "x" * LONGEST_TRANSCRIPT])
def test_a_text_is_kept_as_it_came(services, session, stores: Stores, text):
    ref = recorded(services, stores, session)
    told = write(services, session, OutsideText(text, text[:200], text[:8]))
    answer = stores.answer(ref)
    assert (told.transcript, answer["transcript"], answer["whisper_model"]) == (text, text, text[:200])
    assert answer["language"] == text[:8]
    stores.check(session.id)


@pytest.mark.parametrize("heard", [OutsideText("half \ud800 a pair"), OutsideText("x" * (LONGEST_TRANSCRIPT + 1))])
def test_what_is_no_text_is_refused(services, session, stores: Stores, heard):
    ref = recorded(services, stores, session)
    with pytest.raises(InvalidRequest):
        write(services, session, heard)
    assert stores.answer(ref)["transcription_status"] == "queued"


def test_a_late_transcript_of_an_earlier_take_is_refused_where_the_take_is_named(services, session, stores: Stores):
    earlier = recorded(services, stores, session)
    later = recorded(services, stores, session)
    with pytest.raises(NotFound):
        write(services, session, answer_id=earlier.answer_id)
    with pytest.raises(NotFound):
        services.outside_transcripts.write_by_id(WORKER, earlier.answer_id, HEARD)
    assert stores.answer(later)["transcription_status"] == "queued"


def test_a_worker_finds_what_waits_of_its_owner_the_oldest_first(services, session, stores: Stores):
    first, second = (recorded(services, stores, session, each) for each in ("q1", "q2"))
    others = services.sessions.start(Caller("eve"), questions("q1"), language=None, details={}).session
    foreign = recorded(services, stores, others)
    found = services.outside_transcripts.waiting(WORKER, Status.QUEUED, limit=1)
    assert ([each.ref for each in found.answers], found.next is not None) == ([first], True)
    rest = services.outside_transcripts.waiting(WORKER, Status.QUEUED, after=found.next, limit=1)
    assert ([each.ref for each in rest.answers], rest.next) == ([second], None)
    stores.claim(second)
    working = services.outside_transcripts.waiting(WORKER, Status.PROCESSING)
    assert [each.ref for each in working.answers] == [second]
    with pytest.raises(NotFound):
        services.outside_transcripts.audio(WORKER, foreign.answer_id)
    with pytest.raises(NotFound):
        services.outside_transcripts.write_by_id(WORKER, foreign.answer_id, HEARD)
    assert stores.answer(foreign)["transcription_status"] == "queued"


def test_a_worker_finds_what_failed_and_can_be_saved(services, session, stores: Stores):
    kept, gone = (recorded(services, stores, session, each) for each in ("q1", "q2"))
    stores.answers.fail(stores.claim(kept), code="gave_up", message="No.", keeps_audio=True)
    stores.answers.fail(stores.claim(gone), code="bad_audio", message="No.", keeps_audio=False)
    found = services.outside_transcripts.waiting(WORKER, Status.FAILED)
    assert [each.ref for each in found.answers] == [kept]


def test_a_recording_is_no_longer_there_once_it_has_its_transcript(services, session, stores: Stores):
    ref = recorded(services, stores, session)
    assert b"".join(services.outside_transcripts.audio(WORKER, ref.answer_id).parts) == recording_of().content
    write(services, session)
    with pytest.raises(NotFound):
        services.outside_transcripts.audio(WORKER, ref.answer_id)


def test_what_a_worker_reads_and_writes_is_recorded_with_its_key(services, session, stores: Stores):
    ref = recorded(services, stores, session)
    services.outside_transcripts.audio(WORKER, ref.answer_id)
    write(services, session)
    rows = list(stores.database["audit"].find({"session_id": session.id}).sort("at", 1))
    assert [each["action"] for each in rows] == ["recording.read", "transcript.write"]
    assert all((each["actor_role"], each["details"]["key_id"]) == ("worker", WORKER.key_id) for each in rows)


def test_whoever_waits_for_the_last_answer_is_told_once(services, session, stores: Stores):
    told: list[AnswerRef] = []
    store, audit = OutsideTranscriptStore(stores.database), Audit(AuditStore(stores.database))
    outside = OutsideTranscripts(store, stores.audio, audit, told.append)
    ref = recorded(services, stores, session)
    outside.write_by_id(WORKER, ref.answer_id, HEARD)
    outside.write_by_id(WORKER, ref.answer_id, HEARD)
    assert told == [ref]


@pytest.mark.parametrize("round_number", range(6))
def test_of_many_transcripts_at_once_exactly_one_is_kept(
    services: Services, session: Session, stores: Stores, round_number: int
) -> None:
    ref = recorded(services, stores, session)
    claim, barrier = stores.claim(ref), Barrier(5)

    def ours() -> str:
        barrier.wait()
        try:
            stores.answers.complete(claim, transcript_of("ours"), MODEL)
        except LeaseLost:
            return "lost"
        return "ours"

    def outside(number: int) -> str:
        barrier.wait()
        try:
            services.outside_transcripts.write_by_id(WORKER, ref.answer_id, OutsideText(f"outside {number}"))
        except Conflict as refused:
            return "lost" if refused.code == "already_completed" else refused.code
        return f"outside {number}"

    with ThreadPoolExecutor(5) as pool:
        heard = pool.submit(ours)
        written = [*pool.map(outside, range(4)), heard.result()]
    (kept,) = (each for each in written if each != "lost")
    (revision,) = stores.database["transcripts"].find({"answer_id": ref.answer_id})
    assert (stores.answer(ref)["transcript"], revision["text"], revision["revision"]) == (kept, kept, 1)
    stores.check(session.id)


def test_a_failure_of_ours_does_not_undo_a_transcript_from_outside(
    services, session, stores: Stores, transcriber: ScriptedTranscriber
):
    ref = recorded(services, stores, session)

    def write_and_break(_: int) -> None:
        write(services, session)
        raise TranscriptionFailed("broken")

    transcriber.before_window = write_and_break
    services.transcription.transcribe(ref)
    assert stores.answer(ref)["transcript"] == HEARD.text
    stores.check(session.id)
