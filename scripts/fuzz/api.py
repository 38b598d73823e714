"""schemathesis over our own OpenAPI document, against a service that runs: every check, with a token and with none."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from config import ROOT
from scripts.chaos.clips import Clips

HOOKS = "scripts.fuzz.schemathesis_hooks"
# What a request that fits the document may still be answered: which ids, cursors, revisions and bytes there are, and
# what may not stand together, is not in it. 400 stays out: a body that fits is well-formed.
REFUSALS = ("2xx", "3xx", "401", "403", "404", "409", "410", "412", "413", "415", "422", "428", "429")
# A body above the limit is refused before anybody looks whether it fits, an address or head above it by the server
# before us, and a session that is not there comes first.
REJECTIONS = ("400", "401", "403", "404", "405", "406", "409", "412", "413", "414", "415", "422", "428", "429", "431")
# A header that schemathesis leaves out is there all the same when it is the one that every request gets.
EXCLUDED_WITH_A_TOKEN = ["missing_required_header"]
# Its paths lead to the one session, whatever was made or erased before.
EXCLUDED_IN_ONE_SESSION = [*EXCLUDED_WITH_A_TOKEN, "ensure_resource_availability", "use_after_free"]
# What a new session does not have until it is asked for, and a flag, of which what was set is deleted and the default
# stays: no signs of something created that got lost, or deleted that did not.
UNCHECKED = {
    "^/api/sessions/[^/]+/feedback(?:-status)?$": "ensure_resource_availability",
    "^/api/admin/flags/[^/]+$": "use_after_free",
}
# A stream of events has no end to wait for.
ENDLESS = "/(?:events|stream)$"
# What a mentor does; but once an interview is submitted, everything else is refused.
OF_MENTORS = "^/api/(?:upload-url|mentor-interview/.*(?<!/submit))$"
# Every other path answers a worker's key in the same way (tests/api/test_authorisation_matrix.py).
OF_WORKERS = "^/api/worker/"


@dataclass(frozen=True, slots=True)
class Visit:
    """One run: as whom, and to which session its paths lead (None: schemathesis makes its own); `paths` are all."""

    name: str
    token: str | None = None
    session_id: str | None = None
    link_token: str | None = None
    paths: str | None = None


def visits(url: str, token: str) -> list[Visit]:
    """As nobody; as the owner, over sessions that come and go, and into one with a transcript; by link; by a key."""
    session_id, link_token = _answered_session(url, token)
    return [
        Visit("nobody"),
        Visit("owner", token),
        Visit("owner, one session", token, session_id),
        Visit("mentor", link_token=link_token, paths=OF_MENTORS),
        Visit("worker", _worker_key(url, token), paths=OF_WORKERS),
    ]


def check_api(url: str, place: Path, visit: Visit, *, seed: int, bounds: Sequence[str]) -> int:
    """The exit code of schemathesis, which prints each failure with a command that repeats it; it works in `place`.

    All checks are its default; named by `--checks`, they could not be left out for a path (`UNCHECKED`).
    """
    config = place / "schemathesis.toml"
    config.write_text("\n".join(_config(visit)) + "\n")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "--no-color"),
        *("run", f"{url}/api/openapi.json", "--seed", str(seed), "--exclude-path-regex", ENDLESS),
        *("--warnings", "off", "--request-timeout", "30", *bounds),
    ]
    if visit.token is not None:
        command += ["--header", f"Authorization: Bearer {visit.token}"]
        excluded = EXCLUDED_WITH_A_TOKEN if visit.session_id is None else EXCLUDED_IN_ONE_SESSION
        command += ["--exclude-checks", ",".join(excluded)]
    if visit.session_id is not None:
        command += ["--exclude-method", "DELETE"]
    if visit.paths is not None:
        command += ["--include-path-regex", visit.paths]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS}
    return subprocess.run(command, cwd=place, env=environment, check=False).returncode


def _answered_session(url: str, token: str) -> tuple[str, str]:
    """A new one; its id, and the token of its link."""
    clip = next(iter(Clips()))
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        questions = [{"id": each, "prompt": "Tell me something."} for each in ("q1", "q2")]
        started = client.post("/api/sessions", json={"questions": questions}).raise_for_status().json()
        session_id: str = started["id"]
        files = {"audio": ("answer.wav", clip.content, "audio/wav")}
        client.post(f"/api/upload-answer/{session_id}/q1", files=files).raise_for_status()
    return session_id, started["link"].rpartition("token=")[2]


def _worker_key(url: str, token: str) -> str:
    body = {"owner_id": "owner", "name": "fuzz"}
    reply = httpx.post(f"{url}/api/admin/worker-keys", json=body, headers={"Authorization": f"Bearer {token}"})
    key: str = reply.raise_for_status().json()["key"]
    return key


def _config(visit: Visit) -> Iterator[str]:
    """Lines of TOML, whose lists of strings are written as JSON's are."""
    yield "[checks]"
    yield f"positive_data_acceptance.expected-statuses = {json.dumps(REFUSALS)}"
    for check in ("negative_data_rejection", "missing_required_header"):
        yield f"{check}.expected-statuses = {json.dumps(REJECTIONS)}"
    if visit.session_id is not None:
        yield "[parameters]"
        yield f'"path.session_id" = "{visit.session_id}"'
        yield '"path.question_id" = "q1"'
    if visit.link_token is not None:
        yield "[parameters]"
        yield f'"path.token" = "{visit.link_token}"'
        yield '"path.stage_id" = 1'
    for paths, check in UNCHECKED.items():
        yield "[[operations]]"
        yield f"include-path-regex = {json.dumps(paths)}"
        yield f"checks.{check}.enabled = false"
