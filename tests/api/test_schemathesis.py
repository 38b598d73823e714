"""schemathesis after our own document: a small, seeded run of `make fuzz` against the app on a real socket."""

from pathlib import Path

import pytest

from scripts.fuzz.api import Visit, check_api, visits
from tests.api.conftest import RunningServer

# Nobody transcribes here, and `/readyz` says so.
FEW = ("--max-examples", "3", "--phases", "fuzzing,stateful", "--no-shrink", "--exclude-path", "/readyz")
# What it takes to begin counts, too: 2 s, and several times that on a busy machine.
BRIEFLY = ("--max-time", "15", *FEW)


@pytest.fixture
def small(server: RunningServer, token: str) -> dict[str, Visit]:
    return {visit.name: visit for visit in visits(server.url, token)}


@pytest.mark.parametrize("name", ["nobody", "owner", "owner, one session", "mentor", "worker"])
def test_every_reply_is_one_that_the_document_promises(
    server: RunningServer, small: dict[str, Visit], tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = check_api(server.url, tmp_path, small[name], seed=1, bounds=BRIEFLY)
    said = capfd.readouterr().out
    assert code == 0, said[said.find("= FAILURES") :]
    assert "No test cases were generated" not in said


def test_a_reply_that_it_does_not_promise_is_noticed(
    server: RunningServer, token: str, tmp_path: Path, app, capfd: pytest.CaptureFixture[str]
) -> None:
    def break_the_list() -> None:
        raise RuntimeError("a defect")

    app.before_request_funcs.setdefault("sessions", []).append(break_the_list)
    bounds = (*FEW, "--include-path", "/api/sessions")
    assert check_api(server.url, tmp_path, Visit("owner", token), seed=1, bounds=bounds) == 1
    assert "500" in capfd.readouterr().out
