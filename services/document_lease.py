"""A document of its own as a piece of work (services/leases.py)."""

from collections.abc import Mapping
from secrets import token_hex

from services.errors import WorkRejected
from services.storage.client import Document
from services.storage.leased_documents import LeasedDocuments


class Claimed:
    """What a claim found, and how often it was tried."""

    def __init__(self, document: Document) -> None:
        self.document: Mapping[str, object] = document
        self.attempts: int = document["attempts"]
        self.crashes: int = document["crashes"]


class DocumentLease:
    """Ends as failed, with a `last_error` that may be shown, where no attempt can succeed or all have failed."""

    def __init__(self, documents: LeasedDocuments, id_: str, *, kind: str, exhausted: str, poison: str) -> None:
        """`exhausted` and `poison` are what to say where the last attempt failed, or it ended its workers."""
        self._documents = documents
        self._exhausted = exhausted
        self._poison = poison
        self._claimed: Claimed | None = None
        self.id = id_
        self.token = token_hex(16)
        self.facts: Mapping[str, str] = {f"{kind}_id": id_}

    @property
    def held(self) -> Document:
        """The document as it was claimed."""
        if self._claimed is None:
            raise RuntimeError("not claimed")
        return dict(self._claimed.document)

    def claim(self, holder: str) -> Claimed | None:
        found = self._documents.claim(self.id, holder, self.token)
        self._claimed = None if found is None else Claimed(found)
        return self._claimed

    def hold(self) -> None:
        self._documents.hold(self.id, self.token)

    def give_back(self) -> None:
        self._documents.give_back(self.id, self.token)

    def put_off(self, seconds: float) -> None:
        self._documents.put_off(self.id, self.token, seconds)

    def reject(self, error: WorkRejected) -> None:
        self._documents.fail(self.id, self.token, code=error.code, message=error.message)

    def exhaust(self) -> None:
        self._documents.fail(self.id, self.token, code="attempts_exhausted", message=self._exhausted)

    def give_up(self) -> None:
        self._documents.fail(self.id, self.token, code="poison", message=self._poison)
