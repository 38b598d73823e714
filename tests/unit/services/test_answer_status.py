from datetime import UTC, datetime

import pytest

from services.answer_status import AnswerStatus, in_short, status_of, statuses_of
from services.models import Question, Session, Status


@pytest.mark.parametrize(
    ("declared_ms", "seconds", "is_incomplete"),
    [
        (10_000, 10.0, False),
        (10_000, 9.1, False),  # less than a second
        (10_000, 8.9, True),
        (100_000, 96.0, False),  # less than 5 %
        (100_000, 94.9, True),
        (10_000, 600.0, False),
        (0, 0.1, False),
        (None, 10.0, None),
        (10_000, None, None),
    ],
)
def test_a_recording_is_incomplete_when_clearly_less_was_heard_than_declared(declared_ms, seconds, is_incomplete):
    answer = AnswerStatus("q1", "a", Status.COMPLETED, duration_seconds=seconds, declared_duration_ms=declared_ms)
    assert answer.recording_incomplete is is_incomplete


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("has_recording", [True, False])
def test_only_what_ended_without_a_transcript_and_has_its_recording_can_be_retried(status, has_recording):
    answer = AnswerStatus("q1", "a", status, has_recording=has_recording)
    assert answer.can_retry is (has_recording and status in (Status.FAILED, Status.CANCELLED))


@pytest.mark.parametrize("needs_review", [True, False, None])
def test_who_has_edited_a_text_has_reviewed_it(needs_review):
    heard = {"id": "a", "transcription_status": "completed", "needs_review": needs_review}
    assert status_of("q1", heard).needs_review is needs_review
    assert status_of("q1", {**heard, "edited_at": "2026-01-01"}).needs_review is False


def test_lists_tell_the_end_of_a_long_text_so_far_and_the_one_status_all_of_it():
    texts = {str(number): f"words of window {number:03}" for number in range(250)}
    heard = {"id": "a", "transcription_status": "processing", "partial_texts": texts}
    whole = status_of("q1", heard)
    (listed,) = statuses_of(Session("s", "owner", (Question("q1", "And?"),), {"q1": heard}, 0, datetime.now(UTC)))
    assert whole.partial_transcript is not None
    assert len(whole.partial_transcript) > 4_000
    assert listed.partial_transcript == whole.partial_transcript[-2_000:]
    assert in_short(listed) is listed
