"""Whether a value can be used, told without repeating it: it may be a secret."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from environs import validate
from marshmallow import ValidationError


def is_mongodb_uri(value: str) -> None:
    _check(not value or value.startswith(("mongodb://", "mongodb+srv://")), "must begin with mongodb://")


def is_redis_url(value: str) -> None:
    _check(not value or value.startswith(("redis://", "rediss://", "unix://")), "must begin with redis://")


def is_jwt_secret(value: str) -> None:
    _check(not value or len(value.encode()) >= 32, "must have at least 32 bytes (RFC 7518, section 3.2)")


def is_url(value: str) -> None:
    parts = urlsplit(value)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    _check(not value or (is_safe and bool(parts.netloc)), "must be an https address (http only to this machine)")


def is_llm_url(value: str) -> None:
    """https; without TLS only on this machine or in one's own network, since a key and transcripts are sent."""
    try:
        parts = urlsplit(value)
        host, has_port = parts.hostname or "", parts.port != 0
    except ValueError:
        parts, host, has_port = urlsplit(""), "", False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_near(host))
    has_more = parts.query or parts.fragment or parts.username
    _check(
        not value or (is_safe and _is_host(host) and has_port and not has_more),
        "must be an https address (http only in one's own network), without a user, a query or a fragment",
    )


def is_header_value(value: str) -> None:
    _check(value.isascii() and value.isprintable() and " " not in value, "must be printable ASCII without spaces")


def is_rate(value: str) -> None:
    fits = re.fullmatch(r"[1-9]\d{0,8}/(second|minute|hour|day)", value)
    _check(fits is not None, "must be a number and a unit of time, such as 120/minute")


def is_origin(value: str) -> None:
    parts = urlsplit(value)
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    has_more = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    _check(not value or (is_web and not has_more), "must be an http(s) address without a path")


def are_origins(values: list[str]) -> None:
    for value in values:
        is_origin(as_origin(value))


def are_hosts(values: list[str]) -> None:
    fits = all(re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", value.strip()) for value in values)
    _check(fits, "must be names or addresses of hosts, without scheme, port or path")


def is_encryption_key(value: str) -> None:
    _check(not value or len(value.encode()) >= 32, "must have at least 32 characters, drawn at random")


def as_origin(value: str) -> str:
    return value.strip().rstrip("/")


def from_1_to(maximum: int) -> validate.Range:
    return validate.Range(min=1, max=maximum)


def is_token(value: str) -> None:
    _check(not value or len(value) >= 16, "must have at least 16 characters")
    _check(value.count(".") != 2, "must not look like a signed token (two dots)")


def _is_host(host: str) -> bool:
    return bool(host) and host.isascii() and all(0 < len(label) <= 63 for label in host.rstrip(".").split("."))


def _is_near(host: str) -> bool:
    """This machine, a private address, or a name without a domain, as containers have."""
    try:
        address = ip_address(host)
    except ValueError:
        return bool(host) and "." not in host
    return address.is_loopback or address.is_private


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValidationError(message)
