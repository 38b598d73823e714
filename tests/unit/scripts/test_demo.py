import pytest

from scripts.demo_board import Board, Standing
from scripts.demo_interview import read_interview, word_error_rate
from scripts.demo_report import report

FEEDBACK = [{"name": "pace", "score": 80.0, "weight": 1.0, "comment": "You spoke at a good pace."}]


@pytest.mark.parametrize(
    ("expected", "heard", "rate"),
    [
        ("we moved it. we tested it", "We moved it; we tested it!", 0.0),
        ("we moved it", "we removed it", 1 / 3),
        ("we moved it", "", 1.0),
        ("we moved it", "we moved it all", 1 / 3),
    ],
)
def test_words_count_and_their_punctuation_does_not(expected, heard, rate):
    assert word_error_rate(expected, heard) == pytest.approx(rate)


def test_the_board_knows_how_long_an_answer_waited_and_was_worked_on():
    changes = []
    board = Board(["q1", "q2"], lambda standing: changes.append((standing.question_id, standing.status)))
    board.uploaded("q1", 0.02)
    for status in ("queued", "processing", "completed"):
        board._hear({"type": "answer", "question_id": "q1", "status": status, "progress": None, "error": None})
    standing = board.standings["q1"]
    assert changes == [("q1", "queued"), ("q1", "processing"), ("q1", "completed")]
    assert standing.percent == 100
    assert standing.queue_seconds is not None
    assert standing.transcribe_seconds is not None
    assert board.standings["q2"].status == "recorded"


def test_the_report_sets_what_was_heard_beside_what_was_said():
    interview = read_interview()
    answers = [_completed(question.id, question.transcript) for question in interview.questions]
    standings = {question.id: Standing(question.id, "completed", 100, 0.1) for question in interview.questions}
    analysis = {"final_score": 80.0, "scored_count": 5, "answers": answers}
    lines = "\n".join(report(interview, standings, analysis))
    assert "5 of 5 answers were transcribed." in lines
    assert "Word error rate over all of them: 0.0%" in lines
    assert lines.count("You spoke at a good pace.") == 5
    assert "DEMO MODEL" in lines


def test_the_report_says_why_an_answer_was_not_heard():
    interview = read_interview()
    first, second = (question.id for question in interview.questions[:2])
    standings = {question.id: Standing(question.id) for question in interview.questions}
    standings[first] = Standing(first, "failed", error="The recording is damaged.")
    answers = [{"question_id": first, "status": "failed", "transcript": None}, _completed(second, "yes")]
    lines = "\n".join(report(interview, standings, {"final_score": 1.0, "scored_count": 1, "answers": answers}))
    assert "1 of 5 answers were transcribed." in lines
    assert "The recording is damaged." in lines


def _completed(question_id: str, transcript: str) -> dict[str, object]:
    return {
        "question_id": question_id,
        "status": "completed",
        "transcript": transcript,
        "duration_seconds": 3.0,
        "score": 80.0,
        "feedback": FEEDBACK,
        "demo_model": True,
    }
