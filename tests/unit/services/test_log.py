import json
import logging

import pytest
import structlog

from services.log import configure_logging


@pytest.fixture(autouse=True)
def restored():
    """Logging as it was afterwards."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)


def fail_with(transcript: str) -> None:
    try:
        raise ValueError(len(transcript))
    except ValueError:
        structlog.get_logger().exception("An attempt failed.", answer_id="a1")


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_an_exception_is_logged_without_what_was_said(capsys, log_format):
    configure_logging("INFO", log_format)
    fail_with("my secret " + "answer")
    logged = capsys.readouterr().err
    assert "An attempt failed." in logged
    assert "ValueError" in logged
    assert "my secret answer" not in logged


def test_json_is_one_object_a_line_with_the_facts_as_fields(capsys):
    configure_logging("INFO", "json")
    structlog.get_logger().info("A recording was accepted.", bytes=4)
    logging.getLogger("a.library").warning("It complained.")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["event"], first["bytes"], first["level"]) == ("A recording was accepted.", 4, "info")
    assert (second["event"], second["level"]) == ("It complained.", "warning")


def test_what_is_below_the_level_is_not_logged(capsys):
    configure_logging("WARNING", "console")
    structlog.get_logger().info("A recording was accepted.")
    assert capsys.readouterr().err == ""
