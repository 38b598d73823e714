import json
import re
import shutil

import pytest

from config import ROOT
from scripts.demo_model.voices import HELD_OUT_VOICES, TRAINING_VOICES
from scripts.quality.__main__ import MEASUREMENTS, main
from scripts.quality.certainty import CALIBRATION
from scripts.quality.pictures import histogram
from scripts.quality.sentences import VALIDATION_VOICES

needs_speech = pytest.mark.skipif(
    None in (shutil.which("espeak-ng"), shutil.which("ffmpeg")), reason="needs espeak-ng and ffmpeg"
)


@needs_speech
@pytest.mark.covers("Q-benchmark")
def test_a_few_sentences_go_the_whole_way_to_a_page_with_pictures(tmp_path, capsys):
    chosen = [name for name in MEASUREMENTS if name not in ("silence", "costs")]

    code = main(["--quick", "--sentences", "4", "--output", str(tmp_path), "--only", *chosen])

    printed = capsys.readouterr().out
    assert code == (1 if "MISSED" in printed else 0)
    page = (tmp_path / "quality.md").read_text()
    assert page.count("\n## ") == len(chosen) + 2
    assert "4 held-out sentences" in page
    pictures = re.findall(r"\]\((pictures/[^)]+\.svg)\)", page)
    assert len(pictures) == 2
    assert all((tmp_path / picture).read_text().startswith("<svg") for picture in pictures)
    assert _measured(page, "word start, median error") < 150


@needs_speech
def test_a_missed_bar_is_an_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("scripts.quality.words.MEDIAN_BAR_MS", 0.0)

    assert main(["--sentences", "1", "--only", "words"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_no_voice_of_the_validation_was_trained_or_is_tested():
    assert not {*VALIDATION_VOICES} & {*HELD_OUT_VOICES, *TRAINING_VOICES}


def test_the_demo_model_says_how_its_temperature_was_fitted():
    calibration = json.loads((ROOT / "demo" / "model" / CALIBRATION).read_text())

    assert 0.5 < calibration["temperature"] < 2
    assert "neither" in calibration["fitted"]


def test_what_is_too_far_off_for_a_picture_is_in_its_last_step():
    picture = histogram([-9999.0, 0.0, 9999.0], "ms", "words", 20.0)

    assert len(re.findall(r'<rect class="after"[^>]* height="3\d\d\.0"', picture)) == 3
    assert picture == histogram([-9999.0, 0.0, 9999.0], "ms", "words", 20.0)


def _measured(page: str, name: str) -> float:
    row = next(line for line in page.splitlines() if line.startswith(f"| {name}"))
    return float(row.split("|")[2].split()[0])


def test_what_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.setattr("scripts.quality.__main__.shutil.which", lambda name: None if name == "ffmpeg" else name)

    assert main(["--quick"]) == 2
    assert "with ffmpeg: please install it" in capsys.readouterr().err
