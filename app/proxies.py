"""What of `X-Forwarded-…` is believed: what our own proxies added, counted from the end, and else nothing."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def install(app: Flask, trusted_proxies: int) -> None:
    """Take the client's address, scheme and host from as many proxies as there are."""
    if trusted_proxies:
        hops = {"x_for": trusted_proxies, "x_proto": trusted_proxies, "x_host": trusted_proxies}
        app.wsgi_app = ProxyFix(app.wsgi_app, **hops)  # type: ignore[method-assign]
