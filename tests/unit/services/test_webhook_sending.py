"""One POST to a real receiver on this machine: within its time, to the address that was judged, and nowhere else."""

import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import pytest
import trustme

from services import webhook_sending
from services.webhook_addresses import Address, Addresses, AddressRefused, Target
from services.webhook_sending import Answer, Sender, SendingFailed
from tests.webhook_receiver import Receiver, answering, cutting

pytestmark = pytest.mark.covers("Q-webhooks")

HERE: Sequence[Address] = [ip_address("127.0.0.1")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """Half a second for everything instead of ten."""
    monkeypatch.setattr(webhook_sending, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(webhook_sending, "BODY_SECONDS", 0.2)
    return 0.5


def target_of(receiver: Receiver, host: str = "hooks.example", path: str = "/hook?a=b") -> Target:
    return Target(receiver.scheme, host, receiver.port, path)


def post(receiver: Receiver, *, sender: Sender | None = None, target: Target | None = None) -> Answer:
    sender = sender or Sender()
    return sender.post(target or target_of(receiver), HERE, {"webhook-id": "msg_1"}, b'{"a":1}')


def test_the_name_is_sent_and_the_judged_address_connected_to(receiver: Receiver) -> None:
    assert post(receiver) == Answer(204)
    (received,) = receiver.received
    assert (received.path, received.body) == ("/hook?a=b", b'{"a":1}')
    assert received.headers["host"] == f"hooks.example:{receiver.port}"
    assert received.id == "msg_1"


def test_a_name_that_means_something_else_when_it_is_connected_to_changes_nothing(receiver: Receiver) -> None:
    # The first look-up leads outside, every later one inside: rebinding.
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        return [ip_address("192.0.2.9" if len(asked) > 1 else "8.8.8.8")]

    judged = Addresses(own="https://parley.example", resolve=rebinding)
    target = judged.target_of("https://hooks.example/")
    addresses = judged.addresses_of(target)
    assert [str(each) for each in addresses] == ["8.8.8.8"]
    with pytest.raises(AddressRefused):
        judged.addresses_of(target)
    # And what is connected to is what was judged: the name is of no consequence, it is never looked up again.
    assert post(receiver, target=target_of(receiver, host="no-such-name.invalid")) == Answer(204)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver, status: int) -> None:
    with Receiver().running() as inside:
        receiver.behave = answering(status, Location=inside.url("/admin"))
        assert post(receiver).status == status
        assert inside.received == []
    assert len(receiver.received) == 1


@pytest.mark.parametrize("behaviour", ["hang", "trickle"])
def test_a_receiver_that_never_ends_its_answer_holds_nobody_longer(
    receiver: Receiver, impatient: float, behaviour: str
) -> None:
    receiver.behave = getattr(receiver, behaviour)
    started = time.monotonic()
    with pytest.raises(SendingFailed) as failed:
        post(receiver)
    assert failed.value.code == "timed_out"
    assert time.monotonic() - started < impatient + 2


def test_an_endless_body_after_a_good_answer_is_left(receiver: Receiver, impatient: float) -> None:
    receiver.behave = receiver.trickle_body
    assert post(receiver).status == 200


def test_no_more_of_an_answer_is_read_than_its_bound(receiver: Receiver) -> None:
    receiver.behave = answering(200, b"a" * 20_000_000)
    assert post(receiver).status == 200


def test_a_connection_that_breaks_off_is_told_apart_from_one_that_never_was(
    receiver: Receiver, closed_port: int
) -> None:
    receiver.behave = cutting
    with pytest.raises(SendingFailed) as cut:
        post(receiver)
    with pytest.raises(SendingFailed) as refused:
        post(receiver, target=Target("http", "hooks.example", closed_port, "/"))
    assert (cut.value.code, refused.value.code) == ("cut", "connection_failed")


@pytest.mark.parametrize("reply", [b"", b"\x00\x01\x02", b"HTTP/1.1 999999 OK\r\n\r\n"])
def test_what_is_no_http_is_a_failure_like_any_other(receiver: Receiver, reply: bytes) -> None:
    def nonsense(handler: object) -> None:
        handler.wfile.write(reply)  # type: ignore[attr-defined]
        handler.close_connection = True  # type: ignore[attr-defined]

    receiver.behave = nonsense
    with pytest.raises(SendingFailed) as failed:
        post(receiver)
    assert failed.value.code == "cut"


def test_no_proxy_of_the_environment_is_asked(
    receiver: Receiver, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    assert post(receiver) == Answer(204)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("9" * 30, None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_when_to_come_back_is_read_as_seconds_or_a_date(receiver: Receiver, value: str, seconds: int | None) -> None:
    receiver.behave = answering(503, Retry_After=value)
    assert post(receiver) == Answer(503, seconds)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> Sender:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Sender(context)


def test_the_certificate_is_for_the_name_and_the_connection_to_the_address(authority: trustme.CA) -> None:
    with Receiver().running(serving(authority, "hooks.example")) as receiver:
        assert post(receiver, sender=trusting(authority)) == Answer(204)


@pytest.mark.parametrize("case", ["another name", "another authority"])
def test_a_certificate_that_does_not_fit_ends_it(authority: trustme.CA, case: str) -> None:
    names = {"another name": "other.example", "another authority": "hooks.example"}
    sender = trusting(authority) if case == "another name" else Sender()
    with Receiver().running(serving(authority, names[case])) as receiver:
        with pytest.raises(SendingFailed) as failed:
            post(receiver, sender=sender)
        assert receiver.received == []
    assert failed.value.code == "tls_failed"


def test_many_at_once_do_not_disturb_each_other(receiver: Receiver) -> None:
    answers: list[Answer] = []
    sender = Sender()
    threads = [threading.Thread(target=lambda: answers.append(post(receiver, sender=sender))) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert answers == [Answer(204)] * 16
