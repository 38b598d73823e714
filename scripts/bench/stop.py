"""How long the service takes to end when it is told to, with sockets open and with a window of speech being heard."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from config import ROOT
from scripts.bench.figures import Figure
from scripts.bench.live import SOCKETS, following
from scripts.bench.upload import start_session
from scripts.started_service import StartedService

BAR_SECONDS = 10.0
# The longest of the demo's: three windows.
RECORDING = ROOT / "demo" / "recordings" / "proud-project.webm"
# As a larger model on a small machine: the windows take long, and are not over before we look.
RECORDINGS = 5
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02


def measure_stop(service: StartedService, say: Callable[[str], None]) -> Figure:
    """Seconds from SIGTERM to the end of everything that was started; nothing can be measured after this."""
    say(f"stop: SIGTERM with {SOCKETS} open sockets")
    session_id = start_session(service.url, service.token, 1)
    return _stopped(service, session_id, f"SIGTERM with {SOCKETS} open sockets")


def measure_stop_while_hearing(data_dir: Path, say: Callable[[str], None]) -> Figure:
    """The same for a service of its own that transcribes in process, in the middle of an answer."""
    say(f"stop: SIGTERM with {SOCKETS} open sockets and a running window")
    service = StartedService(data_dir, {"WHISPER_MODEL": "demo", "MAX_SOCKETS_PER_SESSION": "90"})
    with service:
        service.wait_until_ready()
        headers = {"Authorization": f"Bearer {service.token}"}
        session_id = start_session(service.url, service.token, RECORDINGS)
        for number in range(RECORDINGS):
            files = {"audio": (RECORDING.name, RECORDING.read_bytes(), "audio/webm")}
            path = f"/api/upload-answer/{session_id}/q{number}"
            httpx.post(
                f"{service.url}{path}", files=files, headers=headers, timeout=PATIENCE_SECONDS
            ).raise_for_status()
        _wait_for_a_window(f"{service.url}/api/transcription-status/{session_id}", headers)
        return _stopped(service, session_id, f"SIGTERM with {SOCKETS} open sockets and a running window")


def _stopped(service: StartedService, session_id: str, name: str) -> Figure:
    sockets = following(service, [session_id] * SOCKETS)
    seconds = service.stop()
    left = sockets.count()
    sockets.close()
    note = "all sockets were closed" if left == 0 else f"{left} sockets were left open"
    return Figure(name, seconds, "s", BAR_SECONDS, note)


def _wait_for_a_window(url: str, headers: dict[str, str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answers = httpx.get(url, headers=headers).raise_for_status().json()["answers"]
        if any((each["progress"] or {}).get("stage") == "transcribing" for each in answers):
            return
        time.sleep(POLL_SECONDS)
    raise RuntimeError("no answer was being heard: there is nothing to stop in")
