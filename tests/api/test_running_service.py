"""Which service `make demo` interviews."""

import argparse
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest
from rich.console import Console
from werkzeug import Request, Response
from werkzeug.serving import make_server

from config import Settings
from scripts import demo
from scripts.demo_display import Display
from scripts.owner_token import owner_token
from scripts.running_service import Service, running_service
from services.container import Services
from tests.api.conftest import RunningServer
from tests.factories import settings_with

NO_OPTIONS = argparse.Namespace(url=None, token=None)


@contextmanager
def stranger_at(application: WSGIApplication) -> Iterator[int]:
    """A port on which something that is not Parley answers."""
    running = make_server("127.0.0.1", 0, application)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield running.port
    running.shutdown()
    thread.join()
    running.server_close()


def settings_for(server: RunningServer, data_dir: Path, token: str | None = None) -> Settings:
    return settings_with(host=server.host, port=server.port, data_dir=data_dir, bootstrap_token=token)


def test_the_one_that_runs_is_found_with_a_token_that_was_given(
    server: RunningServer, token: str, tmp_path: Path
) -> None:
    assert running_service(settings_for(server, tmp_path, token)) == Service(server.url, token)


def test_the_one_that_runs_is_found_with_the_token_that_make_run_kept(
    server: RunningServer, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(server, tmp_path)
    kept = owner_token(settings)
    services.access.ensure_first_token(kept)
    monkeypatch.setattr(demo, "load_settings", lambda: settings)
    console = Console(record=True)
    with demo._service(NO_OPTIONS, Display(console)) as found:
        assert found == Service(server.url, kept)
    said = console.export_text()
    assert server.url in said
    assert kept not in said


def test_without_a_token_or_with_one_that_opens_nothing_it_is_not_used(server: RunningServer, tmp_path: Path) -> None:
    assert running_service(settings_for(server, tmp_path)) is None
    assert running_service(settings_for(server, tmp_path, "opens-nothing-0123")) is None


def test_where_nothing_answers_there_is_none(closed_port: int, tmp_path: Path) -> None:
    assert running_service(settings_with(port=closed_port, bootstrap_token="given-0123456789")) is None


def test_something_else_that_answers_there_is_never_shown_the_token() -> None:
    asked = []

    @Request.application
    def stranger(request: Request) -> Response:
        asked.append((request.path, request.headers.get("Authorization")))
        return Response('{"status": "ready"}', content_type="application/json")

    with stranger_at(stranger) as port:
        assert running_service(settings_with(port=port, bootstrap_token="given-0123456789")) is None
    assert asked == [("/readyz", None)]


def test_an_address_that_is_named_is_used_whatever_runs_here() -> None:
    options = argparse.Namespace(url="https://parley.example/?token=abc", token=None)
    with demo._service(options, Display(Console(quiet=True))) as found:
        assert found == Service("https://parley.example", "abc")
