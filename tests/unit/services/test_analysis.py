import pytest

from services.analysis import Report, TranscriptionPending
from services.container import Services
from services.errors import NotFound, Unavailable
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.factories import questions
from tests.scored import WordsProvider, scored_over
from tests.stores import MODEL, Stores, transcript_of


@pytest.fixture
def provider() -> WordsProvider:
    return WordsProvider()


@pytest.fixture
def session_id(services: Services, owner: Caller) -> str:
    return services.sessions.start(owner, questions("q1", "q2", "q3"), language=None, details={}).session.id


@pytest.fixture
def analyze(database: MongoDatabase, provider: WordsProvider, owner: Caller, session_id: str):
    analysis = scored_over(database, provider).analysis
    return lambda: analysis.analyze(owner, session_id)


@pytest.fixture
def complete(stores: Stores, session_id: str):
    def done(question_id: str, text: str) -> None:
        stores.answers.complete(stores.claim(stores.accept(session_id, question_id)), transcript_of(text), MODEL)

    return done


@pytest.fixture
def fail(stores: Stores, session_id: str):
    def done(question_id: str) -> None:
        claim = stores.claim(stores.accept(session_id, question_id))
        stores.answers.fail(claim, code="bad_audio", message="Damaged.", keeps_audio=False)

    return done


def test_it_waits_for_every_transcript_and_says_how_many_are_missing(analyze, stores, session_id, complete):
    complete("q1", "one two")
    ref = stores.accept(session_id, "q2")
    stores.accept(session_id, "q3")
    assert analyze() == TranscriptionPending(pending_count=2, processing_count=0)
    stores.claim(ref)
    pending = analyze()
    assert pending == TranscriptionPending(pending_count=1, processing_count=1)
    assert pending.message == "Waiting for 2 transcriptions to complete"
    assert TranscriptionPending(1, 0).message == "Waiting for 1 transcription to complete"


def test_completed_answers_are_scored_and_the_others_are_counted(analyze, complete, fail):
    complete("q1", "one two three")
    fail("q2")
    report = analyze()
    assert isinstance(report, Report)
    assert (report.final_score, report.scored_count, report.failed_count, report.unanswered_count) == (30.0, 1, 1, 1)
    assert [(answer.question_id, answer.score) for answer in report.answers] == [("q1", 30.0), ("q2", None)]
    part = {"name": "words", "score": 30.0, "weight": 1.0, "comment": "So many words."}
    evidence = {"start_word": 0, "end_word": 1, "quote": "one", "point": "the point"}
    assert report.answers[0].feedback == [{**part, "evidence": [evidence]}]


def test_the_text_so_far_of_an_answer_that_ended_without_a_transcript_is_not_scored(
    analyze, complete, fail, provider: WordsProvider, database: MongoDatabase
):
    complete("q1", "one two")
    fail("q2")
    database["interview_sessions"].update_one({}, {"$set": {"answers.q2.partial_texts": {"0": "three"}}})
    report = analyze()
    assert (report.scored_count, report.final_score, provider.scored) == (1, 20.0, ["q1"])


def test_the_final_score_is_the_mean(analyze, complete):
    complete("q1", "one")
    complete("q2", "one two")
    complete("q3", "one two")
    assert analyze().final_score == 16.7


def test_again_it_is_the_same_report_without_scoring_again(analyze, complete, provider: WordsProvider):
    complete("q1", "one")
    complete("q2", "one two")
    first = analyze()
    assert analyze() == first
    assert provider.scored == ["q1", "q2"]


def test_where_every_answer_failed_there_is_no_score(analyze, fail):
    for question_id in ("q1", "q2", "q3"):
        fail(question_id)
    report = analyze()
    assert (report.final_score, report.scored_count, report.failed_count) == (None, 0, 3)


def test_without_an_answer_there_is_no_score_and_nothing_is_written(analyze, stores: Stores, session_id: str):
    assert analyze() == Report(None, 0, 0, 3, [])
    session = stores.sessions.find_unguarded(session_id)
    assert session is not None
    assert (session.seq, session.analysis) == (0, None)


def test_a_new_recording_makes_a_new_report(analyze, complete):
    complete("q1", "one")
    assert analyze().final_score == 10.0
    complete("q1", "one two three")
    report = analyze()
    assert (report.final_score, report.answers[0].transcript) == (30.0, "one two three")


def test_an_answer_that_changes_while_it_is_scored_is_scored_again(analyze, complete, provider: WordsProvider):
    complete("q1", "one")

    def once(_: object) -> None:
        provider.meanwhile = lambda _: None
        complete("q1", "one two")

    provider.meanwhile = once
    report = analyze()
    assert (report.final_score, report.answers[0].transcript) == (20.0, "one two")


def test_answers_that_keep_changing_are_reported_as_that(analyze, complete, provider: WordsProvider):
    complete("q1", "one")
    provider.meanwhile = lambda _: complete("q1", "one two")
    with pytest.raises(Unavailable) as unavailable:
        analyze()
    assert unavailable.value.code == "answers_changing"


def test_anothers_session_cannot_be_analyzed(services: Services, session_id: str, database: MongoDatabase):
    with pytest.raises(NotFound):
        services.analysis.analyze(Caller("another"), session_id)
