"""What is kept of a recording while it is heard, as far as it concerns whatever ends an answer.

In `transcripts` its checkpoint (checkpoints.py), in the answer `partial_texts`: the texts of the windows so far, by
their place. One field for each window, so that a change stream tells of the new one only.
"""

from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from services.storage.client import Document
from services.storage.expressions import REMOVE, Expression

# Every revision has a number, and what is partial has none.
IS_REVISION: Document = {"revision": {"$gt": 0}}


def id_of_partial(answer_id: str) -> str:
    return f"{answer_id}:partial"


def without_partial() -> dict[str, Expression]:
    """What an answer shows no more once it has ended."""
    return {"partial_texts": REMOVE}


def remove_partial(transcripts: Collection[Document], answer_id: str, transaction: ClientSession) -> None:
    transcripts.delete_one({"_id": id_of_partial(answer_id)}, session=transaction)
