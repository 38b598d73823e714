"""How a recording becomes the queued answer to its question."""

from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument

from services.models import AnswerRef, Status
from services.storage.answer_updates import answer_change, path_of
from services.storage.answers import RESEND_SECONDS
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.expressions import NOW, fields, seconds_from_now, stored


class AcceptanceStore:
    """Queues answers; everything after that is `AnswerStore`'s."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def accept(self, ref: AnswerRef, answer: Mapping[str, Any]) -> Document | None:
        """Make `answer` the queued answer to its question and return the one it replaces ({} for none).

        None when there is no such session or question: nothing was stored.
        """
        path = path_of(ref)
        document = {
            **answer,
            "id": ref.answer_id,
            "question_id": ref.question_id,
            "transcription_status": Status.QUEUED,
            "created_at": NOW,
            "attempts": 0,
            "crashes": 0,
        }
        replaced = {"$ifNull": [f"${path}.id", None]}
        others = {"$filter": {"input": "$answer_ids", "cond": {"$ne": ["$$this", replaced]}}}
        pipeline = answer_change(
            ref,
            {},
            open_entry={"due": seconds_from_now(RESEND_SECONDS)},
            answer_ids={"$concatArrays": [others, [stored(ref.answer_id)]]},
            # An operator, so that the whole answer is replaced: a plain document would be merged into the old one.
            **{path: {"$mergeObjects": [fields(document)]}},
        )
        before = self._sessions.find_one_and_update(
            {"_id": ref.session_id, "questions.id": ref.question_id},
            pipeline,
            projection={path: 1},
            return_document=ReturnDocument.BEFORE,
        )
        return None if before is None else before.get("answers", {}).get(ref.question_id, {})
