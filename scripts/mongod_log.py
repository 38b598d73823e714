"""Reads the end of mongod's log for people: the log itself is one JSON object a line."""

import json
from pathlib import Path


def last_words(log: Path, lines: int = 5) -> str:
    """The last errors in mongod's log, or its last lines where it names none."""
    entries = log.read_text(errors="replace").splitlines() if log.is_file() else []
    errors = [entry for entry in entries if '"s":"F"' in entry or '"s":"E"' in entry]
    return "\n".join(f"  mongod: {_readable(entry)}" for entry in (errors or entries)[-lines:])


def _readable(entry: str) -> str:
    try:
        fields = json.loads(entry)
    except ValueError:  # the dynamic loader's words, for one, are plain text
        return entry
    attributes = fields.get("attr", {})
    reason = attributes.get("message") or attributes.get("error") or attributes or ""
    if isinstance(reason, dict) and "error_str" in reason:  # WiredTiger's errors are nested
        reason = f"{reason.get('msg')}: {reason['error_str']}"
    return f"{fields.get('msg', entry)} {reason}".strip()
