"""The owner's token that `make run` makes for itself: kept in the data directory, so that it outlives a restart."""

import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from config import Settings

FILE_NAME = "token"
TOKEN = re.compile(r"[\x21-\x7e]{16,512}")


class TokenNotKept(Exception):
    """Raised when the token cannot be written; the message says where and why, and never the token."""


def owner_token(settings: Settings) -> str:
    """`BOOTSTRAP_TOKEN`, else the kept token, else a new one that is kept; raises `TokenNotKept`."""
    return known_token(settings) or _keep(settings.data_dir, secrets.token_urlsafe(32))


def known_token(settings: Settings) -> str | None:
    """The token of a service with these settings; None when there is none yet, or it may not be read."""
    return settings.bootstrap_token or _kept(settings.data_dir / FILE_NAME)


def _kept(path: Path) -> str | None:
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return token if TOKEN.fullmatch(token) else None


def _keep(data_dir: Path, token: str) -> str:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # mkstemp makes it readable for its owner only, and the rename shows it to nobody half written.
        descriptor, name = tempfile.mkstemp(prefix=f"{FILE_NAME}-", dir=data_dir)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{token}\n")
            Path(name).replace(data_dir / FILE_NAME)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise TokenNotKept(
            f"the owner's token cannot be kept in {data_dir} ({error.strerror}): set DATA_DIR or BOOTSTRAP_TOKEN"
        ) from error
    return token
