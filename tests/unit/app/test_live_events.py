"""A change is rendered once for all of its listeners, and never as another change."""

import json
from dataclasses import replace

import pytest

from app import live_events
from app.live_events import REMEMBERED_CHANGES, RecentChanges
from services.answer_status import AnswerStatus
from services.models import Status
from services.subscription import AnswerChanged

QUEUED = AnswerStatus("q1", "a1", Status.QUEUED)


@pytest.fixture
def dumped(monkeypatch: pytest.MonkeyPatch) -> list[AnswerStatus]:
    """What was rendered."""
    found: list[AnswerStatus] = []
    dump = live_events._ANSWER.dump

    def counting(answer: AnswerStatus) -> object:
        found.append(answer)
        return dump(answer)

    monkeypatch.setattr(live_events._ANSWER, "dump", counting)
    return found


def test_fifty_listeners_cost_one_rendering(dumped: list[AnswerStatus]) -> None:
    recent = RecentChanges()
    texts = {recent.rendered("s", AnswerChanged(1, replace(QUEUED))) for _ in range(50)}
    (text,) = texts
    assert (json.loads(text)["seq"], json.loads(text)["status"]) == (1, "queued")
    assert len(dumped) == 1


def test_another_change_session_or_content_is_rendered_anew() -> None:
    recent = RecentChanges()
    spoken = replace(QUEUED, status=Status.COMPLETED, transcript="hello")
    for session_id, seq, answer in (("s", 1, QUEUED), ("t", 1, spoken), ("s", 2, spoken), ("s", 1, spoken)):
        told = json.loads(recent.rendered(session_id, AnswerChanged(seq, answer)))
        assert (told["seq"], told.get("transcript")) == (seq, answer.transcript)


def test_only_the_changes_of_a_moment_are_kept(dumped: list[AnswerStatus]) -> None:
    recent = RecentChanges()
    for seq in range(10 * REMEMBERED_CHANGES):
        recent.rendered("s", AnswerChanged(seq, QUEUED))
    assert len(recent._texts) == REMEMBERED_CHANGES


def test_a_message_has_the_end_of_a_long_text_so_far() -> None:
    """With each window of two hours all of it would be 20 MB in all, to each listener."""
    heard = replace(QUEUED, status=Status.PROCESSING, partial_transcript="x" * 100_000 + "the end")
    told = json.loads(RecentChanges().rendered("s", AnswerChanged(1, heard)))
    assert len(told["partial_transcript"]) == 2_000
    assert told["partial_transcript"].endswith("the end")
