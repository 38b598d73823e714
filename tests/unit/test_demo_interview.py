"""The demo interview's material: what `make demo` sends and what it should hear."""

import json
import re
from pathlib import Path

import jiwer
import pytest

from config import ROOT
from services.audio.signature import container_of
from services.audio.sound import Sound
from services.models import Hints
from services.transcribers.hub import missing_files
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import DEMO_DIRECTORY, choose_model
from tests.conftest import missing_server

DEMO = ROOT / "demo"
QUESTIONS = {question["id"]: question for question in json.loads((DEMO / "interview.json").read_text())["questions"]}
LONG = "proud-project"


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def recording(question_id: str) -> Path:
    return DEMO / str(QUESTIONS[question_id]["recording"])


@pytest.fixture(scope="module")
def demo_whisper():
    if missing_files(DEMO_DIRECTORY):
        missing_server("the demo model is not in this checkout")
    return load_whisper(choose_model("demo", None, "cpu"))


def test_the_interview_has_five_questions_that_the_api_would_take():
    assert len(QUESTIONS) == 5
    for question_id, question in QUESTIONS.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", question_id)
        assert question["prompt"]
        assert question["model_answer"]
        assert question["key_points"]


def test_every_word_that_is_spoken_is_one_the_demo_model_knows():
    vocabulary = set((DEMO / "model" / "vocabulary.txt").read_text().split())
    for question in QUESTIONS.values():
        assert set(words(question["transcript"])) <= vocabulary


def test_the_recordings_are_of_every_kind_and_small():
    contents = [recording(question_id).read_bytes() for question_id in QUESTIONS]
    containers = {container_of(content) for content in contents}
    assert containers == {"audio/webm", "audio/ogg", "audio/mp4", "audio/mpeg", "audio/wav"}
    assert sum(map(len, contents)) < 2_000_000


def sound_of(question_id: str) -> Sound:
    return Sound(recording(question_id).read_bytes(), max_seconds=600, on_wait=lambda: None)


def test_one_recording_takes_three_windows(demo_whisper):
    assert len(demo_whisper.plan(sound_of(LONG), lambda: None, {}).windows) >= 3


@pytest.mark.parametrize("question_id", QUESTIONS)
def test_the_demo_model_hears_what_was_said(demo_whisper, question_id):
    sound = sound_of(question_id)
    windows = sound.windows(demo_whisper.plan(sound, lambda: None, {}))
    said = [demo_whisper.hear(window, Hints(language="en"), lambda: None).segments for _, window in windows]
    text = " ".join(segment.text for segments in said for segment in segments)
    expected, heard = (" ".join(words(each)) for each in (QUESTIONS[question_id]["transcript"], text))
    assert jiwer.wer(expected, heard) <= 0.15
