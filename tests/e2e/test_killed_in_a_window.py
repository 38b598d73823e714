"""Real processes with the real model, killed while they hear: what was heard before is not heard again."""

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from config import ROOT
from scripts.encoding import FLAC, encode
from services.models import AnswerRef
from tests.recordings import silence, speech
from tests.stores import Stores

pytestmark = pytest.mark.e2e

WINDOWS = 10
KILLED_IN = 7
LIFE_SECONDS = 120


@dataclass
class Lives:
    """The processes that one after the other hear an answer, and what they wrote down."""

    stores: Stores
    uri: str
    ref: AnswerRef
    file: Path
    counted: Counter[str] = field(default_factory=Counter)

    def live(self) -> None:
        """To the end."""
        assert subprocess.run(self._command(), cwd=ROOT, timeout=LIFE_SECONDS, check=False).returncode == 0
        self.counted = Counter(self.file.read_text().split())

    def die_in(self, number: int) -> None:
        """Killed in the so manieth window that this life hears; its lease then runs out."""
        with subprocess.Popen(self._command(number), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert "now" in (line.strip() for line in process.stdout)
            process.kill()
        self.stores.age_lease(self.ref)

    def _command(self, *more: int) -> list[str]:
        place = (self.uri, self.stores.database.name, self.ref.session_id, self.ref.answer_id, str(self.file))
        return [sys.executable, "-m", "tests.e2e.listening_worker", *place, *map(str, more)]


@pytest.fixture
def lives(stores: Stores, mongodb_uri: str, tmp_path: Path) -> Lives:
    """For a recording of ten windows: ten times the same words, with pauses that are not heard."""
    recording = encode(np.tile(np.concatenate([speech()[: 16_000 * 5], silence(3.0)]), WINDOWS), FLAC)
    ref = AnswerRef(stores.start("q1"), "q1", "a" * 24)
    stores.acceptance.accept(ref, stores.uploaded(ref, recording))
    return Lives(stores, mongodb_uri, ref, tmp_path / "heard")


@pytest.mark.covers("Q-checkpoints")
@pytest.mark.timeout(3 * LIFE_SECONDS)
def test_a_worker_killed_in_the_seventh_of_ten_windows_costs_that_window_and_no_other(lives: Lives, stores: Stores):
    lives.die_in(KILLED_IN)
    before = stores.answer(lives.ref)
    assert (before["progress"]["windows_done"], before["progress"]["windows_total"]) == (KILLED_IN - 1, WINDOWS)
    lives.live()
    assert lives.counted.pop("plan") == 1
    assert [lives.counted[start] for start in sorted(lives.counted, key=float)] == [1] * 6 + [2] + [1] * 3
    answer = stores.answer(lives.ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("completed", 2, 1)
    said = [before["partial_texts"][str(index)] for index in range(KILLED_IN - 1)]
    assert answer["transcript"].startswith(" ".join(said))
    assert answer["gaps"] == []
    stores.check(lives.ref.session_id)


@pytest.mark.timeout(4 * LIFE_SECONDS)
def test_a_window_that_its_workers_do_not_survive_is_a_gap_and_the_rest_is_heard(lives: Lives, stores: Stores):
    lives.die_in(KILLED_IN)
    # Where one worker ended the next one comes last: after the eighth, ninth and tenth.
    lives.die_in(WINDOWS - KILLED_IN + 1)
    lives.live()
    assert lives.counted.pop("plan") == 1
    assert [lives.counted[start] for start in sorted(lives.counted, key=float)] == [1] * 6 + [2] + [1] * 3
    answer = stores.answer(lives.ref)
    assert (answer["transcription_status"], answer["crashes"], answer["needs_review"]) == ("completed", 2, True)
    (gap,) = answer["gaps"]
    assert gap["code"] == "crashed"
    # Where the seventh was said, with at most the half of a pause on each side.
    begin, end = 8.0 * (KILLED_IN - 1), 8.0 * (KILLED_IN - 1) + 5.0
    assert begin - 1.6 <= gap["start"] < begin + 1.5 < end - 1.5 < gap["end"] <= end + 1.6
    stores.check(lives.ref.session_id)
