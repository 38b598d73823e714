"""Responses: text or audio, never a mix; what they tell of text, recording and transcript."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.errors import TranscriptionFailed
from services.models import AnswerRef, Caller
from services.storage.client import MongoDatabase
from services.texts import LONGEST_TEXT
from tests.api.conftest import Interview, assert_problem, audio, bearer
from tests.api.signed_uploads import WAV, address_for, put
from tests.factories import settings_with, wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import Stores

Give = Callable[..., TestResponse]
Transcribe = Callable[..., None]
TYPED = {"question_id": "q1", "type": "text", "response_text": "I led a secret team."}


@pytest.fixture
def give(client: FlaskClient, interview: Interview) -> Give:
    """Give a response as the candidate."""

    def post(body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        path = f"/api/sessions/{interview.id}/responses"
        said = {**TYPED, **more} if body is None else body
        return client.post(path, json=said, headers={**interview.candidate, **(headers or {})})

    return post


@pytest.fixture
def sent(client: FlaskClient, interview: Interview) -> dict[str, Any]:
    """A response that is an upload, sent and not used yet."""
    address = address_for(client, interview)
    assert put(client, address).status_code == 201
    return {"question_id": "q1", "type": "audio_transcript", "object_key": address.object_key}


@pytest.fixture
def read(client: FlaskClient, interview: Interview) -> Callable[..., Any]:
    def get(question_id: str = "q1") -> Any:
        path = f"/api/sessions/{interview.id}/responses/{question_id}"
        reply = client.get(path, headers=interview.candidate)
        assert reply.status_code == 200, reply.text
        return reply.get_json()

    return get


@pytest.fixture
def hear(services: Services, queue: RememberingQueue, stores: Stores) -> Callable[[], None]:
    """Let the worker do all that it was sent, and let the time of what it puts off come."""

    def work() -> None:
        for ref in queue.sent:
            services.transcription.transcribe(ref)
            stores.make_due(ref)

    return work


@pytest.mark.covers("E3-S3.1")
def test_a_text_is_a_response_at_once(give: Give, read) -> None:
    reply = give()
    assert reply.status_code == 201
    told = reply.get_json()
    assert (told["question_id"], told["type"], told["response_text"]) == ("q1", "text", TYPED["response_text"])
    assert (told["status"], told["state"], told["revision"], told["edited"]) == ("completed", "ready", 1, False)
    assert (told["audio"], told["transcript"], told["error"], told["attempts"]) == (None, None, None, 0)
    assert reply.headers["ETag"] == '"1"'
    assert read() == told


def test_where_a_response_can_be_read_is_said(give: Give, client: FlaskClient, interview: Interview) -> None:
    location = give().headers["Location"]
    assert client.get(location, headers=interview.candidate).get_json()["response_text"] == TYPED["response_text"]


@pytest.mark.covers("E3-S3.1", "E3-S3.2", "E4-S2.1")
def test_an_upload_is_a_response_with_its_recording_and_its_transcript(give: Give, read, hear, sent) -> None:
    reply = give({**sent, "duration_ms": 200, "language": "en"})
    assert (reply.status_code, reply.headers["Retry-After"]) == (202, "5")
    receipt = reply.get_json()
    assert (receipt["transcription_status"], receipt["bytes"]) == ("queued", len(WAV))
    before = read()
    assert (before["type"], before["response_text"], before["transcript"]) == ("audio_transcript", None, None)
    recording = {"file_id": receipt["file_id"], "bytes": len(WAV), "sha256": receipt["sha256"]}
    assert before["audio"] == {**recording, "content_type": "audio/wav", "duration_ms": 200}
    hear()
    told = read()
    assert (told["response_text"], told["status"], told["revision"]) == ("i led a team", "completed", 1)
    assert told["audio"] == {**before["audio"], "file_id": None}
    transcript = told["transcript"]
    assert (transcript["confidence"], transcript["needs_review"], transcript["language"]) == (0.9, False, "en")
    assert (transcript["duration_seconds"], transcript["whisper_model"]) == (0.2, "scripted")
    assert transcript["timing"].keys() >= {"decode", "encode"}
    assert transcript["transcribed_at"] is not None


@pytest.mark.covers("E4-S1.1")
def test_a_recording_goes_from_uploaded_by_transcribing_to_ready(
    give: Give, read, hear, sent, transcriber: ScriptedTranscriber
) -> None:
    seen: list[tuple[str, str]] = []

    def look(_: int = 0) -> None:
        told = read()
        seen.append((told["state"], told["status"]))

    give(sent)
    look()
    transcriber.before_window = look
    hear()
    look()
    assert seen == [("uploaded", "queued"), ("transcribing", "processing"), ("ready", "completed")]


@pytest.mark.covers("E4-S1.1", "E4-S1.3")
def test_a_recording_that_cannot_be_heard_ends_as_failed_with_its_attempts(
    give: Give, read, sent, hear, transcriber: ScriptedTranscriber
) -> None:
    seen: list[tuple[str, int]] = []

    def fail() -> None:
        raise TranscriptionFailed("The model has broken down.")

    transcriber.before_plan = fail
    give(sent)
    for _ in range(4):
        hear()
        told = read()
        seen.append((told["state"], told["attempts"]))
    assert seen == [("uploaded", 1), ("uploaded", 2), ("uploaded", 3), ("failed", 4)]
    assert (told["status"], told["response_text"], told["transcript"]) == ("failed", None, None)
    assert told["error"]["message"]


def edit(client: FlaskClient, interview: Interview, text: str, etag: str = "*") -> None:
    path = f"/api/sessions/{interview.id}/answers/q1/transcript"
    reply = client.put(path, json={"text": text}, headers={**interview.candidate, "If-Match": etag})
    assert reply.status_code == 200, reply.text


@pytest.mark.covers("E4-S3.2")
def test_what_was_edited_is_the_final_text_of_the_response(give: Give, read, sent, hear, client, interview) -> None:
    give(sent)
    hear()
    edit(client, interview, "I led two teams.", '"1"')
    told = read()
    assert (told["response_text"], told["revision"], told["edited"]) == ("I led two teams.", 2, True)
    assert told["transcript"]["confidence"] == 0.9
    export = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert export["transcript"] == "I led two teams."


@pytest.mark.covers("E4-S3.2")
def test_what_was_typed_can_be_edited_too(give: Give, read, client, interview) -> None:
    etag = give().headers["ETag"]
    edit(client, interview, "I led two teams.", etag)
    told = read()
    assert (told["response_text"], told["revision"], told["edited"]) == ("I led two teams.", 2, True)


AUDIO = {"question_id": "q1", "type": "audio_transcript", "object_key": "k" * 32}


@pytest.mark.covers("E3-S3.3", "E7-S1.3")
@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"question_id": "q1", "type": "text"}, {"response_text"}),
        ({"question_id": "q1", "type": "audio_transcript"}, {"object_key"}),
        ({**TYPED, "object_key": "k" * 32}, {"object_key"}),
        ({**TYPED, "duration_ms": 9}, {"duration_ms"}),
        ({**TYPED, "language": "en", "duration_ms": 9}, {"language", "duration_ms"}),
        ({**AUDIO, "response_text": "both"}, {"response_text"}),
        ({**AUDIO, "type": "text"}, {"object_key", "response_text"}),
        ({**TYPED, "type": "audio_transcript"}, {"object_key", "response_text"}),
        ({**TYPED, "type": "video"}, {"type"}),
        ({**TYPED, "type": None}, {"type"}),
        ({"question_id": "q1", "response_text": "text"}, {"type"}),
        ({"type": "text", "response_text": "text"}, {"question_id"}),
        ({**TYPED, "question_id": "a.b"}, {"question_id"}),
        ({**TYPED, "question_id": ["q1"]}, {"question_id"}),
        ({**TYPED, "response_text": ""}, {"response_text"}),
        ({**TYPED, "response_text": " \n"}, {"response_text"}),
        ({**TYPED, "response_text": None}, {"response_text"}),
        ({**TYPED, "response_text": 7}, {"response_text"}),
        ({**TYPED, "response_text": "half \ud800 a pair"}, {"response_text"}),
        ({**TYPED, "response_text": "x" * (LONGEST_TEXT + 1)}, {"response_text"}),
        ({**AUDIO, "duration_ms": -1}, {"duration_ms"}),
        ({**AUDIO, "duration_ms": True}, {"duration_ms"}),
        ({**AUDIO, "language": "english"}, {"language"}),
        ({**TYPED, "score": 100}, {"score"}),
        ({}, {"question_id", "type"}),
    ],
)
def test_what_does_not_belong_together_is_refused_by_name(
    give: Give, body: dict[str, Any], names: set[str], database: MongoDatabase, interview: Interview
) -> None:
    problem = assert_problem(give(body), 422)
    assert set(problem["errors"]["json"]) == names
    stored = database["interview_sessions"].find_one({"_id": interview.id})
    assert stored is not None
    assert stored["answers"] == {}


@pytest.mark.parametrize("body", [[], "text", None, 7])
def test_a_body_that_is_no_object_is_refused(give: Give, client: FlaskClient, interview: Interview, body: Any) -> None:
    reply = client.post(f"/api/sessions/{interview.id}/responses", json=body, headers=interview.candidate)
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize("text", ["$50 was my budget", "$answers", "$$NOW", "a\0b", "\u202eabc", "🤷🏽‍♀️" * 5000])
def test_a_text_is_read_back_as_it_was_typed(give: Give, read, text: str) -> None:
    assert give(response_text=text).status_code == 201
    assert read()["response_text"] == text


def test_the_longest_text_is_taken_however_it_is_escaped(give: Give) -> None:
    assert give(response_text="\U0001f937" * LONGEST_TEXT).status_code == 201


def test_a_question_that_is_not_asked_has_no_response(give: Give, client: FlaskClient, interview: Interview) -> None:
    assert_problem(give(question_id="q9"), 404, "no_such_question")
    path = f"/api/sessions/{interview.id}/responses"
    assert_problem(client.get(f"{path}/q9", headers=interview.candidate), 404, "no_such_question")
    assert_problem(client.get(f"{path}/q2", headers=interview.candidate), 404, "no_answer")


@pytest.mark.covers("E5-S2.3")
def test_an_upload_is_a_response_to_its_own_question_of_its_own_session_only(
    give: Give, sent, client: FlaskClient, interview: Interview, services: Services
) -> None:
    assert_problem(give({**sent, "question_id": "q2"}), 404, "no_such_upload")
    assert_problem(give({**sent, "object_key": "f" * 32}), 404, "no_such_upload")
    stranger = services.sessions.start(
        Caller("eve"),
        list(services.sessions.get(Caller("owner", "admin"), interview.id).questions),
        language=None,
        details={},
    )
    reply = client.post(
        f"/api/sessions/{stranger.session.id}/responses", json=sent, headers=bearer(stranger.link_token)
    )
    assert_problem(reply, 404, "no_such_upload")


@pytest.mark.covers("Q-idempotent")
def test_an_upload_that_is_used_twice_is_one_response(give: Give, sent, queue: RememberingQueue) -> None:
    assert give(sent).get_json() == give(sent).get_json()
    assert len(queue.sent) == 1


@pytest.mark.covers("Q-idempotent")
def test_one_key_has_one_effect(give: Give, database: MongoDatabase, interview: Interview) -> None:
    key = {"Idempotency-Key": "k1"}
    first, again = give(headers=key), give(headers=key)
    assert (again.status_code, again.get_data()) == (201, first.get_data())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(give(headers=key, response_text="other"), 422, "idempotency_key_reused")
    give(response_text="a later one")
    database["idempotency_keys"].delete_many({})
    assert give(headers=key).get_json() == first.get_json()
    found = database["interview_sessions"].find_one({"_id": interview.id})
    assert found is not None
    assert found["answers"]["q1"]["transcript"] == "a later one"


@pytest.mark.covers("E4-S2.3")
def test_a_typed_answer_stands_in_every_list_of_answers(give: Give, client: FlaskClient, interview: Interview) -> None:
    give()
    answer_of: dict[str, Callable[[Any], Any]] = {
        f"/api/transcription-status/{interview.id}/q1": lambda found: found,
        f"/api/transcription-status/{interview.id}": lambda found: found["answers"][0],
        f"/api/sessions/{interview.id}": lambda found: found["answers"][0],
    }
    for path, pick in answer_of.items():
        answer = pick(client.get(path, headers=interview.owner).get_json())
        assert (answer["status"], answer["transcript"], answer["kind"]) == ("completed", TYPED["response_text"], "text")
        assert (answer["can_retry"], answer["duration_seconds"], answer["needs_review"]) == (False, None, False)


@pytest.mark.covers("E4-S2.3")
def test_a_typed_answer_is_read_as_a_transcript_without_times(
    give: Give, client: FlaskClient, interview: Interview
) -> None:
    give()
    path = f"/api/sessions/{interview.id}/answers/q1/transcript"
    found = client.get(path, headers=interview.candidate).get_json()
    assert (found["text"], found["segments"], found["duration_seconds"]) == (TYPED["response_text"], [], None)
    assert client.get(f"{path}?format=txt", headers=interview.candidate).text == TYPED["response_text"]
    for kind in ("srt", "vtt"):
        assert_problem(client.get(f"{path}?format={kind}", headers=interview.candidate), 409, "no_times")


def test_a_typed_answer_is_in_the_export_as_text(give: Give, client: FlaskClient, interview: Interview) -> None:
    give()
    zipped = client.get(f"/api/sessions/{interview.id}/export", headers=interview.owner).get_data()
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert sorted(archive.namelist()) == ["session.json", "transcripts/q1.txt"]
        assert archive.read("transcripts/q1.txt").decode() == TYPED["response_text"]


def test_a_typed_answer_is_scored_without_its_pace(give: Give, client: FlaskClient, interview: Interview) -> None:
    give()
    report = client.post(f"/api/analyze/{interview.id}", headers=interview.owner).get_json()
    (answer,) = report["answers"]
    assert (report["scored_count"], answer["score"] is not None) == (1, True)
    assert "pace" not in {part["name"] for part in answer["feedback"]}


def test_a_typed_answer_is_neither_cancelled_nor_tried_again(
    give: Give, client: FlaskClient, interview: Interview, token: str
) -> None:
    answer_id = give().get_json()["answer_id"]
    for action in ("cancel", "retry"):
        reply = client.post(f"/api/admin/answers/{answer_id}/{action}", headers=bearer(token))
        assert_problem(reply, 409, "answer_completed")


@pytest.mark.covers("E3-S3.1")
def test_a_session_lists_its_responses_of_both_kinds_in_the_order_of_its_questions(
    give: Give, sent, client: FlaskClient, interview: Interview
) -> None:
    give(question_id="q2")
    give(sent)
    found = client.get(f"/api/sessions/{interview.id}/responses", headers=interview.candidate).get_json()
    kinds = [(each["question_id"], each["type"], each["status"]) for each in found["responses"]]
    assert kinds == [("q1", "audio_transcript", "queued"), ("q2", "text", "completed")]
    assert found["session_id"] == interview.id


def test_typing_takes_the_place_of_a_recording_and_recording_of_typing(
    give: Give, sent, hear, read, stores: Stores, interview: Interview
) -> None:
    give(sent)
    (ref_before,) = (AnswerRef(interview.id, "q1", stores.session(interview.id)["answers"]["q1"]["id"]),)
    give()
    assert (read()["type"], stores.files()) == ("text", 0)
    assert stores.session(interview.id)["answers"]["q1"]["id"] != ref_before.answer_id
    hear()
    assert read()["response_text"] == TYPED["response_text"]
    stores.check(interview.id)


class TestLowConfidence:
    """The scripted transcriber gives every word 0.9."""

    @pytest.fixture
    def settings(self):
        return settings_with(needs_review_below=0.95)

    @pytest.mark.covers("E4-S2.2")
    def test_a_transcript_is_flagged_until_somebody_has_edited_it(
        self, give: Give, read, sent, hear, client, interview
    ) -> None:
        give(sent)
        hear()
        before = read()
        assert (before["transcript"]["needs_review"], before["edited"]) == (True, False)
        edit(client, interview, "I led a team.")
        after = read()
        assert (after["transcript"]["needs_review"], after["edited"]) == (False, True)


class TestTooLong:
    @pytest.fixture
    def settings(self):
        return settings_with(max_answer_seconds=1)

    @pytest.mark.covers("E5-S2.2")
    def test_a_recording_that_is_longer_than_an_answer_may_be_is_not_heard(
        self, upload, read, hear, transcriber: ScriptedTranscriber
    ) -> None:
        """Whatever was said of its duration: the recording itself is measured."""
        assert upload(form={**audio(wav_of(4.0)), "duration_ms": "500"}).status_code == 202
        hear()
        told = read()
        assert (told["state"], told["error"]["code"]) == ("failed", "too_long")
        assert transcriber.heard == []


class TestWithoutRecordings:
    @pytest.fixture
    def settings(self):
        return settings_with(feature_flags={"audio_answers": 0})

    @pytest.mark.covers("E7-S3.3")
    def test_where_recordings_are_not_rolled_out_an_interview_is_typed(self, give: Give) -> None:
        assert_problem(give(AUDIO), 403, "audio_not_enabled")
        assert give().status_code == 201


class TestWithoutConsent:
    @pytest.fixture
    def settings(self):
        return settings_with(require_consent=True)

    @pytest.mark.covers("Q-consent")
    def test_where_nobody_has_consented_no_upload_becomes_a_response(self, give: Give) -> None:
        assert_problem(give(AUDIO), 403, "consent_required")
        assert give().status_code == 201


class TestWithoutRoom:
    """What there is no room for are recordings: a text is taken all the same."""

    @pytest.fixture
    def settings(self):
        return settings_with(max_open_answers_per_owner=1, daily_bytes_per_owner=1_000_000)

    def test_a_full_queue_refuses_recordings_and_no_texts(self, give: Give, sent, upload) -> None:
        upload(question_id="q2", form=audio())
        problem = assert_problem(give(sent), 429, "too_many_open_answers")
        assert problem["retryable"]
        assert give().status_code == 201
