import os
import subprocess
import sys

import pytest

from config import ROOT
from scripts.ports import free_port


def started_with(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """gunicorn as it ends without a database to speak to."""
    environment = os.environ | {"MONGODB_URI": "", "REDIS_URL": "", "PORT": str(free_port())} | variables
    command = [sys.executable, "-m", "gunicorn", *options, "wsgi:app"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("options", "variables"), [(["--preload"], {}), ([], {"GUNICORN_CMD_ARGS": "--preload"})])
def test_preloading_is_refused_before_the_application_is_loaded(options: list[str], variables: dict[str, str]) -> None:
    ended = started_with(*options, **variables)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "--preload" in line


def test_without_preloading_it_is_the_application_that_says_what_is_missing() -> None:
    ended = started_with()
    assert ended.returncode != 0
    assert "MONGODB_URI: is not set" in ended.stderr
    assert "--preload" not in ended.stderr
