"""flask-smorest's blueprint, reading bodies strictly: what is not plainly right is a 4xx, never a surprise later."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn, TypeVar

import flask
import flask_smorest
from webargs import missing
from webargs.flaskparser import FlaskParser, abort, is_json_request
from werkzeug.datastructures import MultiDict

from app.ids import QUESTION_ID_PATTERN
from app.recording import FIELD, sole_file

View = TypeVar("View", bound=Callable[..., Any])
# app/ids.py checks it.
_QUESTION_ID = {
    "in": "path",
    "name": "question_id",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{QUESTION_ID_PATTERN}$"},
}


class StrictParser(FlaskParser):
    """Refuses what `json.loads` lets through (NaN, a name twice) or chokes on (deep nesting, endless digits)."""

    def _raw_load_json(self, req: flask.Request) -> Any:
        body = req.get_data(cache=True)
        if not body:
            return missing
        if not is_json_request(req):
            abort(415, message="Send JSON, and say so: `Content-Type: application/json`.")
        try:
            return json.loads(body.decode(), object_pairs_hook=_each_name_once, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            self._refuse()

    def load_recording(self, req: flask.Request, schema: Any) -> Any:
        """The text fields and the one file of an upload."""
        file = sole_file()
        values: MultiDict[str, Any] = MultiDict(req.form)
        values[FIELD] = file
        return self._makeproxy(values, schema)

    def _refuse(self) -> NoReturn:
        abort(400, message="The body is not valid JSON.", code="invalid_json")


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose `arguments` are read by `StrictParser`; location `recording` is an upload."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: ClassVar[dict[str, str]] = {
        "json": "application/json",
        "recording": "multipart/form-data",
    }

    def route(self, rule: str, *, parameters: Any = None, tags: Any = None, **options: Any) -> Any:
        """Document with every route what a question id may be."""
        if "<question_id>" in rule:
            parameters = [*(parameters or []), {**_QUESTION_ID}]
        return super().route(rule, parameters=parameters, tags=tags, **options)

    def refuses(self, *statuses: int) -> Callable[[View], View]:
        """Document the problems that a view answers with.

        Whoever has to show a credential can be asked to wait as well: by the limits, and while a server is away.
        """
        documented = {*statuses, 429, 503} if 401 in statuses else set(statuses)

        def decorate(view: View) -> View:
            for status in sorted(documented):
                view = self.alt_response(status, response=HTTPStatus(status).name)(view)
            return view

        return decorate


StrictParser.__location_map__ = {**FlaskParser.__location_map__, "recording": "load_recording"}


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name occurs twice")
    return values


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")
