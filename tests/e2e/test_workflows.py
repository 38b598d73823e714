"""Interviews from the first answer to the feedback, as their clients drive them: typed, spoken, and both in one."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.conftest import Spoken
from tests.e2e.product import Product
from tests.e2e.stored import Stored, has_no_audio, place_for_a_product
from tests.processes import wait_until

pytestmark = pytest.mark.e2e

# Hearing two minutes on a busy machine.
PATIENCE_SECONDS = 120
QUESTIONS = [
    {"id": "q1", "prompt": "Whom did you lead?", "key_points": ["a small team"]},
    {"id": "q2", "prompt": "And what did you learn?"},
]
TYPED = "I led a small team of four people, and we moved the whole service in one weekend."

EDITED = "Nobody at all."


@dataclass(frozen=True)
class Workflow:
    """One interview by the routes of responses and feedback."""

    client: httpx.Client
    path: str

    def type(self, question_id: str, text: str) -> dict[str, Any]:
        body = {"question_id": question_id, "type": "text", "response_text": text}
        reply = self.client.post(f"{self.path}/responses", json=body)
        assert reply.status_code == 201, reply.text
        told: dict[str, Any] = reply.json()
        return told

    def speak(self, question_id: str, recording: Spoken) -> None:
        """Ask for an address, send the recording there, make it the response."""
        content_type = "audio/webm" if recording.name.endswith("webm") else "audio/wav"
        intent = {
            "session_id": self.path.rpartition("/")[2],
            "question_id": question_id,
            "content_type": content_type,
            "bytes": len(recording.content),
            "sha256": sha256(recording.content).hexdigest(),
        }
        signed = self.client.post("/api/uploads/audio/presign", json=intent).raise_for_status().json()
        url = urlsplit(signed["url"])
        headers = {"Content-Type": content_type}
        target = f"{self.client.base_url.copy_with(path='/')}{url.path[1:]}?{url.query}"
        # As a browser that has nothing but the address.
        httpx.put(target, content=recording.content, headers=headers, trust_env=False).raise_for_status()
        body = {"question_id": question_id, "type": "audio_transcript", "object_key": signed["object_key"]}
        reply = self.client.post(f"{self.path}/responses", json=body)
        assert reply.status_code == 202, reply.text

    def responses(self) -> dict[str, dict[str, Any]]:
        found = self.client.get(f"{self.path}/responses").raise_for_status().json()
        return {each["question_id"]: each for each in found["responses"]}

    def complete(self) -> dict[str, Any]:
        reply = self.client.post(f"{self.path}/complete")
        assert reply.status_code == 202, reply.text
        told: dict[str, Any] = reply.json()
        return told

    def feedback(self) -> dict[str, Any]:
        """The report once it is there."""
        wait_until(self._has_feedback, PATIENCE_SECONDS)
        report: dict[str, Any] = self.client.get(f"{self.path}/feedback").raise_for_status().json()
        return report

    def _has_feedback(self) -> bool:
        status = self.client.get(f"{self.path}/feedback-status").raise_for_status().json()["status"]
        assert status != "failed"
        return bool(status == "completed")


@dataclass(frozen=True)
class Running:
    client: httpx.Client
    stored: Stored

    def start(self) -> Workflow:
        reply = self.client.post("/api/sessions", json={"language": "en", "questions": QUESTIONS}).raise_for_status()
        return Workflow(self.client, f"/api/sessions/{reply.json()['id']}")


@pytest.fixture(scope="module")
def running(tmp_path_factory, demo_model) -> Iterator[Running]:
    """The product as `make run` starts it, with the demo model and its worker."""
    data_dir = tmp_path_factory.mktemp("workflows") / "var"
    with (
        place_for_a_product() as place,
        Product(data_dir, **place.settings, WHISPER_MODEL=demo_model) as product,
        product.wait_until_ready() as client,
    ):
        yield Running(client, place.stored)


def scored(report: dict[str, Any]) -> dict[str, float]:
    return {each["question_id"]: each["score"] for each in report["answers"] if each["score"] is not None}


@pytest.mark.covers("E7-S2.1")
def test_a_typed_interview_completes_and_its_feedback_is_there(running: Running) -> None:
    interview = running.start()
    assert interview.type("q1", TYPED)["state"] == "ready"
    interview.type("q2", "To ask before I decide. $50 was well spent.")
    interview.complete()
    report = interview.feedback()
    assert (report["scored_count"], report["failed_count"], report["unanswered_count"]) == (2, 0, 0)
    assert scored(report).keys() == {"q1", "q2"}
    assert {each["type"] for each in interview.responses().values()} == {"text"}


@pytest.mark.covers("E7-S2.2", "E4-S2.1", "E3-S2.1")
def test_a_spoken_interview_completes_with_its_transcript_and_its_feedback(
    running: Running, spoken: dict[str, Spoken]
) -> None:
    interview = running.start()
    interview.speak("q1", spoken[".wav"])
    waiting = interview.complete()
    assert waiting["status"] in ("queued", "processing", "completed")
    report = interview.feedback()
    assert (report["scored_count"], report["unanswered_count"]) == (1, 1)
    response = interview.responses()["q1"]
    assert (response["type"], response["state"]) == ("audio_transcript", "ready")
    assert spoken[".wav"].error_rate(response["response_text"]) < 0.15
    assert response["audio"]["sha256"] == sha256(spoken[".wav"].content).hexdigest()
    assert 0 < response["transcript"]["confidence"] <= 1
    assert response["transcript"]["duration_seconds"] > 1
    wait_until(lambda: has_no_audio(running.stored))


@pytest.mark.covers("E7-S2.3", "E4-S3.2")
def test_one_interview_takes_both_kinds_and_what_was_edited_is_scored(
    running: Running, spoken: dict[str, Spoken]
) -> None:
    interview = running.start()
    interview.speak("q1", spoken[".webm"])
    interview.type("q2", TYPED)
    interview.complete()
    report = interview.feedback()
    assert report["scored_count"] == 2
    responses = interview.responses()
    assert [each["type"] for each in responses.values()] == ["audio_transcript", "text"]
    assert spoken[".webm"].error_rate(responses["q1"]["response_text"]) < 0.15
    edit = running.client.put(
        f"{interview.path}/answers/q1/transcript", json={"text": EDITED}, headers={"If-Match": "*"}
    )
    assert edit.status_code == 200
    again = running.client.post(f"/api/analyze/{interview.path.rpartition('/')[2]}")
    assert again.status_code == 200
    assert interview.responses()["q1"]["response_text"] == EDITED
    assert scored(interview.feedback())["q1"] < scored(report)["q1"]


def test_typing_while_the_recording_is_heard_leaves_the_typed_text(running: Running, spoken: dict[str, Spoken]) -> None:
    interview = running.start()
    interview.speak("q1", spoken[".webm"])
    wait_until(lambda: interview.responses()["q1"]["status"] == "processing", PATIENCE_SECONDS)
    answer_id = interview.type("q1", TYPED)["answer_id"]
    # The worker is free again once it has noticed.
    interview.speak("q2", spoken[".wav"])
    wait_until(lambda: interview.responses()["q2"]["state"] == "ready", PATIENCE_SECONDS)
    told = interview.responses()["q1"]
    assert (told["answer_id"], told["type"], told["response_text"]) == (answer_id, "text", TYPED)
    wait_until(lambda: has_no_audio(running.stored))
    left = running.stored["transcripts"].distinct("answer_id", {"session_id": interview.path.rpartition("/")[2]})
    assert len([each for each in left if each == answer_id]) == 1


def test_a_worker_of_somebody_else_takes_an_answer_from_ours(running: Running, spoken: dict[str, Spoken]) -> None:
    body = {"owner_id": "owner", "name": "gpu 1"}
    key = running.client.post("/api/admin/worker-keys", json=body).raise_for_status().json()["key"]
    interview = running.start()
    interview.speak("q1", spoken[".webm"])
    with httpx.Client(
        base_url=running.client.base_url, headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ) as worker:
        answer_id = interview.responses()["q1"]["answer_id"]
        audio = worker.get(f"/api/worker/answers/{answer_id}/audio").raise_for_status()
        assert audio.content == spoken[".webm"].content
        heard = {"text": spoken[".webm"].transcript, "whisper_model": "large-v3"}
        worker.put(f"/api/worker/answers/{answer_id}/transcript", json=heard).raise_for_status()
        assert worker.get(interview.path).status_code == 403
    told = interview.responses()["q1"]
    assert (told["response_text"], told["transcript"]["whisper_model"]) == (heard["text"], "large-v3")
    interview.complete()
    assert scored(interview.feedback()).keys() == {"q1"}
    wait_until(lambda: has_no_audio(running.stored))
