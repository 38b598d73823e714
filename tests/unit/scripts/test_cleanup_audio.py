import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from config import ROOT
from scripts.cleanup_audio import main
from services.models import AnswerRef
from tests.factories import recording_of
from tests.stores import Stores


@pytest.fixture
def clean(stores: Stores, mongodb_uri: str):
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": stores.database.name} | variables
        command = [sys.executable, "-m", "scripts.cleanup_audio", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def old_orphan(stores: Stores) -> str:
    file_id = stores.audio.save(recording_of(b"RIFF" * 25), AnswerRef("s", "q", "gone"), "owner")
    past = datetime.now(UTC) - timedelta(days=2)
    stores.database["fs.files"].update_many({}, {"$set": {"metadata.status_at": past}})
    return file_id


@pytest.mark.covers("I-cleanup", "C-cron")
def test_it_removes_what_nothing_refers_to_and_says_what_it_did(clean, stores: Stores):
    kept = stores.accept(stores.start("q1"))
    removed = old_orphan(stores)
    dry = clean("--dry-run")
    assert dry.stdout.splitlines()[-1] == "Would remove 1 recordings, 0.0 MB."
    assert stores.files() == 2
    done = clean()
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split() == [removed, "100", "bytes", "no", "answer", "refers", "to", "it"]
    assert done.stdout.splitlines()[-1] == "Removed 1 recordings, 0.0 MB."
    assert stores.audio.read(stores.answer(kept)["gridfs_file_id"]) == b"RIFF"


def test_what_is_younger_than_asked_for_stays(clean, stores: Stores):
    old_orphan(stores)
    assert clean("--older-than", "3d").stdout == "Removed 0 recordings, 0.0 MB.\n"
    assert stores.files() == 1


@pytest.mark.parametrize("duration", ["", "24", "h", "-1h", "1.5h", "24 h", "9999999d", "1w"])
def test_a_duration_that_is_none_is_refused_before_anything_is_done(monkeypatch, capsys, duration):
    monkeypatch.setattr(sys, "argv", ["cleanup_audio", f"--older-than={duration}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "give a number and a unit: 30m, 24h, 7d" in capsys.readouterr().err


@pytest.mark.parametrize("duration", ["3651d", "999999d", "999999h"])
def test_more_than_ten_years_are_refused(monkeypatch, capsys, duration):
    monkeypatch.setattr(sys, "argv", ["cleanup_audio", f"--older-than={duration}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--older-than: 3650d (ten years) is the most" in capsys.readouterr().err


def test_ten_years_are_not(clean, stores: Stores):
    old_orphan(stores)
    assert clean("--older-than", "3650d").stdout == "Removed 0 recordings, 0.0 MB.\n"


def test_a_database_that_is_away_is_one_line_and_no_traceback(clean, closed_port: int):
    for uri in (f"mongodb://127.0.0.1:{closed_port}/", "mongodb://user:s3cr3t@host:s3cr3t/"):
        failed = clean(MONGODB_URI=uri)
        assert failed.returncode == 1
        assert len(failed.stderr.splitlines()) == 1
        assert "s3cr3t" not in failed.stderr


def test_without_a_database_it_says_what_to_set(clean):
    failed = clean(MONGODB_URI="")
    assert failed.returncode == 2
    assert "MONGODB_URI" in failed.stderr
