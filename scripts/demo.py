"""`make demo`: a five-question interview over HTTP and WebSocket, against a running service or one that it starts."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rich.console import Console

from config import SettingsError, load_settings
from scripts.demo_board import TERMINAL, Board
from scripts.demo_client import DemoClient, Refused
from scripts.demo_display import Display
from scripts.demo_interview import Interview, read_interview
from scripts.demo_report import report
from scripts.running_service import Service, running_service
from scripts.started_service import ServiceNotReady, StartedService

# So long without a word about any answer and nobody transcribes.
PATIENCE_SECONDS = 300.0
NEXT = """
Where to go next
  make run                          the service to keep; it prints a link
  make demo                         this interview against it, while it runs
  make demo ARGS="--url 'LINK'"     or against any other (its link, or --url and --token)
  /api/docs                         every request, to try out in the browser"""


def main() -> int:
    """The exit code: 0 only if every answer was transcribed, 2 for options or settings that cannot be used."""
    display = Display(Console())
    # As Ctrl-C: what was started is stopped, and its directory removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _service(_arguments(), display) as service, DemoClient(service.url, service.token) as client:
            return _interview(service, client, display)
    except SettingsError as problems:
        display.say(f"These settings cannot be used (.env.example explains them):\n{problems}")
        return 2
    except (Refused, ServiceNotReady) as failure:
        display.say(f"\nThe demo cannot go on: {failure}")
        return 1
    except KeyboardInterrupt:
        display.say("\nStopped.")
        return 130


def _interview(service: Service, client: DemoClient, display: Display) -> int:
    interview = read_interview()
    _greet(client.readiness(), display)
    board = Board((question.id for question in interview.questions), display.changed)
    session_id = client.start_session(interview)
    board.follow(service.url, session_id, service.token)
    with display.following(board.standings.values()):
        _upload_all(client, session_id, interview, board, display)
        analysis = _analyze(client, session_id, board, display)
    board.close()
    for answer in analysis["answers"]:
        if answer["status"] == "completed":
            answer["low_confidence"] = client.transcript(session_id, answer["question_id"])["low_confidence"]
    for line in report(interview, board.standings, analysis):
        display.say(line)
    display.say(NEXT)
    completed = [answer for answer in analysis["answers"] if answer["status"] == "completed"]
    return 0 if len(completed) == len(interview.questions) else 1


def _upload_all(client: DemoClient, session_id: str, interview: Interview, board: Board, display: Display) -> None:
    """Each answer in turn, as a person would: on to the next question as soon as the last was accepted."""
    for question in interview.questions:
        seconds = client.upload(session_id, question)
        board.uploaded(question.id, seconds)
        size = question.recording.stat().st_size / 1000
        display.say(f"Uploaded {question.recording.name} ({size:.0f} kB) in {1000 * seconds:.0f} ms, on we go.")


def _analyze(client: DemoClient, session_id: str, board: Board, display: Display) -> dict[str, Any]:
    while True:
        analysis = client.analyze(session_id)
        retry_after = analysis.get("retry_after")
        if retry_after is None:
            _catch_up(board)
            return analysis
        if time.monotonic() - board.heard_at > PATIENCE_SECONDS:
            raise Refused(f"nothing was heard of any answer for {PATIENCE_SECONDS:.0f} s; is a worker running?")
        display.say(f"analyze: {analysis.get('message') or analysis['status']}; asking again in {retry_after} s.")
        time.sleep(retry_after)


def _catch_up(board: Board) -> None:
    """The socket may be a moment behind the reply that everything is done."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and any(each.status not in TERMINAL for each in board.standings.values()):
        time.sleep(0.02)


def _greet(readiness: dict[str, Any], display: Display) -> None:
    model = readiness.get("whisper_model")
    display.say(f"Speech model: {model}" if model else "The service does not say yet which speech model it uses.")
    if readiness.get("demo_model"):
        display.say("!!  This is the bundled DEMO MODEL: good for this demo's recordings and for hardly anything else.")
    if readiness.get("status") != "ready":
        worker = readiness.get("checks", {}).get("worker", {})
        display.say(f"It is not ready: {worker.get('detail') or readiness.get('status')}. Uploads are kept meanwhile.")


@contextmanager
def _service(arguments: argparse.Namespace, display: Display) -> Iterator[Service]:
    """The service of `--url`, else the one that runs with these settings, else one for the time of the demo."""
    if arguments.url:
        parts = urlsplit(arguments.url)
        token = arguments.token or parse_qs(parts.query).get("token", [""])[0]
        yield Service(f"{parts.scheme}://{parts.netloc}", token)
        return
    settings = load_settings()
    if running := running_service(settings):
        display.say(f"Using the service that runs at {running.url}; the interview stays there.")
        yield running
        return
    # The recordings were made for the bundled model, and it needs no download; a model that was chosen is used.
    model = settings.whisper_model or "demo"
    with tempfile.TemporaryDirectory(prefix="parley-demo-") as directory:
        display.say("Starting a service for the demo, with a database of its own that is removed afterwards.")
        with StartedService(Path(directory), {"WHISPER_MODEL": model}) as started:
            started.wait_until_ready()
            yield Service(started.url, started.token)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description="A five-question demo interview.")
    parser.add_argument(
        "--url", help="another service, e.g. https://parley.example, or the link that `make run` printed"
    )
    parser.add_argument("--token", help="a bearer token for it (BOOTSTRAP_TOKEN, or the one in the printed link)")
    arguments = parser.parse_args()
    if arguments.url and not (arguments.token or "token=" in arguments.url):
        parser.error("--url needs --token, or the whole link that `make run` printed")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
