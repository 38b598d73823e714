"""Loaded by schemathesis: what its document-driven requests need beyond the document."""

import re
from secrets import token_hex
from typing import Any

import schemathesis

from services.audio.declared_type import CONTAINERS

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Make each well-formed key a new one: a key that comes again with other content is refused, as it should be."""
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,255}", key):
        case.headers[KEY] = f"{key[:200].strip(chr(34))}-{token_hex(8)}"


@schemathesis.serializer(*CONTAINERS)
def as_it_is(_context: Any, value: Any) -> bytes:
    """A recording sent as the whole body is its bytes."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode("utf-8", "surrogatepass")
