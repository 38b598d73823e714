import io

import pytest
from rich.console import Console

from scripts.demo_board import Board, Standing
from scripts.demo_display import Display
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


def test_the_board_and_its_lines_show_the_text_as_it_grows_and_how_sure_it_is():
    said = io.StringIO()
    board = Board(["q1"], Display(Console(file=said, width=200)).changed)
    heard = {"type": "answer", "question_id": "q1", "error": None}
    so_far = "i led a team of five people in graz and we had to finish the new service before"
    board._hear({**heard, "status": "processing", "progress": {"percent": 50}, "partial_transcript": so_far})
    done = {"transcript": f"{so_far} long", "confidence": 0.524, "needs_review": True, "partial_transcript": None}
    board._hear({**heard, "status": "completed", "progress": None, **done})
    assert said.getvalue().splitlines() == [
        "  q1: processing 50 %, so far: \u2026 of five people in graz and we had to finish the new service before",
        "  q1: completed, 19 words, 52% sure, please review",
    ]


def test_the_report_says_how_sure_a_text_is_and_what_to_listen_to_again():
    interview = read_interview()
    answers = [_completed(question.id, question.transcript) for question in interview.questions]
    doubts = [{"text": word, "start": float(place)} for place, word in enumerate(["uno", "due", "tre", "quattro"])]
    answers[0] |= {"confidence": 0.41, "needs_review": True, "low_confidence": doubts, "gaps": [{"text": "[a gap]"}]}
    standings = {question.id: Standing(question.id, "completed", 100, 0.1) for question in interview.questions}
    lines = " ".join(
        " ".join(report(interview, standings, {"final_score": 1, "scored_count": 5, "answers": answers})).split()
    )
    assert (
        "please review; 41% sure; to listen to again: “uno” (0.0 s), “due” (1.0 s), “tre” (2.0 s) and 1 more" in lines
    )
    assert "[a gap]" in lines
    assert lines.count("certainty") == 2


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
