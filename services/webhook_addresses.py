"""Where webhooks may be sent to: out into the internet, and not into the network this service runs in.

Everybody with an account can name an address that this service then sends to, from inside (server-side request
forgery). So an address is read strictly, its name is looked up by us, every address behind the name is judged, and the
connection is made to one of those that were judged (webhook_sending.py): a name that means something else a moment
later changes nothing.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from services.errors import InvalidRequest

LONGEST_URL = 2_000
PORTS = {"https": 443, "http": 80}

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[Address]]

_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
# What follows the host as it is sent: a path and a query, in the characters of RFC 3986.
_TARGET = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
# IPv4 in other clothes: translated (RFC 6052, RFC 8215), compatible (RFC 4291, 2.5.5.1). 6to4 and Teredo are known to
# `ipaddress`. None of them is needed to reach anything that has an address of its own.
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
# Networks of carriers (RFC 6598), and the relays of 6to4 (RFC 7526): neither private nor to be reached.
_SHARED, _RELAYS = IPv4Network("100.64.0.0/10"), IPv4Network("192.88.99.0/24")
# Where clouds tell their machines what is meant for these alone, beside 169.254/16: Azure has its own at an address of
# the internet, Oracle at one of IETF's assignments (RFC 6890; whatever else is there is for protocols), Alibaba among
# the carriers', Amazon and Google at private ones of IPv6.
_OF_CLOUDS = (
    IPv4Network("168.63.129.16/32"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("100.100.100.200/32"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::/64"),
)
# Not every version of `ipaddress` knows these: "this network" and the newer one for documentation (RFC 9637).
_NOWHERE = (IPv4Network("0.0.0.0/8"), IPv6Network("3fff::/20"))
# IPv6 in the internet is handed out from here (RFC 4291, 2.4); `is_global` knows what is not to be used of it.
_UNICAST_V6 = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart once: what is judged is what is connected to and sent."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """As in `Host`: with the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class AddressRefused(InvalidRequest):
    """Raised for an address that nothing is sent to. It never says what a name leads to: names inside are our own."""

    code = "webhook_address_refused"


class Addresses:
    """Judges addresses by the settings."""

    def __init__(
        self,
        *,
        own: str,
        allowed_hosts: Sequence[str] = (),
        allow_private: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        """`own` is the public address of this service; `allowed_hosts` may be inside, and in the clear."""
        self._own = own.lower()
        self._allowed_hosts = frozenset(allowed_hosts)
        self._allow_private = allow_private
        self._resolve = resolve or resolved

    def target_of(self, url: str) -> Target:
        """Read an address; raises `AddressRefused` for one that is not plainly right."""
        target = _parsed(url)
        if target.scheme != "https" and not self._may_be_inside(target.host):
            raise AddressRefused("Send to an https address.")
        if self._own in (f"{target.scheme}://{target.authority}", f"{target.scheme}://{target.host}:{target.port}"):
            raise AddressRefused("That is an address of this service itself.")
        return target

    def addresses_of(self, target: Target) -> Sequence[Address]:
        """Where to connect to; raises `AddressRefused` where any address behind the name is not to be sent to."""
        try:
            found = self._resolve(target.host, target.port)
        except OSError:
            found = ()
        is_fine = _is_outside_or_private if self._may_be_inside(target.host) else is_outside
        if not found or not all(is_fine(each) for each in found):
            raise AddressRefused("There is nothing at this address that may be sent to.")
        return found

    def _may_be_inside(self, host: str) -> bool:
        return self._allow_private or host in self._allowed_hosts


def is_outside(address: Address) -> bool:
    """Whether it is an address of the internet, for one receiver, in its own form."""
    if isinstance(address, IPv6Address) and _holds_ipv4(address):
        return False
    if address.version == 6 and (address not in _UNICAST_V6 or any(address in each for each in _TRANSLATED)):
        return False
    return address.is_global and address not in _RELAYS and not _is_for_nobody(address)


def _is_outside_or_private(address: Address) -> bool:
    """The same, and networks behind walls; never what a cloud tells its machines about themselves."""
    if is_outside(address) or address == IPv6Address("::1"):
        return True
    if isinstance(address, IPv6Address) and (_holds_ipv4(address) or address in _TRANSLATED[2]):
        return False
    return (address.is_private or address in _SHARED) and not (address.is_link_local or _is_for_nobody(address))


def _holds_ipv4(address: IPv6Address) -> bool:
    return any(each is not None for each in (address.ipv4_mapped, address.sixtofour, address.teredo))


def _is_for_nobody(address: Address) -> bool:
    """For no single receiver, or for the machine alone that asks."""
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    return is_special or any(address in each for each in (*_OF_CLOUDS, *_NOWHERE))


def _parsed(url: str) -> Target:
    refused = AddressRefused("The address is not one that can be sent to: https://host[:port][/path][?query].")
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url) or "#" in url or "\\" in url:
        raise refused
    try:
        parts = urlsplit(url)
        scheme, port = parts.scheme.lower(), parts.port
    except ValueError:
        raise refused from None
    host = (parts.hostname or "").lower()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_right = scheme in PORTS and "@" not in parts.netloc and port != 0 and _TARGET.fullmatch(target)
    if not is_right or not _is_host(host):
        raise refused
    # "host:" with nothing after it, and a name in the brackets of an address.
    if parts.netloc.endswith(":") or ("[" in parts.netloc and ":" not in host):
        raise refused
    return Target(scheme, host, port or PORTS[scheme], target)


def _is_host(host: str) -> bool:
    """A name, or an address in its own form: no number, no hex or octal, no zone, nothing beyond ASCII."""
    try:
        ip_address(host)
    except ValueError:
        # The last label of a name begins with a letter; `0x7f` does not, and `127.1` neither.
        return _NAME.fullmatch(host) is not None
    return "%" not in host


def resolved(host: str, port: int, *, seconds: float = 3.0) -> Sequence[Address]:
    """Every address behind a name; raises `OSError`, also when that takes too long.

    In a thread of its own: a look-up cannot be interrupted, and has patience of its own.
    """
    looking: Future[Sequence[Address]] = Future()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            looking.set_result(list(dict.fromkeys(ip_address(each[4][0]) for each in found)))
        except (OSError, ValueError, UnicodeError) as error:
            looking.set_exception(OSError(str(error)))

    threading.Thread(target=look, name="webhook-resolver", daemon=True).start()
    ends_at = time.monotonic() + seconds
    while not looking.done() and time.monotonic() < ends_at:
        # Short waits: what interrupts a thread is raised in it only when it runs.
        wait([looking], timeout=0.25)
    return looking.result(timeout=0)
