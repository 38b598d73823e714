"""`gunicorn tests.api.mortal:app`: the web tier, which kills or stops its own process at a named point, once.

The point is read from the file `MORTAL_POINT`, as in `kill after the chunks`; the file goes, and the pid is written
beside it, before it happens.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app import create_app
from services.container import build_services
from services.storage.client import connect
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber

POINT = Path(os.environ["MORTAL_POINT"])
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def ends_after(owner: Any, method: str, name: str) -> None:
    """Make a call of `owner` the last one of this process where the file says `name`."""
    call: Callable[..., Any] = getattr(owner, method)

    def last(*args: Any, **options: Any) -> Any:
        result = call(*args, **options)
        how, _, point = POINT.read_text().partition(" ") if POINT.exists() else ("", "", "")
        if point == name:
            POINT.unlink()
            POINT.with_suffix(".pid").write_text(str(os.getpid()))
            os.kill(os.getpid(), SIGNALS[how])
        return result

    setattr(owner, method, last)


_database = connect(os.environ["MONGODB_URI"], os.environ["MONGODB_DATABASE"])
_services = build_services(settings_with(), _database, RememberingQueue(), ScriptedTranscriber)
_answers = _services.answers
ends_after(_answers._uploads, "_mark", "after the marker")
ends_after(_answers._uploads, "store", "after the chunks")
ends_after(_answers._acceptance, "_queue", "inside the transaction")
ends_after(_answers._acceptance, "accept", "after the transaction")
ends_after(_answers, "accept", "before the reply")
_kept = _services.signed_uploads._kept
ends_after(_kept, "_keep", "while it is kept")
ends_after(_kept, "keep", "after it is kept")
app = create_app(settings_with(), _services)
