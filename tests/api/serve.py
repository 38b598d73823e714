"""`gunicorn tests.api.serve:app`: the web tier alone, as gunicorn serves it, over the database of the environment."""

import os

from app import create_app
from services.container import build_services
from services.storage.client import connect
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber

_database = connect(os.environ["MONGODB_URI"], os.environ["MONGODB_DATABASE"])
_services = build_services(settings_with(), _database, RememberingQueue(), ScriptedTranscriber)
app = create_app(settings_with(), _services)
_services.live.start()
