"""What every command of an operator begins with: the settings, and the database that they name."""

import sys
from collections.abc import Callable

from config import Settings, SettingsError, load_settings
from services.errors import ParleyError
from services.storage.client import MongoDatabase, connect


def run_on_given_database(work: Callable[[Settings, MongoDatabase], None]) -> int:
    """Do `work` and return the exit code: 0 done, 1 the database cannot be reached, 2 settings that cannot be used."""
    try:
        settings = load_settings()
    except SettingsError as problems:
        print(f"These settings cannot be used:\n{problems}", file=sys.stderr)
        return 2
    if not settings.mongodb_uri:
        print("MONGODB_URI is not set: name the database (make run prints it).", file=sys.stderr)
        return 2
    try:
        database = connect(settings.mongodb_uri, settings.mongodb_database)
        with database.client:
            work(settings, database)
    except ParleyError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0
