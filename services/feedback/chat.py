"""One request to an OpenAI-compatible chat endpoint (POST …/chat/completions), and every way in which it can fail.

httpcore, on which httpx stands, and not the `openai` package: ADR 039 says why. Redirects are not followed (they would
take the key elsewhere), no proxy of the environment is asked, and nothing is decompressed.
"""

import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
from structlog.contextvars import get_contextvars

from services.feedback.deadline import Deadline, DeadlineBackend
from services.feedback.evaluation import TokenUsage
from services.feedback.failures import EvaluationFailed, ModelRefused, ModelUnavailable
from services.feedback.schema import read_completion

# Ten times what the longest good reply has.
MOST_REPLY_BYTES = 256 * 1024
BUSY = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model said, which one it says it is, and what that took."""

    text: str
    model: str | None
    usage: TokenUsage | None


class ChatEndpoint:
    """Asks one model; a connection of its own for each question, which takes far longer than connecting."""

    def __init__(self, url: str, key: str, model: str) -> None:
        self.model = model
        self._url = f"{url}/chat/completions"
        self._headers: dict[bytes | str, bytes | str] = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "parley",
        }
        self._ssl_context: ssl.SSLContext = httpcore.default_ssl_context()

    def ask(self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any], deadline: Deadline) -> ChatReply:
        """What the model says by the deadline; `form` is the rest of the request. Raises `EvaluationFailed`."""
        content = json.dumps({"model": self.model, "messages": messages, **form}).encode()
        try:
            status, headers, body = self._post(content, deadline)
        except httpcore.TimeoutException:
            raise ModelUnavailable("The model did not answer in time.", code="timeout") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            # Without its cause: a traceback shows what was sent.
            raise ModelUnavailable("The model cannot be reached, or the connection was cut.") from None
        if status != 200:
            raise _refusal(status, headers)
        if body is None:
            raise ModelRefused("The model's reply is too large.", code="reply_too_large")
        return ChatReply(*read_completion(body))

    def _post(self, content: bytes, deadline: Deadline) -> tuple[int, Mapping[str, str], bytes | None]:
        """Status, headers, and the body; None for one that is too large, or of an encoding that was not asked for."""
        backend = DeadlineBackend(deadline)
        pool = httpcore.ConnectionPool(ssl_context=self._ssl_context, network_backend=backend, max_connections=1)
        sent = {**self._headers, **_who_asked()}
        with closing(pool), pool.stream("POST", self._url, headers=sent, content=content) as response:
            headers = {
                name.decode("ascii", "replace").lower(): value.decode("ascii", "replace")
                for name, value in response.headers
            }
            if response.status != 200:
                return response.status, headers, b""
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > MOST_REPLY_BYTES:
                    return response.status, headers, None
            return response.status, headers, bytes(body)


def _who_asked() -> dict[bytes | str, bytes | str]:
    """The id of the request that this is for, as services/scoring.py binds it: it leads from their logs to ours."""
    request_id = get_contextvars().get("request_id")
    return {} if request_id is None else {"X-Request-ID": request_id}


def _refusal(status: int, headers: Mapping[str, str]) -> EvaluationFailed:
    """By the status alone: what the body says may repeat the question, and is not ours to log."""
    if status in BUSY or status >= 500:
        code = "rate_limited" if status == 429 else "unavailable"
        wait = _retry_after_seconds(headers.get("retry-after"))
        return ModelUnavailable(f"The model's server answered {status}.", code=code, retry_after_seconds=wait)
    if 300 <= status < 400:
        return ModelRefused("The model's server answered with a redirect.", code="redirected")
    if status in (401, 403):
        return ModelRefused("The model's server refuses the key.", code="unauthorized")
    return ModelRefused(f"The model's server answered {status}.", is_about_request=status in (400, 422))


def _retry_after_seconds(value: str | None) -> float | None:
    """RFC 9110, section 10.2.3: seconds or a date; None for what is neither."""
    if value is None:
        return None
    if value.strip().isdigit() and value.isascii():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
