"""The web process: `gunicorn wsgi:app`. Without Redis it also holds the worker, and is then the only one."""

import sys

from app import create_app
from app.health import begin_draining
from config import SettingsError, load_settings
from services.errors import ParleyError
from services.log import configure_logging
from tasks.bootstrap import Process, bootstrap
from tasks.in_process import InProcessWorker

GUNICORN_APP_LOAD_ERROR = 4


def _bootstrap() -> Process:
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        return bootstrap(settings)
    except (SettingsError, ParleyError) as error:
        print(f"Parley could not start.\n{error}", file=sys.stderr)  # noqa: T201
        sys.exit(GUNICORN_APP_LOAD_ERROR)


_process = _bootstrap()
_first_token = _process.services.access.ensure_first_token(_process.settings.bootstrap_token)
if _first_token is not None:
    # Shown once and stored only as a hash: whoever starts the service needs a way in.
    print(f"The owner's access token (shown only now): {_first_token}", file=sys.stderr)  # noqa: T201
_worker = InProcessWorker(_process) if _process.settings.is_in_process else None

app = create_app(_process.settings, _process.services)
_process.services.live.start()
if _worker is not None:
    _worker.start()


def close() -> None:
    """Close the live sockets and stop the worker, so that the process can end within seconds."""
    begin_draining(app)
    _process.services.live.close()
    if _worker is not None:
        _worker.stop()
