"""`make run`: starts MongoDB (unless there is one), the web tier and its worker, and stops them again."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import NoReturn

from config import Settings, SettingsError, load_settings
from scripts.announcement import announcement
from scripts.embedded_mongod import EmbeddedMongod, EmbeddedMongodError, port_from_environment
from scripts.owner_token import TokenNotKept, owner_token
from scripts.ports import bind_error
from scripts.readiness import StartFailed, wait_until_ready
from scripts.web_server import WebServer

# Everything has ended within 10 s of Ctrl-C: gunicorn's grace is 5 s, mongod needs about one.
WEB_STOP_SECONDS = 6.5
MONGOD_STOP_SECONDS = 2.5
OPTIONS = {"data_dir": "DATA_DIR", "port": "PORT", "host": "HOST"}


class StopRequested(BaseException):
    """Raised in the main thread by the first Ctrl-C, SIGTERM or SIGHUP."""


def say(line: str) -> None:
    # The terminal may be gone (SIGHUP); that must not keep us from stopping what we started.
    with contextlib.suppress(OSError):
        print(line, flush=True)


def main() -> int:
    """The exit code: 0 stopped as asked, 1 something failed, 2 settings that cannot be used."""
    _handle(_request_stop, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        return _run(*_read_settings(_arguments()))
    except SettingsError as problems:
        say(f"These settings cannot be used (.env.example explains them):\n{problems}")
        return 2
    except StopRequested:
        return 0


def _run(settings: Settings, mongod_port: int) -> int:
    if reason := bind_error(settings.host, settings.port):
        say(f"Port {settings.port} on {settings.host} cannot be used ({reason}): set PORT, e.g. PORT=8001 make run")
        return 1
    mongod = None if settings.mongodb_uri else EmbeddedMongod(settings.data_dir, mongod_port)
    web = WebServer(settings)
    try:
        _serve(settings, mongod, web)
    except StopRequested:
        say("\nStopping; Ctrl-C again hurries.")
        return 0
    except (EmbeddedMongodError, StartFailed, TokenNotKept) as failure:
        say(f"\nParley cannot go on: {failure}")
        return 1
    finally:
        _stop(mongod, web)


def _serve(settings: Settings, mongod: EmbeddedMongod | None, web: WebServer) -> NoReturn:
    """Start everything and stay until something ends; always leaves by an exception."""
    token = owner_token(settings)
    environment = {"DATA_DIR": str(settings.data_dir), "BOOTSTRAP_TOKEN": token}
    if mongod is not None:
        say(f"Starting MongoDB on port {mongod.port} (data in {settings.data_dir})")
        mongod.start()
        environment["MONGODB_URI"] = mongod.uri
    say(f"Starting the web server on {settings.host}:{settings.port}")
    web.start(environment)
    readiness = wait_until_ready(web, say, needs_worker=settings.is_in_process)
    for line in announcement(settings, readiness, token=token, embedded_uri=environment.get("MONGODB_URI")):
        say(line)
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    if mongod is not None and not mongod.is_running:
        raise StartFailed(f"MongoDB ended by itself (exit code {mongod.exit_code})\n{mongod.last_words()}")
    raise StartFailed(f"the web server ended by itself (exit code {web.exit_code}); its last lines are above")


def _stop(mongod: EmbeddedMongod | None, web: WebServer) -> None:
    """The web tier first, so that it can still give its leases back; a second Ctrl-C ends it at once."""
    _handle(lambda *_: web.kill(), signal.SIGINT)
    began = time.monotonic()
    web.stop(WEB_STOP_SECONDS)
    if mongod is not None:
        mongod.stop(MONGOD_STOP_SECONDS)
    say(f"Everything that was started has stopped ({time.monotonic() - began:.1f} s).")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.run", description="Run Parley on this machine.")
    parser.add_argument("--data-dir", metavar="DIR", help="where everything is stored (DATA_DIR, default var/)")
    parser.add_argument("--port", help="where to listen (PORT, default 8000)")
    parser.add_argument("--host", help="on which address (HOST, default 127.0.0.1)")
    return parser.parse_args()


def _read_settings(arguments: argparse.Namespace) -> tuple[Settings, int]:
    """The settings and the embedded mongod's port; raises `SettingsError` with the problems of both."""
    for option, variable in OPTIONS.items():
        if (value := getattr(arguments, option)) is not None:
            os.environ[variable] = value
    problems, settings, mongod_port = [], None, 0
    try:
        settings = load_settings()
    except SettingsError as error:
        problems.append(str(error))
    try:
        mongod_port = port_from_environment()
    except EmbeddedMongodError as error:
        problems.append(str(error))
    if settings is None or problems:
        raise SettingsError("\n".join(problems))
    return replace(settings, data_dir=settings.data_dir.resolve()), mongod_port


def _request_stop(_signum: int, _frame: FrameType | None) -> None:
    # From here on only Ctrl-C counts: make passes a SIGTERM on that may have reached us already.
    _handle(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    raise StopRequested


def _handle(handler: Callable[[int, FrameType | None], object] | signal.Handlers, *numbers: signal.Signals) -> None:
    for number in numbers:
        # nohup starts us with SIGHUP ignored; that is to stay.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
