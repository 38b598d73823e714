"""What the demo prints at the end: what was said and what was heard, the times and the scores."""

import textwrap
from collections.abc import Iterator
from typing import Any

from scripts.demo_board import Standing
from scripts.demo_display import as_seconds
from scripts.demo_interview import DemoQuestion, Interview, word_error_rate

WIDTH = 100
INDENT = 13
MOST_DOUBTS = 3
DEMO_MODEL = """\
!!  This was the bundled DEMO MODEL. It was trained on synthetic speech with a few hundred words, which these
!!  recordings were made for, and understands hardly anything else. It says nothing about real people's speech:
!!  set WHISPER_MODEL, e.g. WHISPER_MODEL=openai/whisper-base make run"""


def report(interview: Interview, standings: dict[str, Standing], analysis: dict[str, Any]) -> Iterator[str]:
    """The lines, answer by answer, with the whole interview's at the end."""
    answers = {answer["question_id"]: answer for answer in analysis["answers"]}
    for question in interview.questions:
        yield from _answer(question, standings[question.id], answers.get(question.id))
    heard = " ".join((answers.get(each.id) or {}).get("transcript") or "" for each in interview.questions)
    expected = " ".join(each.transcript for each in interview.questions)
    completed = sum(answer["status"] == "completed" for answer in answers.values())
    yield "─" * WIDTH
    yield f"{completed} of {len(interview.questions)} answers were transcribed."
    yield f"Word error rate over all of them: {word_error_rate(expected, heard):.1%}"
    yield f"Final score: {analysis['final_score']} of 100 ({analysis['scored_count']} answers scored)"
    if any(answer.get("demo_model") for answer in answers.values()):
        yield ""
        yield DEMO_MODEL


def _answer(question: DemoQuestion, standing: Standing, answer: dict[str, Any] | None) -> Iterator[str]:
    yield "─" * WIDTH
    yield f"{question.id}: {question.asked['prompt']}"
    if answer is None or answer["status"] != "completed":
        yield _labelled("not heard", standing.error or (answer["status"] if answer else "no answer arrived"))
        return
    yield _labelled("said", question.transcript)
    yield _labelled("heard", answer["transcript"] or "(no speech)")
    rate = word_error_rate(question.transcript, answer["transcript"] or "")
    yield _labelled("error rate", f"{rate:.1%} of the words")
    yield from (_labelled("certainty", text) for text in _certainty(answer))
    yield _labelled("times", _times(standing, answer))
    yield _labelled("score", f"{answer['score']} of 100")
    for part in answer.get("feedback") or []:
        yield _labelled("", f"{part['name']} {part['score']:.0f}: {part['comment']}")


def _certainty(answer: dict[str, Any]) -> Iterator[str]:
    """What the service itself says of its text, which knows no better one."""
    if answer.get("confidence") is not None:
        doubts = answer.get("low_confidence") or []
        again = ", ".join(f"“{each['text']}” ({each['start']:.1f} s)" for each in doubts[:MOST_DOUBTS])
        more = f" and {len(doubts) - MOST_DOUBTS} more" if len(doubts) > MOST_DOUBTS else ""
        asked = "please review; " if answer.get("needs_review") else ""
        yield f"{asked}{answer['confidence']:.0%} sure{f'; to listen to again: {again}{more}' if again else ''}"
    yield from (gap["text"] for gap in answer.get("gaps") or [])


def _times(standing: Standing, answer: dict[str, Any]) -> str:
    upload, queue, transcribe = map(
        as_seconds, (standing.upload_seconds, standing.queue_seconds, standing.transcribe_seconds)
    )
    return f"{answer['duration_seconds']:.1f} s of audio: upload {upload}, queue {queue}, transcription {transcribe}"


def _labelled(label: str, text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=f"  {label:<{INDENT - 2}}", subsequent_indent=" " * INDENT, break_on_hyphens=False
    )
