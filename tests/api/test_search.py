"""Finding transcripts by what was said in them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import AnswerRef, Caller
from services.storage import search as search_store
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, bearer, start_interview
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber

Say = Callable[..., Interview]
Look = Callable[..., TestResponse]


@pytest.fixture
def say(
    client: FlaskClient, token: str, services: Services, transcriber: ScriptedTranscriber, queue: RememberingQueue
) -> Say:
    """An interview in which this was heard; `in_language` as somebody hinted."""

    def heard(text: str, in_language: str | None = None, as_token: str | None = None) -> Interview:
        interview = start_interview(client, as_token or token, **({"language": in_language} if in_language else {}))
        transcriber.text = text
        reply = client.post(interview.upload_path(), data=audio(wav_of(4.0)), headers=interview.candidate)
        services.transcription.transcribe(AnswerRef(interview.id, "q1", reply.get_json()["answer_id"]))
        return interview

    return heard


@pytest.fixture
def edit(client: FlaskClient) -> Callable[[Interview, str], None]:
    def put(interview: Interview, text: str) -> None:
        path = f"/api/sessions/{interview.id}/answers/q1/transcript"
        headers = {**interview.owner, "If-Match": "*"}
        assert client.put(path, json={"text": text}, headers=headers).status_code == 200

    return put


@pytest.fixture
def look(client: FlaskClient, token: str) -> Look:
    def get(q: str, as_token: str | None = None, **query: Any) -> TestResponse:
        rest = "".join(f"&{name}={quote(str(value))}" for name, value in query.items())
        return client.get(f"/api/search?q={quote(q)}{rest}", headers=bearer(as_token or token))

    return get


def found(reply: TestResponse) -> set[str]:
    assert reply.status_code == 200, reply.text
    return {each["session_id"] for each in reply.get_json()["results"]}


def highlighted(reply: TestResponse) -> list[list[str]]:
    return [
        [snippet["text"][start:end] for snippet in result["snippets"] for start, end in snippet["highlights"]]
        for result in reply.get_json()["results"]
    ]


@pytest.mark.covers("Q-search")
def test_what_was_said_is_found_and_shown_with_its_place_and_time(say: Say, look: Look) -> None:
    interview = say("I led a team")
    reply = look("team")
    (result,) = reply.get_json()["results"]
    assert (result["session_id"], result["question_id"], result["revision"]) == (interview.id, "q1", 1)
    assert result["snippets"] == [{"text": "I led a team", "highlights": [[8, 12]], "start": 3.0, "end": 4.0}]
    assert result["score"] > 0
    assert (reply.get_json()["next"], reply.get_json()["is_complete"]) == (None, True)


@pytest.mark.covers("Q-search")
def test_every_word_has_to_be_there(say: Say, look: Look) -> None:
    both, one = say("we built a compiler in rust"), say("the bridge was full of rust")
    assert found(look("rust")) == {both.id, one.id}
    assert found(look("compiler rust")) == {both.id}
    assert found(look("rust compiler bridge")) == set()


@pytest.mark.covers("Q-search")
@pytest.mark.parametrize(
    ("q", "is_found"),
    [
        *(('"led a small team"', True), ('"led a team"', False), ('"small team" led', True), ('"team small"', False)),
        *(("team -small", False), ("team -large", True), ('team -"a small"', False), ('team -"small a"', True)),
        *(("TEAM", True), ("tèam", True), ("tea", False), ("eam", False), ("teams", False)),
        *(("team.", True), ("(team)", True), ('"led a', True), ('team "', True)),
    ],
)
def test_words_phrases_and_what_must_not_be_there(say: Say, look: Look, q: str, is_found: bool) -> None:
    interview = say("Yes, I led a small team of five.")
    assert found(look(q)) == ({interview.id} if is_found else set())


@pytest.mark.parametrize("q", ["a", "the", "to be or not to be", "i a", '"to be"'])
def test_words_that_others_call_noise_are_found(say: Say, look: Look, q: str) -> None:
    interview = say("I said the thing about a team: to be or not to be")
    assert found(look(q)) == {interview.id}


@pytest.mark.parametrize(
    ("text", "q"),
    [
        *(("I don't know", "don't"), ("I don't know", "don\u2019t"), ("a well-known firm", "well-known")),
        *(("l'\u00e9quipe a gagn\u00e9", "equipe"), ("l'equipe", "\u00c9QUIPE"), ("die Stra\u00dfe", "STRASSE")),
        *(
            ("C++ and 50% of $50", "50"),
            ("\u043a\u043e\u043c\u0430\u043d\u0434\u0430", "\u041a\u041e\u041c\u0410\u041d\u0414\u0410"),
        ),
        ("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902", "\u0939\u093f\u0928\u094d\u0926\u0940"),
        *(("node_modules", "node_modules"), ("\ufb01ne", "fine"), ("\uff21\uff22\uff23", "abc")),
    ],
)
def test_letters_of_every_script_are_compared_without_case_and_accents(say: Say, look: Look, text: str, q: str) -> None:
    interview = say(text)
    assert found(look(q)) == {interview.id}


@pytest.mark.parametrize("language", ["ja", "zh", "cy", "tr", "yue", "haw"])
def test_a_transcript_in_a_language_that_mongodb_does_not_know_is_stored_and_found(
    say: Say, look: Look, language: str
) -> None:
    interview = say("text", in_language=language)
    assert found(look("text", language=language)) == {interview.id}
    assert found(look("text", language="xx")) == set()


@pytest.mark.covers("Q-search")
@pytest.mark.parametrize(
    ("q", "is_found"),
    [
        *(("\u7d4c\u9a13", True), ("\u8c4a\u5bcc\u306a", True), ("\u9a13", True), ("\u7d4c\u9a13\u8c4a\u5bcc", True)),
        *(
            ("\u7d4c\u8c4a", False),
            ("\u732b", False),
            ("\u7d4c\u9a13 \u793e\u54e1", True),
            ("\u7d4c\u9a13 -\u793e\u54e1", False),
        ),
    ],
)
def test_a_script_without_spaces_is_searched_by_its_signs(say: Say, look: Look, q: str, is_found: bool) -> None:
    interview = say("\u7d4c\u9a13\u8c4a\u5bcc\u306a\u793e\u54e1\u3067\u3059")
    reply = look(q)
    assert found(reply) == ({interview.id} if is_found else set())
    if is_found and " " not in q:
        assert highlighted(reply) == [[q]]


@pytest.mark.parametrize("q", ["", " ", "-", '""', "!?", "-team", '-"a team"', "\U0001f600", "+", "\u0301"])
def test_a_query_without_a_word_is_refused(look: Look, q: str) -> None:
    assert_problem(look(q), 422)


@pytest.mark.parametrize("q", ["a" * 201, " ".join(f"w{number}" for number in range(17)), "\u7d4c" * 201])
def test_a_query_that_is_too_long_is_refused(look: Look, q: str) -> None:
    assert_problem(look(q), 422)


@pytest.mark.parametrize(
    "q",
    [".*", "^i", "a|b", "(?i)team", "[a-z]+", "te.m", "team$", "$where", "{$ne:1}", "\\bteam", "te\x00am", "' OR 1"],
)
def test_nothing_in_a_query_is_an_operator_of_something_else(say: Say, look: Look, q: str) -> None:
    say("nothing to see here")
    reply = look(q)
    assert reply.status_code in (200, 422)
    assert reply.status_code == 422 or found(reply) == set()


@pytest.mark.covers("Q-search")
def test_only_the_newest_text_is_found(say: Say, look: Look, edit: Callable[..., None]) -> None:
    interview = say("I led a team")
    edit(interview, "I led a <b>squad</b>")
    assert found(look("team")) == set()
    (result,) = look("squad led").get_json()["results"]
    assert result["revision"] == 2
    # As data, whatever it looks like; and between the two stands what has kept its time.
    assert result["snippets"] == [
        {"text": "I led a <b>squad</b>", "highlights": [[2, 5], [11, 16]], "start": 1.0, "end": 3.0}
    ]


@pytest.mark.covers("Q-search")
def test_what_was_recorded_again_or_erased_is_gone_at_once(
    client: FlaskClient, say: Say, look: Look, database: MongoDatabase
) -> None:
    again, erased = say("alpha beta"), say("alpha gamma")
    assert client.post(again.upload_path(), data=audio(), headers=again.candidate).status_code == 202
    assert found(look("alpha")) == {erased.id}
    # As if the erasure had come no further than its tombstone: what fences readers is the session that is gone.
    database["interview_sessions"].delete_one({"_id": erased.id})
    assert found(look("alpha")) == set()


def test_an_erasure_takes_the_rows_of_search_with_it(
    client: FlaskClient, say: Say, look: Look, database: MongoDatabase
) -> None:
    erased = say("alpha gamma")
    assert client.delete(f"/api/sessions/{erased.id}", headers=erased.owner).status_code == 200
    assert database["current_transcripts"].count_documents({}) == 0
    assert found(look("alpha")) == set()


@pytest.mark.covers("Q-search")
def test_everybody_finds_their_own_and_an_admin_anothers_on_record(say: Say, look: Look, services: Services) -> None:
    ada, grace = (
        services.access.issue(Caller(name, role=role), valid_for=timedelta(hours=1))
        for name, role in (("ada", "user"), ("grace", "admin"))
    )
    hers = say("alpha", as_token=ada)
    say("alpha")
    assert found(look("alpha", as_token=ada)) == {hers.id}
    assert found(look("alpha", as_token=grace)) == set()
    assert found(look("alpha", as_token=grace, owner_id="ada")) == {hers.id}
    (row,) = [each for each in services.audit.list_of().rows if each.action == "transcripts.search"]
    assert (row.actor_id, row.owner_id, row.details) == ("grace", "ada", {})
    assert_problem(look("alpha", as_token=ada, owner_id="owner"), 403)
    assert found(look("alpha", as_token=ada, owner_id="ada")) == {hers.id}


def test_a_candidates_link_may_not_search(client: FlaskClient, interview: Interview) -> None:
    assert_problem(client.get("/api/search?q=team", headers=interview.candidate), 403, "forbidden")


@pytest.mark.covers("Q-search")
def test_pages_follow_each_other_and_hold_everything_once(say: Say, look: Look) -> None:
    said = [say("alpha " * (1 + number % 3) + "beta").id for number in range(7)]
    seen: list[str] = []
    scores: list[float] = []
    cursor: dict[str, str] = {}
    while True:
        page = look("alpha", limit=2, **cursor).get_json()
        seen += [each["session_id"] for each in page["results"]]
        scores += [each["score"] for each in page["results"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert (sorted(seen), len(seen)) == (sorted(said), 7)
    assert scores == sorted(scores, reverse=True)
    assert [each["session_id"] for each in look("alpha").get_json()["results"]] == seen


@pytest.mark.parametrize("cursor", ["x", "MSAyIDM=", "\u7d4c", "MQ==", "MSAyMDI2LTAxLTAxVDAwOjAwOjAwIGE="])
def test_a_cursor_of_somebody_elses_making_is_refused(look: Look, cursor: str) -> None:
    assert_problem(look("alpha", cursor=cursor), 422, "invalid_cursor")


def test_of_many_the_work_is_bounded_and_that_is_said(say: Say, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_store, "MOST_CANDIDATES", 3)
    for _ in range(4):
        say("alpha beta")
    page = look("alpha").get_json()
    assert (len(page["results"]), page["is_complete"]) == (3, False)
    # Nothing else has this word, and all that have it were looked at; with fewer looks there might be more.
    assert look("beta gamma").get_json()["is_complete"]
    monkeypatch.setattr(search_store, "MOST_LOOKED_AT", 3)
    monkeypatch.setattr(search_store, "FEW", 0)
    assert look("alpha gamma").get_json()["is_complete"]
    assert not look("alpha -beta").get_json()["is_complete"]


def test_three_places_of_a_long_text_are_shown(say: Say, look: Look) -> None:
    far = "and then a lot of other things happened before we came back to it all " * 4
    say(f"alpha {far} alpha beta alpha {far} alpha {far} alpha")
    (result,) = look("alpha").get_json()["results"]
    assert [len(each["highlights"]) for each in result["snippets"]] == [1, 2, 1]
    assert all(len(each["text"]) < 330 for each in result["snippets"])
    times = [each["start"] for each in result["snippets"]]
    assert times == sorted(times)
