"""The texts that an answer has had: which there are, what differs, and going back to one."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, bearer
from tests.factories import wav_of

Call = Callable[..., TestResponse]


@pytest.fixture
def path(interview: Interview) -> str:
    return f"/api/sessions/{interview.id}/answers/q1/transcript"


@pytest.fixture
def heard(upload: Call, transcribe: Callable[..., None]) -> None:
    """An answer of four seconds: "i led a team"."""
    transcribe(upload(form=audio(wav_of(4.0))))


@pytest.fixture
def edit(client: FlaskClient, interview: Interview, path: str) -> Call:
    def put(text: str, headers: dict[str, str] | None = None) -> TestResponse:
        reply = client.put(path, json={"text": text}, headers={**(headers or interview.owner), "If-Match": "*"})
        assert reply.status_code == 200
        return reply

    return put


@pytest.fixture
def restore(client: FlaskClient, interview: Interview, path: str) -> Call:
    def post(revision: Any, if_match: str | None = "*", headers: dict[str, str] | None = None) -> TestResponse:
        sent = {**(headers or interview.owner), **({} if if_match is None else {"If-Match": if_match})}
        return client.post(f"{path}/restore", json={"revision": revision}, headers=sent)

    return post


@pytest.fixture
def diff(client: FlaskClient, interview: Interview, path: str) -> Call:
    return lambda query: client.get(f"{path}/diff?{query}", headers=interview.candidate)


def listed(client: FlaskClient, interview: Interview, path: str) -> list[dict[str, Any]]:
    reply = client.get(f"{path}/revisions", headers=interview.candidate)
    assert reply.status_code == 200
    assert reply.headers["ETag"] == f'"{reply.get_json()["newest_revision"]}"'
    revisions: list[dict[str, Any]] = reply.get_json()["revisions"]
    return revisions


@pytest.mark.covers("Q-versions")
@pytest.mark.usefixtures("heard")
def test_every_text_there_was_is_listed_with_who_wrote_it(
    client: FlaskClient, interview: Interview, path: str, edit: Call, restore: Call, services: Services
) -> None:
    grace = bearer(services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1)))
    edit("I led a big team.")
    edit("I led two teams.", interview.candidate)
    edit("I led three teams.", grace)
    assert restore(1).status_code == 200
    lines = listed(client, interview, path)
    told = [(each["revision"], each["by"], each["is_edited"], each["restored_from"], each["words"]) for each in lines]
    assert told == [
        *((5, "owner", False, 1, 4), (4, "admin", True, None, 4), (3, "candidate", True, None, 4)),
        *((2, "owner", True, None, 5), (1, "model", False, None, 4)),
    ]
    assert "grace" not in client.get(f"{path}/revisions", headers=interview.candidate).text


@pytest.mark.usefixtures("heard")
def test_revisions_from_before_authors_were_kept_are_listed_too(
    client: FlaskClient, interview: Interview, path: str, edit: Call, database: MongoDatabase
) -> None:
    edit("I  led\n a team")
    database["transcripts"].update_many(
        {"_id": {"$exists": True}}, {"$unset": {"author": "", "word_count": "", "restored_from": ""}}
    )
    told = [(each["by"], each["words"], each["restored_from"]) for each in listed(client, interview, path)]
    assert told == [("unknown", 4, None), ("model", 4, None)]


@pytest.mark.covers("Q-versions")
@pytest.mark.usefixtures("heard")
def test_what_differs_between_two_texts_is_told_by_words_and_their_times(edit: Call, diff: Call) -> None:
    edit("i led a big team there")
    reply = diff("from=1&to=2")
    assert reply.status_code == 200
    assert (reply.get_json()["from"], reply.get_json()["to"]) == (1, 2)
    assert reply.get_json()["differences"] == [
        {
            "op": "equal",
            "from": {"start_word": 0, "end_word": 3, "text": "i led a", "start": 0.0, "end": 3.0},
            "to": {"start_word": 0, "end_word": 3, "text": "i led a", "start": 0.0, "end": 3.0},
        },
        {
            "op": "insert",
            "from": {"start_word": 3, "end_word": 3, "text": "", "start": None, "end": None},
            "to": {"start_word": 3, "end_word": 4, "text": "big", "start": None, "end": None},
        },
        {
            "op": "equal",
            "from": {"start_word": 3, "end_word": 4, "text": "team", "start": 3.0, "end": 4.0},
            "to": {"start_word": 4, "end_word": 5, "text": "team", "start": 3.0, "end": 4.0},
        },
        {
            "op": "insert",
            "from": {"start_word": 4, "end_word": 4, "text": "", "start": None, "end": None},
            "to": {"start_word": 5, "end_word": 6, "text": "there", "start": None, "end": None},
        },
    ]
    back = diff("from=2&to=1").get_json()["differences"]
    assert [each["op"] for each in back] == ["equal", "delete", "equal", "delete"]
    assert [each["op"] for each in diff("from=2&to=2").get_json()["differences"]] == ["equal"]


@pytest.mark.parametrize("query", ["from=1&to=0", "from=1", "from=x&to=1", "from=1&to=99999999999", "before=1&after=1"])
@pytest.mark.usefixtures("heard")
def test_a_comparison_needs_two_revisions_by_number(diff: Call, query: str) -> None:
    assert_problem(diff(query), 422)


@pytest.mark.usefixtures("heard")
def test_a_revision_that_never_was_is_not_compared(diff: Call) -> None:
    assert_problem(diff("from=1&to=2"), 404, "no_such_revision")


@pytest.mark.timeout(20)
@pytest.mark.usefixtures("heard")
def test_two_long_texts_that_are_hard_to_compare_are_compared_all_the_same(edit: Call, diff: Call) -> None:
    # difflib alone would take minutes for these: every word is in every place.
    random = Random(5)
    texts = [" ".join(random.choices("ab", k=25_000)) for _ in range(2)]
    for text in texts:
        edit(text)
    found = diff("from=2&to=3").get_json()["differences"]
    assert [" ".join(each[side]["text"] for each in found if each[side]["text"]) for side in ("from", "to")] == texts


@pytest.mark.covers("Q-versions")
@pytest.mark.usefixtures("heard")
def test_going_back_to_what_was_heard_brings_its_word_times_back_and_loses_nothing(
    client: FlaskClient, interview: Interview, path: str, edit: Call, restore: Call
) -> None:
    before = client.get(path, headers=interview.owner).get_json()
    edited = edit("Something else altogether was said here.")
    reply = restore(1, edited.headers["ETag"])
    assert (reply.status_code, reply.headers["ETag"], reply.get_json()["transcript"]) == (200, '"3"', "i led a team")
    after = client.get(path, headers=interview.owner).get_json()
    assert after["segments"] == before["segments"]
    assert (after["revision"], after["is_edited"]) == (3, False)
    assert client.get(f"{path}?revision=2", headers=interview.owner).get_json()["text"].startswith("Something else")


@pytest.mark.usefixtures("heard")
def test_going_back_to_an_edit_is_an_edit_again(
    client: FlaskClient, interview: Interview, path: str, edit: Call, restore: Call
) -> None:
    edit("I led a team.")
    edit("")
    assert (
        client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.owner).get_json()["transcript"]
        == ""
    )
    assert restore(2, '"3"').get_json()["transcript"] == "I led a team."
    told = client.get(path, headers=interview.owner).get_json()
    assert (told["is_edited"], told["segments"][0]["words"][1]["start"]) == (True, 1.0)


@pytest.mark.covers("Q-versions")
@pytest.mark.parametrize(("if_match", "status"), [(None, 428), ('"1"', 412), ('"2"', 200), ("*", 200)])
@pytest.mark.usefixtures("heard")
def test_who_goes_back_says_from_where(edit: Call, restore: Call, if_match: str | None, status: int) -> None:
    edit("I led two teams.")
    assert restore(1, if_match).status_code == status


@pytest.mark.parametrize("revision", [0, -1, "one", None, 2**40])
@pytest.mark.usefixtures("heard")
def test_only_a_number_can_be_gone_back_to(restore: Call, revision: Any) -> None:
    assert_problem(restore(revision), 422)


@pytest.mark.usefixtures("heard")
def test_what_never_was_cannot_be_gone_back_to(restore: Call) -> None:
    assert_problem(restore(7), 404, "no_such_revision")


def test_before_there_is_a_transcript_there_are_no_versions(
    client: FlaskClient, interview: Interview, path: str, upload: Call, restore: Call, diff: Call
) -> None:
    upload()
    for reply in (client.get(f"{path}/revisions", headers=interview.owner), diff("from=1&to=1")):
        assert_problem(reply, 409, "transcription_pending")
    assert_problem(restore(1), 409, "not_completed")


@pytest.mark.usefixtures("heard")
def test_an_admin_who_goes_back_in_anothers_interview_is_on_record_first(restore: Call, services: Services) -> None:
    grace = bearer(services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1)))
    assert restore(1, headers=grace).status_code == 200
    rows = [(row.action, row.actor_id) for row in services.audit.list_of().rows]
    assert ("transcript.restore", "grace") in rows
