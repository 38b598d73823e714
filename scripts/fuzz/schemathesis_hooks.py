"""Loaded by schemathesis: what its document-driven requests need beyond the document."""

import re
from secrets import token_hex
from typing import Any

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(_context: Any, case: Any, _options: Any) -> None:
    """Make each well-formed key a new one: a key that comes again with other content is refused, as it should be."""
    key = (case.headers or {}).get(KEY)
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,255}", key):
        case.headers[KEY] = f"{key[:200].strip(chr(34))}-{token_hex(8)}"
