"""`Content-Digest` (RFC 9530): a body that arrived otherwise than it was sent is refused before anything is stored."""

import base64
import binascii
import hashlib
import re
from typing import Any

from flask import g, request
from werkzeug.exceptions import BadRequest

from services.errors import InvalidRequest

HEADER = "Content-Digest"
ALGORITHM = "sha-256"
# A dictionary of structured fields (RFC 9651): names with values, of which only byte sequences are of interest here.
_MEMBER = re.compile(
    r"(?P<name>[a-z*][a-z0-9_.*-]*)"
    r'(?:=(?::(?P<bytes>[A-Za-z0-9+/=]*):|"[\x20-\x21\x23-\x7e]*"|\?[01]|[A-Za-z0-9*.:/%_+-]+))?'
    r"(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=[^;,\s]+)?)*"
)


class DigestingStream:
    """The body as it comes from the server, hashed while it is read. It has no other way to be read than `read`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._stream.read(size)
        self.sha256.update(block)
        return block


def watch_body() -> None:
    """Hash the body while it is read, where its digest was sent; to be called before anything of it is."""
    expected = _sent_digest()
    if expected is None or "digest" in g:
        return
    g.digest = expected
    request.environ["wsgi.input"] = g.digesting = DigestingStream(request.environ["wsgi.input"])


def check_digest(recording_sha256: str) -> None:
    """Raise `InvalidRequest` when the digest that was sent is neither of the whole body nor of the recording in it.

    The whole body is what the RFC means; clients whose library makes the multipart body know only their recording's.
    """
    expected = g.get("digest")
    if expected is None:
        return
    if expected not in (g.digesting.sha256.digest(), bytes.fromhex(recording_sha256)):
        raise InvalidRequest("What arrived is not what Content-Digest says was sent.", code="digest_mismatch")


def _sent_digest() -> bytes | None:
    header = request.headers.get(HEADER)
    if header is None:
        return None
    found = None
    for member in header.split(","):
        match = _MEMBER.fullmatch(member.strip(" \t"))
        if match is None:
            raise BadRequest("Content-Digest is malformed.")
        if match["name"] == ALGORITHM:
            found = _decoded(match["bytes"])
    return found


def _decoded(encoded: str | None) -> bytes:
    try:
        digest = base64.b64decode(encoded or "", validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise BadRequest("Content-Digest holds no SHA-256.")
    return digest
