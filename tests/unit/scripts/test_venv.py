import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that needs no package, so that nothing is fetched."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "venv.sh", tmp_path / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (tmp_path / name).touch()
    return tmp_path


def run(checkout: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    here = f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [str(checkout / "scripts" / "venv.sh"), *arguments]
    environment = {**os.environ, "PATH": path or here}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_it_installs_once_and_again_when_what_is_pinned_changes(checkout):
    first = run(checkout, "requirements-dev.txt")
    assert first.returncode == 0, first.stderr
    assert "Making .venv" in first.stdout
    assert (checkout / ".venv" / "bin" / "python").exists()

    for arguments in (["requirements-dev.txt"], ["requirements.txt"], []):
        again = run(checkout, *arguments)
        assert (again.returncode, again.stdout) == (0, "")

    (checkout / "constraints.txt").write_text("# another version\n")
    changed = run(checkout)
    assert "Installing what requirements.txt pins" in changed.stdout
    assert "Making .venv" not in changed.stdout
    # What only the tests need may have changed as well.
    assert "Installing" in run(checkout, "requirements-dev.txt").stdout


def test_a_failed_installation_is_tried_again(checkout):
    (checkout / "requirements.txt").write_text("./no-such-package\n")
    for _ in range(2):
        failed = run(checkout)
        assert failed.returncode == 1
        assert "run the same command again" in failed.stderr


def test_a_machine_without_python_is_told_what_to_install(checkout):
    tools = checkout / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "dirname"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    without = run(checkout, path=str(tools))
    assert without.returncode != 0
    assert (
        without.stderr
        == "Parley needs Python 3.11 or later with venv (Debian: apt-get install python3 python3-venv).\n"
    )
