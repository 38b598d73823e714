"""Which frontends this API still speaks with. One that is too old is told so, and never while it holds a recording."""

import re
import tomllib
from typing import Any

from flask import Flask, current_app, request
from marshmallow import Schema, fields

from app.blueprint import Blueprint
from app.rate_limits import EXEMPT_BLUEPRINTS, UPLOADS
from config import ROOT
from services.errors import Conflict

HEADER = "X-Frontend-Version"
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
# Raised when a change of the API would break older frontends.
MINIMUM_FRONTEND_VERSION = "0.1.0"
_NUMBERS = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:[-+][0-9A-Za-z.+-]{1,100})?")

blueprint = Blueprint("version", __name__, description="Versions")


class VersionSchema(Schema):
    version = fields.String(required=True)
    minimum_frontend_version = fields.String(required=True)


class FrontendTooOld(Conflict):
    """Raised when a frontend says that it is older than what this API speaks."""

    code = "frontend_too_old"

    def __init__(self) -> None:
        super().__init__("This page is older than the service. Please load it again.")
        self.members = versions()


@blueprint.route("/version")
@blueprint.response(200, VersionSchema)
@blueprint.doc(security=[])
def version() -> Any:
    """The version of this service, and the oldest frontend it speaks with (`X-Frontend-Version`)."""
    return versions()


def versions() -> dict[str, str]:
    return {"version": VERSION, "minimum_frontend_version": current_app.config["MINIMUM_FRONTEND_VERSION"]}


def install(app: Flask) -> None:
    """Refuse frontends below the minimum; absent or unreadable versions are served, since they prove nothing."""
    app.config.setdefault("MINIMUM_FRONTEND_VERSION", MINIMUM_FRONTEND_VERSION)

    @app.before_request
    def refuse_old_frontend() -> None:
        given = numbers_of(request.headers.get(HEADER, ""))
        if given is None or request.blueprint in (None, "home", *EXEMPT_BLUEPRINTS) or _is_upload():
            return
        minimum = numbers_of(current_app.config["MINIMUM_FRONTEND_VERSION"])
        if minimum is not None and given < minimum:
            raise FrontendTooOld


def _is_upload() -> bool:
    """Whether it is one, or a step of one."""
    return request.endpoint in UPLOADS or request.blueprint == "uploads"


def numbers_of(version: str) -> tuple[int, ...] | None:
    """`v1.10.2-rc.1` as (1, 10, 2); None for what is no version."""
    found = _NUMBERS.fullmatch(version.strip())
    return tuple(int(number or 0) for number in found.groups()) if found else None
