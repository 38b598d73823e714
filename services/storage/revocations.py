"""Which access tokens were deleted, as it happens: the change stream over `access_tokens`."""

import threading
from collections.abc import Callable, Iterator

import pymongo
import structlog
from pymongo.errors import PyMongoError

from services.storage.changes import AWAIT_MS, PAUSE_AFTER_ERROR_SECONDS
from services.storage.client import Document, MongoDatabase

log = structlog.get_logger()

_PIPELINE: list[Document] = [{"$match": {"operationType": "delete"}}, {"$project": {"documentKey": 1}}]


class RevocationStream:
    """Follows the collection until closed. It never resumes: after a gap everybody is checked again, which is cheap."""

    def __init__(self, database: MongoDatabase) -> None:
        self._tokens = database["access_tokens"]
        self._is_closed = threading.Event()

    @property
    def is_closed(self) -> bool:
        return self._is_closed.is_set()

    def close(self) -> None:
        self._is_closed.set()

    def follow(self, *, on_gap: Callable[[], None]) -> Iterator[str]:
        """The hash of each token that was deleted; `on_gap` is called when some may have been missed."""
        while not self._is_closed.is_set():
            try:
                with (
                    pymongo.timeout(None),
                    self._tokens.watch(_PIPELINE, max_await_time_ms=AWAIT_MS) as stream,
                ):
                    on_gap()
                    while stream.alive and not self._is_closed.is_set():
                        found = stream.try_next()
                        if found is not None:
                            yield found["documentKey"]["_id"]
            except PyMongoError as error:
                log.warning("The stream of revocations was interrupted.", error=type(error).__name__)
                self._is_closed.wait(PAUSE_AFTER_ERROR_SECONDS)
