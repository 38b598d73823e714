"""Logs: a past-tense sentence, facts as fields; never a transcript, a file name or a token."""

import logging
import sys
import traceback
from typing import Any

import structlog

from services.errors import ParleyError


def configure_logging(level: str, log_format: str) -> None:
    """Send structlog and every library's logging through one renderer to stderr: console or JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Plain: the default, where rich is installed, prints every frame's variables, and with them what was said.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    final: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [console]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove_meta, *final])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # At DEBUG it writes out every command, and so every transcript and key point.
    logging.getLogger("pymongo").setLevel(max(root.level, logging.INFO))


def trace_of(error: BaseException) -> str:
    """Which errors, causes first, and where; what they say only where it is ours: nobody knows what others quote."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = "" if cause is None else f"{trace_of(cause)}\n"
    said = f": {error.message}" if isinstance(error, ParleyError) else ""
    return f"{before}{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}{said}"
