"""Every index there is, made at start. A test explains each query and fails where none of these serves it."""

import pymongo

from services.storage.client import MongoDatabase, ping, reaching_mongodb

DAY_SECONDS = 24 * 60 * 60
# A new index of a large collection takes its time. With that of one call the server would break off, at every start.
BUILDING_SECONDS = 10 * 60.0


@reaching_mongodb
def ensure_indexes(database: MongoDatabase) -> None:
    """Create what is missing; what exists is left alone."""
    # Within the time of one call: whether there is a database at all.
    ping(database)
    with pymongo.timeout(BUILDING_SECONDS):
        _ensure_indexes(database)


def _ensure_indexes(database: MongoDatabase) -> None:
    sessions = database["interview_sessions"]
    sessions.create_index([("owner_id", 1), ("created_at", -1), ("_id", -1)])
    sessions.create_index([("owner_id", 1), ("kind", 1), ("created_at", -1), ("_id", -1)])
    # Jobs by where they stand: each has the one answer "recording".
    sessions.create_index(
        [("owner_id", 1), ("answers.recording.transcription_status", 1), ("created_at", -1), ("_id", -1)],
        partialFilterExpression={"kind": "job"},
    )
    sessions.create_index("created_at")
    sessions.create_index("open.due")
    sessions.create_index([("owner_id", 1), ("open.due", 1)])
    sessions.create_index("open.holder", sparse=True)
    sessions.create_index("answer_ids")
    sessions.create_index([("ended.status", 1), ("ended.code", 1)])
    sessions.create_index("link.token_hash", unique=True)

    transcripts = database["transcripts"]
    transcripts.create_index([("answer_id", 1), ("revision", -1)], unique=True)
    transcripts.create_index("session_id")
    _index_current_transcripts(database)

    files = database["fs.files"]
    # The two that GridFS itself asks for.
    files.create_index([("filename", 1), ("uploadDate", 1)])
    database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
    files.create_index("metadata.answer_id")
    files.create_index("metadata.session_id")
    files.create_index([("metadata.status", 1), ("metadata.status_at", 1)])

    _index_audit(database)
    _index_feedback(database)
    _index_webhooks(database)
    _index_uploads(database)
    _index_credentials(database)
    database["erasures"].create_index("due")
    database["workers"].create_index("seen_at", expireAfterSeconds=DAY_SECONDS)
    for name in ("owner_id", "transcript_days", "failed_audio_hours"):
        database["retention_rules"].create_index(name)


def _index_audit(database: MongoDatabase) -> None:
    audit = database["audit"]
    audit.create_index([("at", -1), ("_id", -1)])
    audit.create_index([("session_id", 1), ("at", -1), ("_id", -1)])
    audit.create_index("owner_id")


def _index_feedback(database: MongoDatabase) -> None:
    jobs = database["feedback_jobs"]
    jobs.create_index([("status", 1), ("created_at", -1)])
    jobs.create_index("due", sparse=True)
    database["feedback_reports"].create_index([("session_id", 1), ("number", -1)], unique=True)


def _index_current_transcripts(database: MongoDatabase) -> None:
    current = database["current_transcripts"]
    current.create_index("answer_id", unique=True)
    current.create_index("session_id")
    # With what is counted, so that no text has to be read for it.
    current.create_index([("whisper_model", 1), ("heard_at", 1), ("errors.errors", 1), ("errors.words", 1)])
    # The words are our own (services/search_words.py), nothing is stemmed. `language` is Whisper's and no row has the
    # field that MongoDB would take for its own: it refuses rows in languages that it does not know.
    current.create_index(
        [("owner_id", 1), ("words", "text"), ("signs", "text")],
        default_language="none",
        language_override="no_such_field",
    )
    for name in ("transcript_ratings", "transcript_errors"):
        database[name].create_index("answer_id")
        database[name].create_index("session_id")
    database["transcript_ratings"].create_index([("whisper_model", 1), ("at", 1), ("stars", 1)])
    database["transcript_errors"].create_index([("whisper_model", 1), ("at", 1)])


def _index_webhooks(database: MongoDatabase) -> None:
    database["interview_sessions"].create_index("outbox.at", sparse=True)
    database["webhooks"].create_index([("owner_id", 1), ("slot", 1)], unique=True)
    database["webhooks"].create_index("spreading.mark", sparse=True)
    deliveries = database["webhook_deliveries"]
    deliveries.create_index("due", sparse=True)
    deliveries.create_index([("webhook_id", 1), ("created_at", -1), ("event_id", -1)])
    deliveries.create_index([("webhook_id", 1), ("status", 1), ("not_before", 1)])
    deliveries.create_index("status")
    deliveries.create_index("session_id")
    deliveries.create_index("owner_id")
    deliveries.create_index("expires_at", expireAfterSeconds=0)


def _index_uploads(database: MongoDatabase) -> None:
    database["uploads"].create_index("expires_at")
    database["uploads"].create_index("session_id")
    database["receipts"].create_index("expires_at", expireAfterSeconds=0)
    database["receipts"].create_index("session_id")
    database["kept_uploads"].create_index("expires_at", expireAfterSeconds=0)
    database["kept_uploads"].create_index("session_id")
    database["usage"].create_index("expires_at", expireAfterSeconds=0)
    database["usage"].create_index("owner_id")
    keys = database["idempotency_keys"]
    keys.create_index("expires_at", expireAfterSeconds=0)
    keys.create_index("session_id")
    keys.create_index("user_id")


def _index_credentials(database: MongoDatabase) -> None:
    tokens = database["access_tokens"]
    tokens.create_index("expires_at", expireAfterSeconds=0)
    tokens.create_index("is_bootstrap", sparse=True)
    tokens.create_index("is_first", unique=True, sparse=True)
    tokens.create_index("user_id")
    tokens.create_index("key_id", unique=True, sparse=True)
    database["tickets"].create_index("expires_at", expireAfterSeconds=0)
    database["tickets"].create_index("session_id")
    database["tickets"].create_index("user_id")
