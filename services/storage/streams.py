"""Following one of MongoDB's change streams through every interruption."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pymongo
import structlog
from pymongo.collection import Collection
from pymongo.errors import ConnectionFailure, PyMongoError

from services.storage.client import Document

log = structlog.get_logger()

# How long the server holds a read that finds nothing: bounds how long closing takes, costs nothing in latency.
AWAIT_MS = 500
PAUSE_AFTER_ERROR_SECONDS = 0.5


class CollectionStream:
    """What happens to one collection, until closed."""

    def __init__(self, collection: Collection[Document], pipeline: Sequence[Document]) -> None:
        self._collection = collection
        self._pipeline = pipeline
        self._is_closed = threading.Event()

    @property
    def is_closed(self) -> bool:
        return self._is_closed.is_set()

    def close(self) -> None:
        self._is_closed.set()

    def events(self, on_gap: Callable[[], None]) -> Iterator[Mapping[str, Any]]:
        """Each event, in order. `on_gap` is called when some may have been missed: the place to resume was lost."""
        token: Mapping[str, Any] | None = None
        while not self._is_closed.is_set():
            resumed_from = token
            try:
                # The client's time-out is meant for calls that should answer at once; this one waits by design.
                with (
                    pymongo.timeout(None),
                    self._collection.watch(self._pipeline, resume_after=token, max_await_time_ms=AWAIT_MS) as stream,
                ):
                    if token is None:
                        on_gap()
                    while stream.alive and not self._is_closed.is_set():
                        found = stream.try_next()
                        token = stream.resume_token
                        if found is not None:
                            yield found
                # The server ended it: the collection was dropped.
                token = None
            except PyMongoError as error:
                # What the server refuses to resume (the oplog has rolled over) it will refuse again: begin anew, and
                # let everybody read a snapshot.
                if token == resumed_from and not isinstance(error, ConnectionFailure):
                    token = None
                log.warning(
                    "A change stream was interrupted.", collection=self._collection.name, error=type(error).__name__
                )
                self._is_closed.wait(PAUSE_AFTER_ERROR_SECONDS)
