"""A pipeline update reads strings as expressions: every text from outside must be read back as it was written."""

import pytest

from services.answer_status import status_of
from services.models import HeardWindow, Hints, Passage, Question, Segment, Task, Transcript, WhisperModel, Word
from services.storage.checkpoints import Heard
from services.storage.revisions import RevisionStore
from tests.scored import SaysProvider, scored_over
from tests.stores import Stores, plan_of

HOSTILE = {
    "money": "$50 was my budget",
    "field": "$answers",
    "variable": "$$NOW",
    "root": "$$ROOT",
    "operator": '{"$ne": 1}',
    "dots": "a.b.$.c",
    "nul": "before\0after",
    "emoji": "well 🤷🏽‍♀️ done",
    "right to left": "\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd",
    "long": "$x " * 200_000,
    "empty": "",
}
texts = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@texts
def test_a_session_is_read_back_as_it_was_started(stores: Stores, text):
    asked = [Question("q1", text, text, (text, text))]
    session_id = stores.start_with(asked, {"tier": text, "inner": {"list": [text]}})
    found = stores.sessions.find_unguarded(session_id)
    assert found is not None
    assert found.questions == tuple(asked)
    assert found.details == {"tier": text, "inner": {"list": [text]}}


@texts
def test_what_is_said_of_a_recording_is_read_back_as_it_was_said(stores: Stores, text):
    said = {"content_type": text, "language_hint": text, "sha256": text, "user_id": text, "extra": {"inner": [text]}}
    ref = stores.accept(stores.start("q1"), **said)
    answer = stores.answer(ref)
    assert {name: answer[name] for name in said} == said
    assert stores.claim(ref, holder=text).hints.language == text
    assert stores.answer(ref)["lease"]["holder"] == text
    stores.check(ref.session_id)
    assert stores.open.release_held_by(text) == 1


@texts
def test_a_window_is_read_back_as_it_was_heard(stores: Stores, text):
    hints = {"language": text, "initial_prompt": text, "vocabulary": [text, text]}
    session_id = stores.start("q1")
    stores.database["interview_sessions"].update_one({"_id": session_id}, {"$set": hints})
    claim = stores.claim(stores.accept(session_id))
    assert claim.hints == Hints(text, Task.TRANSCRIBE, text, (text, text))
    model = WhisperModel(text, demo_model=False, revision=text)
    stores.checkpoints.begin(claim, plan_of(2), model, {})
    word = Word(0.0, 1.0, text, 0.5)
    heard = HeardWindow((Segment(0.0, 1.0, text, words=(word,)), Segment(1.0, 1.5, text)), text, 0.5)
    more = Heard(1, {0: heard}, {1: text}, language=text, language_probability=0.5)
    stores.checkpoints.save(claim, more, windows_done=1, windows_total=2)
    stores.check(session_id)
    found = stores.checkpoints.resume(claim, model)
    assert found is not None
    assert (found.windows, found.failures, found.language) == ({0: heard}, {1: text}, text)
    told = status_of("q1", stores.answer(claim.ref)).partial_transcript
    assert told == f"{text} {text}"
    stores.check(session_id)


@texts
def test_a_transcript_is_read_back_as_it_was_heard(stores: Stores, text):
    claim = stores.claimed()
    segments = (Segment(0.0, 1.5, text, words=(Word(0.0, 1.5, text, 0.4),)), Segment(1.5, 2.0, text))
    heard = Transcript(text, segments, text, 2.0, low_confidence=(Passage(0.0, 1.5, text),))
    stores.answers.complete(claim, heard, WhisperModel(text, demo_model=False))
    answer = stores.answer(claim.ref)
    assert (answer["transcript"], answer["language"], answer["whisper_model"]) == (text, text, text)
    revision = RevisionStore(stores.database).find(claim.ref.answer_id, 1)
    assert revision is not None
    assert (revision.segments, revision.low_confidence) == (segments, heard.low_confidence)
    stores.check(claim.ref.session_id)


@texts
def test_an_error_is_read_back_as_it_was_written(stores: Stores, text):
    claim = stores.claimed()
    stores.answers.fail(claim, code=text, message=text, keeps_audio=True)
    assert stores.answer(claim.ref)["transcription_error"] == {"code": text, "message": text}


@texts
def test_feedback_is_read_back_as_it_was_given(stores: Stores, text):
    claim = stores.claimed()
    stores.answers.complete(claim, Transcript("x", (), "en", 1.0), WhisperModel("m", demo_model=False))
    scored = scored_over(stores.database, SaysProvider(text))
    session = scored.session(claim.ref.session_id)
    scored.jobs.complete(session)
    scored.scoring.work(session.id)
    part = {"name": text, "score": 50.0, "weight": 1.0, "comment": text}
    evidence = {"start_word": 0, "end_word": 1, "quote": text, "point": text}
    (report,) = scored.reports(session.id)
    scored_session = scored.session(session.id)
    assert scored_session.analysis is not None
    assert scored_session.analysis["provider"] == text
    for answer in (scored_session.answers["q1"], report["answers"][0]):
        assert answer["feedback"] == [{**part, "evidence": [evidence]}]
    assert report["answers"][0]["metadata"]["fallback"] == {"provider": text, "reason": text}


@texts
def test_why_feedback_failed_is_read_back_as_it_was_said(stores: Stores, text):
    scored = scored_over(stores.database, SaysProvider(text))
    session = scored.session(stores.start("q1"))
    scored.jobs.complete(session)
    scored.store.documents.claim(session.id, "holder", "token")
    scored.store.put_off(session.id, "token", 0, {"code": text, "message": text})
    assert scored.job(session.id)["last_error"] == {"code": text, "message": text}
    scored.store.documents.claim(session.id, "holder", "token")
    scored.store.fail(session.id, "token", {"code": text, "message": text}, about=text)
    assert scored.job(session.id)["last_error"] == {"code": text, "message": text}
    assert scored.job(session.id)["made_of"] == text
