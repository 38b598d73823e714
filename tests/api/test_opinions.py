"""What people say of transcripts, over HTTP: stars, words that are wrong, and the figures that come of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services import opinions
from services.container import Services
from services.models import Caller, Transcript, WhisperModel
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer, start_interview
from tests.stores import Stores, transcript_of

Call = Callable[..., TestResponse]


@pytest.fixture
def path(interview: Interview) -> str:
    return f"/api/sessions/{interview.id}/answers/q1/transcript"


@pytest.fixture
def heard(upload: Call, transcribe: Callable[..., None]) -> None:
    """An answer: "i led a team"."""
    transcribe(upload())


@pytest.fixture
def admin(services: Services) -> dict[str, str]:
    return bearer(services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1)))


@pytest.fixture
def rate(client: FlaskClient, interview: Interview, path: str) -> Call:
    def put(stars: Any, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        return client.put(f"{path}/rating", json={"stars": stars, **body}, headers=headers or interview.owner)

    return put


@pytest.fixture
def report(client: FlaskClient, interview: Interview, path: str) -> Call:
    def post(headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        said = {"start_word": 1, "end_word": 2, "kind": "wrong", **body}
        return client.post(f"{path}/errors", json=said, headers={**interview.owner, **(headers or {})})

    return post


@pytest.fixture
def edit(client: FlaskClient, interview: Interview, path: str) -> Callable[[str], None]:
    def put(text: str) -> None:
        reply = client.put(path, json={"text": text}, headers={**interview.owner, "If-Match": "*"})
        assert reply.status_code == 200

    return put


def told(reply: TestResponse) -> list[tuple[str, int, int]]:
    assert reply.status_code == 200
    return sorted((each["by"], each["stars"], each["revision"]) for each in reply.get_json()["ratings"])


@pytest.mark.covers("Q-rating")
@pytest.mark.usefixtures("heard")
def test_candidate_owner_and_admin_rate_a_transcript_once_each(
    client: FlaskClient, interview: Interview, path: str, rate: Call, admin: dict[str, str], edit: Call
) -> None:
    reply = rate(2, comment="Half of it.")
    assert (reply.status_code, reply.get_json()["stars"], reply.get_json()["comment"]) == (200, 2, "Half of it.")
    rate(5, interview.candidate)
    rate(3, admin)
    edit("i led a big team")
    rate(4)
    assert told(client.get(f"{path}/rating", headers=interview.owner)) == [
        *(("admin", 3, 1), ("candidate", 5, 1), ("owner", 4, 2)),
    ]
    # What is said about candidates is not for their link.
    assert told(client.get(f"{path}/rating", headers=interview.candidate)) == [("candidate", 5, 1)]


@pytest.mark.usefixtures("heard")
def test_a_rating_can_be_taken_back(client: FlaskClient, interview: Interview, path: str, rate: Call) -> None:
    rate(1)
    rate(2, interview.candidate)
    assert client.delete(f"{path}/rating", headers=interview.candidate).status_code == 204
    assert_problem(client.delete(f"{path}/rating", headers=interview.candidate), 404, "no_rating")
    assert told(client.get(f"{path}/rating", headers=interview.owner)) == [("owner", 1, 1)]


@pytest.mark.usefixtures("heard")
def test_a_rating_may_be_of_an_earlier_text(rate: Call, edit: Call) -> None:
    edit("i led two teams")
    assert rate(1, revision=1).get_json()["revision"] == 1
    assert_problem(rate(1, revision=3), 404, "no_such_revision")


@pytest.mark.parametrize("stars", [0, 6, "5", 4.5, None, True])
@pytest.mark.usefixtures("heard")
def test_stars_are_a_whole_number_from_one_to_five(rate: Call, stars: Any) -> None:
    assert_problem(rate(stars), 422)


@pytest.mark.parametrize("comment", ["x" * 2001, "\ud800"])
@pytest.mark.usefixtures("heard")
def test_a_comment_is_short_and_text(rate: Call, comment: str) -> None:
    assert_problem(rate(3, comment=comment), 422)


def test_there_is_nothing_to_rate_before_there_is_a_transcript(rate: Call, report: Call, upload: Call) -> None:
    upload()
    assert_problem(rate(3), 409, "transcription_pending")
    assert_problem(report(), 409, "transcription_pending")


@pytest.mark.covers("Q-rating")
@pytest.mark.usefixtures("heard")
def test_words_that_are_wrong_are_reported_by_their_place(
    client: FlaskClient, interview: Interview, path: str, report: Call
) -> None:
    reply = report(suggestion="lead", heard="led", comment="Every time.")
    assert reply.status_code == 201
    missing = report(start_word=4, end_word=4, kind="missing", suggestion="there", headers=interview.candidate)
    assert (missing.status_code, missing.get_json()["by"]) == (201, "candidate")
    listed = client.get(f"{path}/errors", headers=interview.owner).get_json()["errors"]
    assert listed == [missing.json, reply.json]
    assert (reply.get_json()["heard"], reply.get_json()["revision"], reply.get_json()["by"]) == ("led", 1, "owner")
    (own,) = client.get(f"{path}/errors", headers=interview.candidate).get_json()["errors"]
    assert own == missing.json
    # A report changes no text.
    assert client.get(path, headers=interview.owner).get_json()["text"] == "i led a team"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"start_word": 3, "end_word": 5}, 422, "no_such_words"),
        ({"start_word": 2, "end_word": 1}, 422, "no_such_words"),
        ({"start_word": 1, "end_word": 1}, 422, "no_such_words"),
        ({"kind": "missing"}, 422, "no_such_words"),
        ({"start_word": -1}, 422, None),
        ({"kind": "ugly"}, 422, None),
        ({"heard": "team"}, 409, "other_words"),
        ({"revision": 2}, 404, "no_such_revision"),
    ],
)
@pytest.mark.usefixtures("heard")
def test_a_report_of_what_is_not_there_is_refused(report: Call, body: dict[str, Any], status: int, code: Any) -> None:
    assert_problem(report(**body), status, code)


@pytest.mark.usefixtures("heard")
def test_so_many_reports_are_kept_and_no_more(report: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "MOST_REPORTS", 2)
    assert [report().status_code for _ in range(3)] == [201, 201, 409]


@pytest.mark.usefixtures("heard")
def test_a_report_of_a_whole_text_keeps_no_copy_of_it(report: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opinions, "LONGEST_KEPT", 5)
    whole = report(start_word=0, end_word=4, heard="i led a team")
    assert (whole.status_code, whole.get_json()["heard"]) == (201, "i led")


@pytest.mark.usefixtures("heard")
def test_a_report_that_is_sent_again_under_its_key_is_one(
    client: FlaskClient, interview: Interview, path: str, report: Call
) -> None:
    first, again = (report(headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert again.json == first.json
    assert len(client.get(f"{path}/errors", headers=interview.owner).get_json()["errors"]) == 1


@pytest.mark.usefixtures("heard")
def test_what_was_said_goes_with_the_interview_and_with_a_new_recording(
    *,
    client: FlaskClient,
    interview: Interview,
    path: str,
    rate: Call,
    report: Call,
    upload: Call,
    services: Services,
    database: MongoDatabase,
) -> None:
    rate(1, comment="Bad.")
    report()
    upload()
    assert client.get(f"{path}/rating", headers=interview.owner).json == {"ratings": []}
    services.review.sweep()
    kept = ("transcript_ratings", "transcript_errors", "current_transcripts")
    assert [database[name].count_documents({}) for name in kept] == [0, 0, 0]
    other = start_interview(client, interview.owner["Authorization"].removeprefix("Bearer "))
    database["transcript_ratings"].insert_one({"session_id": other.id, "answer_id": "a"})
    assert client.delete(f"/api/sessions/{other.id}", headers=other.owner).status_code == 200
    assert database["transcript_ratings"].count_documents({}) == 0


class Models:
    """Answers that models heard, in sessions of "owner"."""

    def __init__(self, stores: Stores, services: Services) -> None:
        self.stores, self.services = stores, services

    def heard(self, model: str, text: str, corrected: str | None = None) -> None:
        claim = self.stores.claimed()
        transcript = Transcript(text, transcript_of(text).segments, "en", 1.0)
        self.stores.answers.complete(claim, transcript, WhisperModel(model, demo_model=False))
        if corrected is not None:
            session = self.services.sessions.get(Caller("owner"), claim.ref.session_id)
            self.services.review.edit_transcript(Caller("owner"), session, "q1", corrected, 1)


@pytest.fixture
def models(stores: Stores, services: Services) -> Models:
    return Models(stores, services)


@pytest.mark.covers("Q-ab", "Q-wer")
def test_two_models_are_compared_by_what_people_made_of_their_transcripts(
    client: FlaskClient, models: Models, admin: dict[str, str]
) -> None:
    models.heard("small", "i let a teem", "I led a team.")
    models.heard("small", "i led a team", "I led a team!")
    models.heard("small", "never corrected and so not counted")
    # One edit that is no correction must not spoil the figure.
    models.heard("small", "what was heard here", "x")
    models.heard("large", "i led a teem", "I led a team.")
    told = {
        each["whisper_model"]: each for each in client.get("/api/admin/quality", headers=admin).get_json()["models"]
    }
    assert {name: (each["transcripts"], each["corrected"], each["wer"]) for name, each in told.items()} == {
        "small": (4, 2, 0.25),
        "large": (1, 1, 0.25),
    }
    assert [told["small"][name] for name in ("word_errors", "words", "rewritten")] == [2, 8, 1]
    one = client.get("/api/admin/quality?whisper_model=large", headers=admin).get_json()["models"]
    assert [each["whisper_model"] for each in one] == ["large"]


@pytest.mark.covers("Q-ab")
@pytest.mark.usefixtures("heard")
def test_ratings_and_reports_count_for_the_model_that_heard(
    client: FlaskClient, interview: Interview, rate: Call, report: Call, admin: dict[str, str]
) -> None:
    rate(2)
    rate(5, interview.candidate)
    report()
    (told,) = client.get("/api/admin/quality", headers=admin).get_json()["models"]
    assert (told["whisper_model"], told["ratings"], told["mean_stars"], told["error_reports"]) == (
        "scripted",
        2,
        3.5,
        1,
    )
    assert (told["transcripts"], told["corrected"], told["wer"]) == (1, 0, None)
    later = quote((datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    assert client.get(f"/api/admin/quality?since={later}", headers=admin).get_json()["models"] == []


@pytest.mark.covers("Q-wer")
def test_going_back_to_what_was_heard_is_no_correction(
    *, client: FlaskClient, interview: Interview, path: str, upload: Call, transcribe: Call, edit: Call, admin: Any
) -> None:
    transcribe(upload())
    edit("i led a big team")
    (told,) = client.get("/api/admin/quality", headers=admin).get_json()["models"]
    assert (told["corrected"], told["wer"]) == (1, 0.2)
    again = client.post(f"{path}/restore", json={"revision": 1}, headers={**interview.owner, "If-Match": "*"})
    assert again.status_code == 200
    (told,) = client.get("/api/admin/quality", headers=admin).get_json()["models"]
    assert (told["corrected"], told["wer"]) == (0, None)


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=",
        "since=0001-01-01T00:00:00%2B14:00",
        "since=9999-12-31T23:59:59-14:00",
        "whisper_model=",
    ],
)
def test_figures_are_asked_for_rightly(client: FlaskClient, admin: dict[str, str], query: str) -> None:
    assert_problem(client.get(f"/api/admin/quality?{query}", headers=admin), 422)


def test_the_figures_are_for_admins(client: FlaskClient, interview: Interview, services: Services) -> None:
    ada = bearer(services.access.issue(Caller("ada"), valid_for=timedelta(hours=1)))
    assert_problem(client.get("/api/admin/quality", headers=ada), 403)
    assert_problem(client.get("/api/admin/quality", headers=interview.candidate), 403)
