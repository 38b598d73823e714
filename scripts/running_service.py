"""Finds the service that runs here already, so that `make demo` interviews it instead of starting another."""

from dataclasses import dataclass, field

import httpx

from config import Settings
from scripts.owner_token import known_token
from scripts.web_server import LOOPBACK_OF, WebServer

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is, and a token that opens it."""

    url: str
    token: str = field(repr=False)


def running_service(settings: Settings) -> Service | None:
    """The one on `HOST:PORT`, when it is a Parley that our token opens; else None."""
    token = known_token(settings)
    if token is None or not _is_parley(settings):
        return None
    host = LOOPBACK_OF.get(settings.host, settings.host)
    service = Service(f"http://{f'[{host}]' if ':' in host else host}:{settings.port}", token)
    return service if _opens(service) else None


def _is_parley(settings: Settings) -> bool:
    """Asked before anything is shown the token."""
    answer = WebServer(settings).readiness()
    return answer is not None and {"status", "checks", "demo_model"} <= answer[1].keys()


def _opens(service: Service) -> bool:
    headers = {"Authorization": f"Bearer {service.token}"}
    try:
        reply = httpx.get(f"{service.url}/api/sessions", headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return reply.status_code == httpx.codes.OK
