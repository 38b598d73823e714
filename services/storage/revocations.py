"""Which access tokens were deleted, as it happens: the change stream over `access_tokens`."""

from collections.abc import Callable, Iterator

from services.storage.client import Document, MongoDatabase
from services.storage.streams import CollectionStream

_PIPELINE: list[Document] = [{"$match": {"operationType": "delete"}}, {"$project": {"documentKey": 1}}]


class RevocationStream(CollectionStream):
    """Follows the collection until closed."""

    def __init__(self, database: MongoDatabase) -> None:
        super().__init__(database["access_tokens"], _PIPELINE)

    def follow(self, *, on_gap: Callable[[], None]) -> Iterator[str]:
        """The hash of each token that was deleted; `on_gap` is called when some may have been missed."""
        for found in self.events(on_gap):
            yield found["documentKey"]["_id"]
