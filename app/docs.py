"""The API's own page: Swagger UI from the installed package, over the generated document."""

from flask import Blueprint, Response
from flask_swagger_ui import get_swaggerui_blueprint

# Swagger UI starts itself by an inline script, and brings its pictures inside its styles.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def build_docs() -> Blueprint:
    """The blueprint of `/api/docs`; nothing of it comes from another host."""
    blueprint: Blueprint = get_swaggerui_blueprint(
        "/api/docs", "/api/openapi.json", config={"app_name": "Parley"}, blueprint_name="docs"
    )
    blueprint.after_request(_allow_its_own_script)
    return blueprint


def _allow_its_own_script(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response
