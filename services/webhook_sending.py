"""One POST to an endpoint, to an address that was judged: no redirect is followed, no proxy of the environment asked.

httpcore (what httpx stands on) opens its connections through a backend that can be given to it, which is where the
judged addresses go in. The name stays the one of the endpoint for TLS (SNI and certificate) and for `Host`.
"""

import asyncio
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from math import ceil
from typing import Any

import httpcore

from services.errors import ParleyError
from services.webhook_addresses import Address, Target

# For everything together: a receiver that sends a byte now and then must not hold a worker.
TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
# The answer is its status. What follows is read so that the receiver can end its reply, within these bounds.
BODY_BYTES_AT_MOST = 64 * 1024
BODY_SECONDS = 1.0
ADDRESSES_AT_MOST = 3
# Whoever waits for an answer wakes that often: what interrupts a thread is raised in it only when it runs.
WAKE_SECONDS = 0.25


class SendingFailed(ParleyError):
    """Raised when there was no answer; the code says why. Another attempt may be answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said: its status, and when it would like to be asked again."""

    status: int
    retry_after_seconds: int | None = None


class Sender:
    """Sends; `tls` is for tests that bring a certificate authority of their own."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Read when it is first needed: it takes a while, and most processes never send."""
        return self._given_tls or httpcore.default_ssl_context()

    def post(self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes) -> Answer:
        """Send, and return what was answered; raises `SendingFailed`. Takes `TOTAL_SECONDS` at most.

        In a thread of its own: a shutdown is raised in the caller's at any moment, and asyncio swallows what is raised
        in the midst of it. What was being sent then goes on for its few seconds, and is sent again later.
        """
        sending: Future[Answer] = Future()

        def send() -> None:
            try:
                sending.set_result(asyncio.run(self._within_time(target, addresses, headers, body)))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the caller has to hear of it
                sending.set_exception(error)

        threading.Thread(target=send, name="webhook-sender", daemon=True).start()
        while not sending.done():
            wait([sending], timeout=WAKE_SECONDS)
        return _answer_of(sending)

    async def _within_time(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        async with asyncio.timeout(TOTAL_SECONDS):
            return await self._post(target, addresses, headers, body)

    async def _post(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        sent = [("Host", target.authority), ("Content-Length", str(len(body))), *headers.items()]
        backend = JudgedAddresses(addresses)
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._tls, http2=False, network_backend=backend) as pool,
            pool.stream("POST", url, headers=[*sent, ("Connection", "close")], content=body, extensions=_TIMES) as got,
        ):
            answer = Answer(got.status, _retry_after(got.headers))
            with suppress(TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ReadTimeout):
                async with asyncio.timeout(BODY_SECONDS):
                    await _drain(got)
            return answer


class JudgedAddresses(httpcore.AsyncNetworkBackend):
    """Connects to addresses that are given, whatever the name means by now."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses[:ADDRESSES_AT_MOST]
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("not for us")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


_TIMES = {"timeout": {"connect": CONNECT_SECONDS, "read": TOTAL_SECONDS, "write": TOTAL_SECONDS, "pool": TOTAL_SECONDS}}


async def _drain(got: httpcore.Response) -> None:
    size = 0
    async for chunk in got.aiter_stream():
        size += len(chunk)
        if size > BODY_BYTES_AT_MOST:
            return


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """RFC 9110, 10.2.3: seconds, or a date; None for anything else."""
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"").decode("latin-1").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, ceil((at - datetime.now(UTC)).total_seconds()))


def _answer_of(sending: "Future[Answer]") -> Answer:
    try:
        return sending.result()
    except (TimeoutError, httpcore.TimeoutException):
        raise SendingFailed("The receiver did not answer in time.", code="timed_out") from None
    except httpcore.ConnectError as error:
        raise _no_connection(error) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
        raise SendingFailed("The receiver broke the connection off.", code="cut") from None


def _no_connection(error: httpcore.ConnectError) -> SendingFailed:
    is_tls = any(isinstance(each, ssl.SSLError) for each in (error.__cause__, error.__context__))
    if is_tls:
        return SendingFailed("No safe connection to the receiver: see to its certificate.", code="tls_failed")
    return SendingFailed("The receiver could not be connected to.", code="connection_failed")
