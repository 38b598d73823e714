"""Interviews: started, read and listed by their owner; opened by their link."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import QUESTIONS, Interview, assert_problem, bearer, start_interview

HINTS = {"task": "translate", "initial_prompt": "About Anneliese's team.", "vocabulary": ["Anneliese", "SLO"]}
CONSENT = {"text": "I agree to be recorded.", "given_at": "2026-03-01T12:00:00.123456+02:00"}


def test_a_started_session_tells_everything_that_was_asked_for_and_where_it_is(client: FlaskClient, token: str) -> None:
    body = {"questions": QUESTIONS, "language": "en", "tier": "senior", "consent": CONSENT}
    reply = client.post("/api/sessions", json=body, headers=bearer(token))

    assert reply.status_code == 201
    started = reply.get_json()
    assert set(started) == {
        *("id", "created_at", "seq", "language", "task", "initial_prompt", "vocabulary"),
        *("tier", "consent", "features", "consent_required", "questions", "link", "link_expires_at"),
    }
    assert reply.headers["Location"] == f"/api/sessions/{started['id']}"
    assert started["link"].startswith("http://127.0.0.1:8000/?token=")
    assert started["seq"] == 0
    assert started["language"] == "en"
    assert started["tier"] == "senior"
    assert started["questions"][0] == QUESTIONS[0]
    lifetime = datetime.fromisoformat(started["link_expires_at"]) - datetime.fromisoformat(started["created_at"])
    assert lifetime == timedelta(days=14)


def test_what_is_said_at_the_start_is_what_is_read_later(client: FlaskClient, token: str) -> None:
    body = {"questions": QUESTIONS, "language": "en", "tier": "senior", "consent": CONSENT, **HINTS}
    started = client.post("/api/sessions", json=body, headers=bearer(token)).get_json()

    read = client.get(f"/api/sessions/{started['id']}", headers=bearer(token)).get_json()

    del started["link"], started["link_expires_at"]
    read_only: dict[str, Any] = {"submitted_at": None, "answers": [], "whisper_model": None, "demo_model": False}
    assert read == {**started, **read_only}
    assert {name: read[name] for name in HINTS} == HINTS


def test_a_session_needs_no_more_than_questions(client: FlaskClient, token: str) -> None:
    nothing = dict.fromkeys(("language", "tier", "consent", "initial_prompt", "vocabulary"))
    body = {"questions": [{"id": "q1", "prompt": "Why?"}], **nothing}
    reply = client.post("/api/sessions", json=body, headers=bearer(token))
    assert reply.status_code == 201
    started = reply.get_json()
    assert started["language"] is None
    assert (started["task"], started["initial_prompt"], started["vocabulary"]) == ("transcribe", None, [])
    assert "tier" not in started
    assert "consent" not in started
    assert started["questions"] == [{"id": "q1", "prompt": "Why?", "model_answer": None, "key_points": []}]


def test_a_link_opens_its_session_without_the_answers_to_the_questions(
    client: FlaskClient, interview: Interview
) -> None:
    for_owner = client.get(f"/api/sessions/{interview.id}", headers=interview.owner)
    for_candidate = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate)

    assert "secret" in for_owner.text
    assert for_candidate.status_code == 200
    assert "secret" not in for_candidate.text
    assert [question["prompt"] for question in for_candidate.get_json()["questions"]] == [
        "Whom did you lead?",
        "And then?",
    ]


def test_a_link_is_not_told_what_may_be_said(client: FlaskClient, token: str) -> None:
    interview = start_interview(client, token, **HINTS)
    for_candidate = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate)
    assert for_candidate.get_json()["task"] == "translate"
    assert "Anneliese" not in for_candidate.text
    assert not {"initial_prompt", "vocabulary"} & set(for_candidate.get_json())


def test_hints_are_stored_under_their_own_names_and_a_term_once(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    start_interview(client, token, **{**HINTS, "vocabulary": ["SLO", "Ada", "SLO"]})
    (stored,) = database["interview_sessions"].find()
    assert (stored["task"], stored["initial_prompt"], stored["vocabulary"]) == (
        *("translate", HINTS["initial_prompt"], ["SLO", "Ada"]),
    )


@pytest.mark.parametrize(
    "text", ["$where", "$$NOW", "<|en|>", "{$gt: ''}", "a.b", "\U0001f600\u200d\U0001f600", "\u202eabc", "-->"]
)
def test_hints_that_mean_something_elsewhere_are_only_text(client: FlaskClient, token: str, text: str) -> None:
    interview = start_interview(client, token, initial_prompt=f"{text}\x00\n", vocabulary=[text])
    read = client.get(f"/api/sessions/{interview.id}", headers=interview.owner).get_json()
    assert (read["initial_prompt"], read["vocabulary"]) == (f"{text}\x00\n", [text])


def test_a_link_opens_no_other_session(client: FlaskClient, interview: Interview, other_interview: Interview) -> None:
    reply = client.get(f"/api/sessions/{other_interview.id}", headers=interview.candidate)
    assert_problem(reply, 404, "not_found")


def test_a_link_can_neither_start_nor_list_sessions(client: FlaskClient, interview: Interview) -> None:
    started = client.post("/api/sessions", json={"questions": QUESTIONS}, headers=interview.candidate)
    listed = client.get("/api/sessions", headers=interview.candidate)
    assert_problem(started, 403, "forbidden")
    assert_problem(listed, 403, "forbidden")


def test_an_expired_link_opens_nothing(client: FlaskClient, database: MongoDatabase, interview: Interview) -> None:
    past = {"$set": {"link.expires_at": datetime.fromisoformat("2020-01-01T00:00:00+00:00")}}
    database["interview_sessions"].update_one({"_id": interview.id}, past)
    reply = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate)
    assert_problem(reply, 401, "unauthorized")


@pytest.mark.covers("I-access", "Q-isolation")
def test_another_persons_session_looks_like_none(client: FlaskClient, services: Services, interview: Interview) -> None:
    stranger = bearer(services.access.issue(Caller("somebody-else"), valid_for=timedelta(hours=1)))
    theirs = assert_problem(client.get(f"/api/sessions/{interview.id}", headers=stranger), 404)
    missing = assert_problem(client.get("/api/sessions/000000000000000000000000", headers=stranger), 404)
    del theirs["request_id"], missing["request_id"]
    assert theirs == missing
    assert client.get("/api/sessions", headers=stranger).get_json() == {"sessions": [], "next": None}


def test_pages_neither_repeat_nor_skip_while_sessions_arrive(client: FlaskClient, token: str) -> None:
    expected = [start_interview(client, token).id for _ in range(7)][::-1]
    seen: list[str] = []
    path = "/api/sessions?limit=2"
    while path:
        page = client.get(path, headers=bearer(token)).get_json()
        seen += [session["id"] for session in page["sessions"]]
        start_interview(client, token)
        path = f"/api/sessions?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == expected


def test_pages_hold_when_sessions_were_started_in_the_same_millisecond(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    expected = {start_interview(client, token).id for _ in range(5)}
    one_time = {"$set": {"created_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}}
    database["interview_sessions"].update_many({}, one_time)
    seen: list[str] = []
    path = "/api/sessions?limit=2"
    while path:
        page = client.get(path, headers=bearer(token)).get_json()
        seen += [session["id"] for session in page["sessions"]]
        path = f"/api/sessions?limit=2&cursor={page['next']}" if page["next"] else ""
    assert len(seen) == 5
    assert set(seen) == expected


def test_a_page_that_is_exactly_full_is_the_last(client: FlaskClient, token: str) -> None:
    for _ in range(2):
        start_interview(client, token)
    page = client.get("/api/sessions?limit=2", headers=bearer(token)).get_json()
    assert len(page["sessions"]) == 2
    assert page["next"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("cursor=nonsense", "invalid_cursor"),
        ("cursor=%FF%FE", "invalid_cursor"),
        ("cursor=", "invalid_cursor"),
        # 0001-01-01T00:00:00+23:59 lies before the calendar begins
        ("cursor=MDAwMS0wMS0wMVQwMDowMDowMCsyMzo1OSBh", "invalid_cursor"),
        # 2026-01-01T00:00:00, of no time zone
        ("cursor=MjAyNi0wMS0wMVQwMDowMDowMCBh", "invalid_cursor"),
        ("cursor=" + "A" * 201, "invalid"),
        ("limit=0", "invalid"),
        ("limit=201", "invalid"),
        ("limit=many", "invalid"),
        ("limit=" + "9" * 5000, "invalid"),
        ("limit=inf", "invalid"),
    ],
)
def test_a_wrong_cursor_or_limit_is_refused(client: FlaskClient, token: str, query: str, code: str) -> None:
    assert_problem(client.get(f"/api/sessions?{query}", headers=bearer(token)), 422, code)


QUESTION = {"id": "q1", "prompt": "Why?"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "questions"),
        ({"questions": []}, "questions"),
        ({"questions": None}, "questions"),
        ({"questions": "q1"}, "questions"),
        ({"questions": [QUESTION] * 101}, "questions"),
        ({"questions": [{"id": "q1"}]}, "questions"),
        ({"questions": [{**QUESTION, "prompt": ""}]}, "questions"),
        ({"questions": [{**QUESTION, "prompt": "x" * 2001}]}, "questions"),
        ({"questions": [{**QUESTION, "prompt": {"$ne": None}}]}, "questions"),
        ({"questions": [{**QUESTION, "model_answer": "x" * 20_001}]}, "questions"),
        ({"questions": [{**QUESTION, "key_points": ["x"] * 51}]}, "questions"),
        ({"questions": [{**QUESTION, "key_points": ["x" * 501]}]}, "questions"),
        ({"questions": [{**QUESTION, "surprise": 1}]}, "questions"),
        ({"questions": [QUESTION], "surprise": 1}, "surprise"),
        ({"questions": [QUESTION], "$ne": 1}, "$ne"),
        ({"questions": [QUESTION], "language": "English"}, "language"),
        ({"questions": [QUESTION], "language": "en\n"}, "language"),
        ({"questions": [QUESTION], "task": "summarize"}, "task"),
        ({"questions": [QUESTION], "task": None}, "task"),
        ({"questions": [QUESTION], "task": {"$ne": 1}}, "task"),
        ({"questions": [QUESTION], "initial_prompt": ""}, "initial_prompt"),
        ({"questions": [QUESTION], "initial_prompt": "x" * 1_001}, "initial_prompt"),
        ({"questions": [QUESTION], "initial_prompt": ["x"]}, "initial_prompt"),
        ({"questions": [QUESTION], "vocabulary": "Ada"}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["x"] * 101}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["x" * 65]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": [""]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["  "]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["a\x00"]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["a\nb"]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": ["a\u2028b"]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": [int("9" * 30)]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": [None]}, "vocabulary"),
        ({"questions": [QUESTION], "vocabulary": [["Ada"]]}, "vocabulary"),
        ({"questions": [QUESTION], "tier": ""}, "tier"),
        ({"questions": [QUESTION], "tier": "x" * 65}, "tier"),
        ({"questions": [QUESTION], "consent": {"text": "yes"}}, "consent"),
        ({"questions": [QUESTION], "consent": {**CONSENT, "given_at": "yesterday"}}, "consent"),
        ({"questions": [QUESTION], "consent": {**CONSENT, "given_at": "2026-01-01T00:00:00"}}, "consent"),
        ({"questions": [QUESTION], "consent": {**CONSENT, "given_at": "0001-01-01T00:00:00+23:59"}}, "consent"),
        ({"questions": [QUESTION], "consent": {**CONSENT, "given_at": "9999-12-31T23:59:59-23:59"}}, "consent"),
    ],
)
def test_a_wrong_session_is_refused_by_the_field_that_is_wrong(
    client: FlaskClient, token: str, database: MongoDatabase, body: object, field: str
) -> None:
    problem = assert_problem(client.post("/api/sessions", json=body, headers=bearer(token)), 422, "invalid")
    assert list(problem["errors"]["json"]) == [field]
    assert database["interview_sessions"].count_documents({}) == 0


@pytest.mark.parametrize("question_id", ["", "a.b", "$q", "q\x00", "q\n", "frage-ä", "q" * 65, "a b", "a/b", None, 7])
def test_a_question_id_that_could_not_name_a_field_is_refused(
    client: FlaskClient, token: str, question_id: object
) -> None:
    body = {"questions": [{"id": question_id, "prompt": "Why?"}]}
    problem = assert_problem(client.post("/api/sessions", json=body, headers=bearer(token)), 422, "invalid")
    assert list(problem["errors"]["json"]["questions"]["0"]) == ["id"]


def test_two_questions_with_one_id_are_refused(client: FlaskClient, token: str) -> None:
    reply = client.post("/api/sessions", json={"questions": [QUESTION, QUESTION]}, headers=bearer(token))
    assert_problem(reply, 422, "duplicate_question_id")


@pytest.mark.parametrize(
    "fields",
    [
        {"questions": [{**QUESTION, "prompt": "\ud800"}]},
        {"questions": [{**QUESTION, "model_answer": "\udfff"}]},
        {"questions": [{**QUESTION, "key_points": ["ok", "\ud800x"]}]},
        {"tier": "\ud83d"},
        {"initial_prompt": "\ud83d"},
        {"vocabulary": ["\ud83d"]},
        {"consent": {**CONSENT, "text": "\udc00"}},
        {"language": "\ud800"},
        {"\ud800": 1},
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(
    client: FlaskClient, token: str, fields: dict[str, object]
) -> None:
    reply = client.post("/api/sessions", json={"questions": [QUESTION], **fields}, headers=bearer(token))
    assert_problem(reply, 422)


def test_the_largest_allowed_session_is_accepted(client: FlaskClient, token: str) -> None:
    questions = [{"id": f"{number:064}", "prompt": "x" * 2_000} for number in range(100)]
    reply = client.post("/api/sessions", json={"questions": questions}, headers=bearer(token))
    assert reply.status_code == 201


def test_text_that_means_something_to_mongodb_is_only_text(client: FlaskClient, token: str) -> None:
    asked = {"id": "q1", "prompt": "$where", "model_answer": "$answers", "key_points": ["$$NOW", "a.b", "\x00"]}
    body = {"questions": [asked], "tier": "$ne", "consent": {**CONSENT, "text": "{$gt: ''}"}}
    started = client.post("/api/sessions", json=body, headers=bearer(token)).get_json()
    read = client.get(f"/api/sessions/{started['id']}", headers=bearer(token)).get_json()
    assert read["questions"] == [asked]
    assert read["tier"] == "$ne"
    assert read["consent"]["text"] == "{$gt: ''}"
