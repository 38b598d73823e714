"""Who may come in is asked first, and what opens doors is not kept. (Who may not: test_authorisation_matrix.py.)"""

from flask import Flask

from services.storage.client import MongoDatabase
from tests.api.conftest import Interview


def test_a_rule_is_the_first_thing_that_a_request_meets(app: Flask) -> None:
    for name, rule in app.extensions["parley_auth_rules"].items():
        assert app.before_request_funcs[name][0] is rule


def test_tokens_are_not_kept_in_the_database(database: MongoDatabase, interview: Interview, token: str) -> None:
    everything = str([list(database[name].find()) for name in database.list_collection_names()])
    assert interview.id in everything
    assert token not in everything
    assert interview.link_token not in everything
