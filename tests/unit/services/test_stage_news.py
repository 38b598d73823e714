"""What a listener to stages is told, by any order of events and from any point in it."""

from hypothesis import given
from hypothesis import strategies as st

from services.answer_status import AnswerStatus
from services.mentor import mentor_status_of
from services.models import Status
from services.stage_news import StageChanged, StageNews
from services.subscription import AnswerChanged, Event, Snapshot

QUESTIONS = [f"q{number}" for number in range(1, 13)]
TAKES = ["0a9c41deadbeef0123456789", "f" * 24, "0" * 24]


def answer_of(question_id: str, status: Status, take: str = TAKES[0]) -> AnswerStatus:
    error = {"code": "bad_audio", "message": "m"} if status is Status.FAILED else None
    return AnswerStatus(question_id, take, status, error=error)


def heard(events: list[Event], last_event_id: str | None = None) -> list[StageChanged]:
    news = StageNews(QUESTIONS, last_event_id)
    return [each for event in events for each in news.of(event)]


def told(found: list[StageChanged]) -> list[tuple[int, str]]:
    return [(each.stage_id, str(each.status)) for each in found]


def test_work_that_goes_on_is_no_news():
    waiting, working = (answer_of("q2", status) for status in (Status.QUEUED, Status.PROCESSING))
    found = heard([Snapshot(1, [waiting]), AnswerChanged(2, working), AnswerChanged(3, waiting)])
    assert told(found) == [(2, "pending")]


def test_stages_are_told_in_their_order_whatever_the_order_of_the_answers():
    answers = [answer_of(question_id, Status.COMPLETED) for question_id in ("q11", "q2", "q1")]
    assert told(heard([Snapshot(7, answers)])) == [(1, "transcribed"), (2, "transcribed"), (11, "transcribed")]


def test_a_failure_is_news_of_a_pending_stage_and_its_retry_too():
    states = (Status.QUEUED, Status.FAILED, Status.QUEUED, Status.CANCELLED)
    found = heard([AnswerChanged(seq, answer_of("q1", status)) for seq, status in enumerate(states)])
    assert told(found) == [(1, "pending")] * 4


def test_submitting_is_news_of_every_transcript_only():
    answers = [answer_of("q1", Status.COMPLETED), answer_of("q2", Status.QUEUED)]
    later = AnswerChanged(3, answer_of("q2", Status.COMPLETED))
    found = heard([Snapshot(1, answers), Snapshot(2, answers, is_submitted=True), later])
    assert told(found) == [(1, "transcribed"), (2, "pending"), (1, "submitted"), (2, "submitted")]


ANSWERS = st.builds(answer_of, st.sampled_from(QUESTIONS), st.sampled_from(Status), st.sampled_from(TAKES))


@given(st.lists(ANSWERS, max_size=30), st.data())
def test_whoever_comes_back_at_any_point_hears_the_rest_and_nothing_twice(answers: list[AnswerStatus], data):
    """Cut after any message, and back when everything has happened: the difference, once, in a snapshot."""
    events: list[Event] = [AnswerChanged(seq, answer) for seq, answer in enumerate(answers)]
    found = heard(events)
    latest = {each.question_id: each for each in answers}
    now = Snapshot(len(answers), list(latest.values()))
    heard_until = data.draw(st.integers(0, len(found)))
    before, last_id = found[:heard_until], found[heard_until - 1].event_id if heard_until else None

    after = heard([now], last_id)

    known = {each.stage_id: each for each in before} | {each.stage_id: each for each in after}
    assert {QUESTIONS[stage_id - 1]: each.status for stage_id, each in known.items()} == {
        each.question_id: mentor_status_of(each, is_submitted=False) for each in latest.values()
    }
    assert len({each.stage_id for each in after}) == len(after)
    assert heard([now], after[-1].event_id if after else last_id) == []
