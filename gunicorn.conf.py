"""How gunicorn serves Parley: it reads this file by itself when started here (`gunicorn wsgi:app`)."""

import os
import signal
import sys
import threading
from functools import partial
from types import FrameType

from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from config import SettingsError, load_settings
from scripts.die_with_parent import die_with_parent

try:
    _settings = load_settings()
except SettingsError as error:
    sys.exit(f"These settings cannot be used:\n{error}")

_address = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

bind = f"{_address}:{_settings.port}"
worker_class = "scripts.web_worker.PatientWorker"
workers = _settings.web_concurrency
threads = _settings.web_threads
keepalive = 5
# A request that still runs when we stop has this long; live sockets are closed by us, see post_worker_init.
graceful_timeout = 5
# How long the worker's main thread may be silent: loading a model on a busy machine keeps it waiting.
timeout = 120
# gunicorn would open a socket under the home directory, one for all instances.
control_socket_disable = True
accesslog = None
# Forwarded headers are the application's business (TRUSTED_PROXIES); gunicorn would believe every client on this host,
# and take even paths from it.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
# Replies are to go through the paced socket, too.
sendfile = False
# Its greetings would bury ours; "Booting worker" is of no use to whoever reads the log.
loglevel = "debug" if _settings.log_level == "DEBUG" else "warning"
proc_name = "parley"


def nworkers_changed(server: Arbiter, _now: int, _before: int | None) -> None:
    """Refuse to preload; of gunicorn's hooks only this one is called before the application would be loaded."""
    if server.cfg.preload_app:
        sys.exit(
            "Parley cannot be preloaded (--preload): its live feed and its worker are threads, and a fork ends them."
        )


def when_ready(server: Arbiter) -> None:
    """Refuse a second worker next to the one that transcribes: it would take its answers for left behind by a crash."""
    if not _settings.is_in_process:
        return
    for name in ("hup", "usr2", "ttin"):
        setattr(server, f"handle_{name}", partial(_refuse, server, f"SIG{name.upper()}"))


def _refuse(server: Arbiter, signal_name: str) -> None:
    server.log.error(
        "%s is refused: without REDIS_URL the one web process transcribes, and a second one beside it would take its "
        "unfinished answers away. Stop and start it instead; nothing is lost.",
        signal_name,
    )


def post_fork(_server: Arbiter, worker: ThreadWorker) -> None:
    """A master that is killed cannot stop its workers."""
    die_with_parent(worker.ppid)


def post_worker_init(worker: ThreadWorker) -> None:
    """Close what would hold gunicorn's threads (live sockets, the in-process worker) as soon as it is told to stop."""
    import wsgi  # noqa: PLC0415 (only a worker that has loaded the application may)

    worker.closer = threading.Thread(target=wsgi.close, name="close")

    def stop(signum: int, frame: FrameType | None) -> None:
        _begin_closing(worker)
        worker.handle_exit(signum, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)  # as gunicorn has it: system calls go on


def worker_exit(_server: Arbiter, worker: ThreadWorker) -> None:
    """End at once: the interpreter's own farewell takes seconds with PyTorch loaded, and waits for hung threads."""
    if not worker.booted:
        return  # its exit code tells the master not to try again
    _begin_closing(worker)
    worker.closer.join()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _begin_closing(worker: ThreadWorker) -> None:
    if worker.closer.ident is None:
        worker.closer.start()
        # Without a master nobody else ends a worker whose threads hang: SIGALRM does, by default.
        signal.alarm(graceful_timeout + 1)
