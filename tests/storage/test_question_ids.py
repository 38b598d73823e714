"""A question id becomes a field name: odd ones must neither hit another field nor another answer."""

import pytest

from tests.scored import WordsProvider, scored_over
from tests.stores import MODEL, Stores, transcript_of

ODD = ("0", "1", "10", "-", "_", "_id", "__proto__", "id", "lease", "constructor", "x" * 64, "X" * 64)


@pytest.mark.parametrize("question_id", ODD)
def test_an_answer_goes_its_whole_way_and_touches_no_other(stores: Stores, question_id):
    session_id = stores.start(*ODD)
    refs = {each: stores.accept(session_id, each) for each in ODD}
    before = stores.session(session_id)["answers"]
    claim = stores.claim(refs[question_id])
    stores.begin(claim)
    stores.hear(claim, 0)
    stores.answers.release(claim)
    claim = stores.claim(refs[question_id])
    stores.check(session_id)
    stores.answers.complete(claim, transcript_of(f"about {question_id}"), MODEL)
    stores.check(session_id)
    after = stores.session(session_id)["answers"]
    assert after.pop(question_id)["transcript"] == f"about {question_id}"
    before.pop(question_id)
    assert after == before


@pytest.mark.parametrize("question_id", ODD)
def test_an_answer_is_replaced_by_its_own_question_only(stores: Stores, question_id):
    session_id = stores.start(*ODD)
    refs = {each: stores.accept(session_id, each) for each in ODD}
    again = stores.accept(session_id, question_id)
    ids = {key: answer["id"] for key, answer in stores.session(session_id)["answers"].items()}
    assert ids == {each: ref.answer_id for each, ref in refs.items()} | {question_id: again.answer_id}
    stores.check(session_id)


def test_scores_land_on_their_own_questions(stores: Stores):
    scored = scored_over(stores.database, WordsProvider())
    session_id = stores.start(*ODD)
    for number, question_id in enumerate(ODD, start=1):
        scored.say(session_id, question_id, "word " * number)
    scored.jobs.complete(scored.session(session_id))
    scored.scoring.work(session_id)
    found = stores.session(session_id)["answers"]
    assert {question_id: answer["score"] for question_id, answer in found.items()} == {
        question_id: 10.0 * number for number, question_id in enumerate(ODD, start=1)
    }
