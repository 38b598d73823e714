"""Numbers for Prometheus. Labels are route templates and status classes, never ids or tokens."""

import time

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.work_metrics import WorkMetrics
from services.container import Services

blueprint = Blueprint("metrics", __name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one app counts; a registry of its own, so that two apps can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ["method", "route", "status"]
        self.requests = Counter("parley_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "parley_request_seconds",
            "How long requests took.",
            ["method", "route"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        self.sockets = Gauge("parley_sockets", "Open live connections.", registry=self.registry)


def install(app: Flask) -> None:
    """Count every request."""
    found = app.extensions["parley_metrics"] = Metrics()
    services: Services = app.extensions["parley"]
    found.registry.register(WorkMetrics(services.figures.told))

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "(none)"
        found = metrics_of_app()
        # Anybody can invent methods, and each would stay in memory as a label.
        method = request.method if request.method in METHODS else "OTHER"
        found.requests.labels(method, route, response.status_code).inc()
        if "started" in g:
            found.seconds.labels(method, route).observe(time.monotonic() - g.started)
        return response


def metrics_of_app() -> Metrics:
    found: Metrics = current_app.extensions["parley_metrics"]
    return found


@blueprint.route("/metrics")
def metrics() -> Response:
    return Response(generate_latest(metrics_of_app().registry), content_type=CONTENT_TYPE)
