"""Uploads in three steps: ask for a signed address, PUT the recording there, make it the answer."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import current_app, url_for

from app.admission import admitted
from app.auth import caller, grant, services, session, signed_upload, without_transcript
from app.blueprint import Blueprint
from app.idempotency import idempotent
from app.ids import checked_question_id
from app.interview import where_to_ask
from app.schemas.answers import ReceiptSchema
from app.schemas.uploads import KeptUploadSchema, UploadIntentSchema, UploadUrlSchema, UsedUploadSchema
from app.signed_body import signed_recording
from services.audio.declared_type import CONTAINERS, declared_type
from services.errors import InvalidRequest, RecordingTooLarge
from services.models import Session
from services.upload_urls import UploadIntent, new_object_key

blueprint = Blueprint("uploads", __name__, url_prefix="/api", description="Upload first, answer then")
# Apart, since another rule guards it: the address itself is the credential.
signed = Blueprint("signed_uploads", __name__, url_prefix="/api", description="Upload first, answer then")

SIGNED_ADDRESS = {
    "signed_address": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "Part of an address that `POST /api/uploads/audio/presign` gave.",
    }
}
OBJECT_KEY_DIGITS = 32
_OBJECT_KEY = re.compile(rf"[0-9a-f]{{{OBJECT_KEY_DIGITS}}}")
_STRING, _NUMBER = {"type": "string"}, {"type": "integer"}
_PARAMETERS = {
    **dict.fromkeys(("session_id", "question_id", "content_type"), _STRING),
    **dict.fromkeys(("bytes", "expires"), _NUMBER),
    **dict.fromkeys(("sha256", "grant"), _STRING),
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_DOCUMENTED: dict[str, Any] = {
    "security": [{"signed_address": []}],
    "parameters": [
        {"in": "query", "name": name, "schema": schema, "required": name not in ("sha256", "grant")}
        for name, schema in _PARAMETERS.items()
    ],
    "requestBody": {"required": True, "content": dict.fromkeys(sorted(CONTAINERS), _BINARY)},
}


@blueprint.route("/uploads/audio/presign", methods=["POST"])
@blueprint.arguments(UploadIntentSchema)
@blueprint.response(201, UploadUrlSchema)
@blueprint.refuses(400, 401, 403, 404, 413, 415, 422, 429, 503)
def presign(body: dict[str, Any]) -> Any:
    """Sign an address for one recording: good for ten minutes, and once."""
    asked = services().sessions.get(caller(), body["session_id"])
    services().answers.require_question(asked, body["question_id"])
    return address_for(asked, body["question_id"], body)


@signed.route("/uploads/audio/<string(length=32):object_key>", methods=["PUT"])
@admitted
@signed.response(201, KeptUploadSchema)
@signed.refuses(400, 401, 403, 404, 408, 409, 411, 413, 415, 422, 429, 503)
@signed.doc(**_DOCUMENTED)
def receive(object_key: str) -> Any:
    """Send the recording that the address was signed for. Use the address as it is: it is the credential."""
    services().signed_uploads.require_unused(object_key, session().id)
    recording = signed_recording(signed_upload().intent)
    return services().signed_uploads.receive(signed_upload(), object_key, recording)


@blueprint.route("/upload-answer/<session_id>/<question_id>/from-upload", methods=["POST"])
@checked_question_id
@admitted
@idempotent(repeats_safely=True)
@blueprint.arguments(UsedUploadSchema)
@blueprint.response(202, ReceiptSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
@without_transcript
def use_upload(body: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Make an upload the answer; it is transcribed in the background. Again is the same receipt."""
    said = {"language": body.get("language"), "declared_duration_ms": body.get("duration_ms")}
    receipt = services().signed_uploads.use(session(), question_id, body["object_key"], caller().user_id, **said)
    return receipt, where_to_ask(session_id, question_id)


def address_for(asked: Session, question_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """An address for the recording that the body speaks of, by the right of whoever asks for it."""
    intent, object_key = _intent_of(asked, question_id, body), new_object_key()
    path = _path_of(object_key)
    made = services().upload_urls.sign(grant(), asked, intent, method="PUT", path=path)
    url = f"{current_app.config['PUBLIC_URL']}{path}?{urlencode(made.parameters)}"
    return {"url": url, "object_key": object_key, "expires_at": made.expires_at}


def audio_url_of(object_key: str) -> str:
    """What clients call a recording that they sent: its address, without what made it open."""
    return f"{current_app.config['PUBLIC_URL']}{_path_of(object_key)}"


def object_key_of(audio_url: str) -> str:
    """The key in an address of ours, with or without its query; nothing is ever fetched by it.

    Raises `InvalidRequest` for any other address.
    """
    address = audio_url.partition("?")[0]
    object_key = address[-OBJECT_KEY_DIGITS:]
    if not _OBJECT_KEY.fullmatch(object_key) or address not in (audio_url_of(object_key), _path_of(object_key)):
        raise InvalidRequest("This is not an address that we gave for an upload.", code="foreign_audio_url")
    return object_key


def _path_of(object_key: str) -> str:
    return url_for("signed_uploads.receive", object_key=object_key)


def _intent_of(asked: Session, question_id: str, body: Mapping[str, Any]) -> UploadIntent:
    """Refused here already: what could never be taken."""
    content_type = declared_type(body["content_type"])
    if body["bytes"] > current_app.config["MAX_RECORDING_BYTES"]:
        raise RecordingTooLarge("The recording is too large.")
    sha256 = body["sha256"].lower() if "sha256" in body else None
    return UploadIntent(asked.id, question_id, content_type, body["bytes"], sha256)
