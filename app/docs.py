"""The API's own page: Swagger UI from the installed package, over the generated document."""

from flask import Blueprint
from flask_swagger_ui import get_swaggerui_blueprint


def build_docs() -> Blueprint:
    """The blueprint of `/api/docs`; nothing of it comes from another host."""
    blueprint: Blueprint = get_swaggerui_blueprint(
        "/api/docs", "/api/openapi.json", config={"app_name": "Parley"}, blueprint_name="docs"
    )
    return blueprint
