"""`gunicorn tests.api.serve:app`: the web tier alone, as gunicorn serves it, over the database of the environment."""

import os

from app import create_app
from services.container import build_services
from services.storage.client import connect
from tests.api.credentials import SIGNED_TOKENS
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber

_database = connect(os.environ["MONGODB_URI"], os.environ["MONGODB_DATABASE"])
_settings = settings_with(**SIGNED_TOKENS)
_services = build_services(_settings, _database, RememberingQueue(), ScriptedTranscriber)
app = create_app(_settings, _services)
_services.live.start()
