"""Where webhooks may go: into the internet. The names of the tests lead nowhere real; addresses are only judged."""

import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from services.webhook_addresses import Address, Addresses, AddressRefused, is_outside, resolved

pytestmark = pytest.mark.covers("Q-webhooks")

OWN = "https://parley.example"
INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "3fff::1",
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]


def addresses(*found: str, **options: object) -> Addresses:
    """Every name leads to these."""
    answer: list[Address] = [ip_address(each) for each in found or ["8.8.8.8"]]
    return Addresses(own=OWN, resolve=lambda host, port: answer, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_sent_to_whatever_its_form(address: str) -> None:
    assert not is_outside(ip_address(address))
    judged = addresses(address)
    with pytest.raises(AddressRefused):
        judged.addresses_of(judged.target_of("https://hooks.example/"))


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet_are_sent_to(address: str) -> None:
    judged = addresses(address)
    assert judged.addresses_of(judged.target_of("https://hooks.example/")) == [ip_address(address)]


def test_one_address_inside_among_others_is_enough_to_refuse() -> None:
    judged = addresses("8.8.8.8", "10.0.0.1")
    with pytest.raises(AddressRefused):
        judged.addresses_of(judged.target_of("https://hooks.example/"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "javascript:alert(1)",
        "http://hooks.example/",
        "https:///path",
        "https://:443/",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://hooks.example@10.0.0.1/",
        "https://hooks.example:0/",
        "https://hooks.example:65536/",
        "https://hooks.example:-1/",
        "https://hooks.example:port/",
        "https://hooks.example:/",
        "https://hooks.example/#part",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX: y",
        "https://hooks.example/\x00",
        "https://hooks.example\\@10.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://hooks.123/",
        "https://hooks.0x7f/",
        "https://hooks.example./",
        "https://.example/",
        "https://-hooks.example/",
        "https://hooks..example/",
        "https://hooks.exämple/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://hooks\u3002example/",
        "https://%31%32%37.0.0.1/",
        "https://[::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[v1.fe80]/",
        "https://[hooks.example]/",
        "https://[::1/",
        "https://parley.example/api",
        "https://parley.example:443/",
        "https://PARLEY.example/",
        "https://hooks.example/" + "a" * 2_000,
    ],
)
def test_an_address_that_is_not_plainly_right_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        addresses().target_of(url)


def test_an_address_is_taken_apart_as_it_is_sent() -> None:
    target = addresses().target_of("HTTPS://Hooks.Example:8443/a%20b/c?d=e&f")
    assert (target.scheme, target.host, target.port, target.path) == ("https", "hooks.example", 8443, "/a%20b/c?d=e&f")
    assert target.authority == "hooks.example:8443"
    bare = addresses().target_of("https://hooks.example")
    assert (bare.path, bare.authority) == ("/", "hooks.example")
    assert addresses().target_of("https://[2606:4700:4700::1111]:444/").authority == "[2606:4700:4700::1111]:444"


def test_hosts_that_are_allowed_may_be_inside_and_in_the_clear_and_no_others() -> None:
    judged = addresses("10.0.0.1", allowed_hosts=["hooks.internal"])
    assert judged.addresses_of(judged.target_of("http://hooks.internal:8080/")) == [ip_address("10.0.0.1")]
    for url in ("http://other.internal/", "http://a.hooks.internal/"):
        with pytest.raises(AddressRefused):
            judged.target_of(url)
    with pytest.raises(AddressRefused):
        judged.addresses_of(judged.target_of("https://other.internal/"))


@pytest.mark.parametrize(
    ("address", "is_fine"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.1", True),
        ("100.64.0.1", True),
        ("fd12::1", True),
        ("8.8.8.8", True),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2001:0:a9fe:a9fe::", False),
        ("2002:a9fe:a9fe::1", False),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("100.100.100.200", False),
        ("fd00:ec2::254", False),
        ("fd20:ce::254", False),
        ("0.1.2.3", False),
        ("fe80::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
    ],
)
def test_in_a_closed_network_everything_but_what_a_cloud_tells_its_machines(address: str, is_fine: bool) -> None:
    judged = addresses(address, allow_private=True)
    target = judged.target_of("http://hooks.internal/")
    if is_fine:
        assert judged.addresses_of(target) == [ip_address(address)]
    else:
        with pytest.raises(AddressRefused):
            judged.addresses_of(target)


def test_a_name_that_leads_nowhere_and_one_that_leads_inside_are_refused_alike() -> None:
    def nowhere(host: str, port: int) -> Sequence[Address]:
        raise OSError(host)

    lost = Addresses(own=OWN, resolve=nowhere)
    inside = addresses("10.0.0.1")
    said = []
    for judged in (lost, inside):
        with pytest.raises(AddressRefused) as refused:
            judged.addresses_of(judged.target_of("https://hooks.example/"))
        said.append((refused.value.code, refused.value.message))
    assert said[0] == said[1]


def test_names_are_looked_up_as_the_machine_does() -> None:
    assert ip_address("127.0.0.1") in resolved("localhost", 80)
    with pytest.raises(OSError, match=r"\w"):
        resolved("a" * 64 + ".example", 80)


def test_a_look_up_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(30) and [])
    try:
        with pytest.raises(TimeoutError):
            resolved("hooks.example", 80, seconds=0.1)
    finally:
        released.set()
