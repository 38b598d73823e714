"""A model whose server is slow, away, busy or hostile: told apart, bounded in time and in bytes, and never hanging."""

import socket
import threading
import time
from collections.abc import Iterator
from ctypes import c_ulong, py_object, pythonapi
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from structlog.testing import capture_logs

from services.feedback import retrying
from services.feedback.chat import MOST_REPLY_BYTES, ChatEndpoint
from services.feedback.evaluation import Fallback, SpokenAnswer
from services.feedback.failures import EvaluationFailed
from services.feedback.fallback import WithFallback
from services.feedback.openai import FAILURES_BEFORE_REST, OpenAICompatibleFeedback
from services.feedback.rule_based import RuleBasedFeedback
from services.models import Question
from tests.chat_server import KEY, MODEL, Answer, ChatServer, Talk, chat_server

ANSWER = SpokenAnswer(Question("q1", "Why?", None, ("lead a team",)), "I led a secret team of five people", 12.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.01)
    with chat_server() as started:
        yield started


def model_at(url: str, *, timeout_seconds: float = 10.0) -> OpenAICompatibleFeedback:
    return OpenAICompatibleFeedback(ChatEndpoint(url, KEY, MODEL), timeout_seconds=timeout_seconds)


def failed(url: str, **options: float) -> EvaluationFailed:
    with pytest.raises(EvaluationFailed) as raised:
        model_at(url, **options).evaluate(ANSWER)
    return raised.value


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SLOW: dict[str, Answer] = {
    "silent": Talk.hang,
    "trickling the status line": lambda talk: talk.trickle(b"HTTP/1.1 200 ", b"O"),
    "trickling headers": lambda talk: talk.trickle(HEAD + b"X-A: ", b"a"),
    "trickling the body": lambda talk: talk.trickle(HEAD + b"Content-Length: 5000\r\n\r\n{", b" "),
    "trickling chunks": lambda talk: talk.trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.mark.covers("E2-S3.1", "E7-S1.2")
@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
def test_a_slow_server_is_left_at_the_deadline_however_it_is_slow(server, answer):
    server.answer = answer
    began = time.monotonic()

    assert failed(server.url, timeout_seconds=1.0).code == "timeout"
    assert time.monotonic() - began < 4


@pytest.mark.covers("E2-S3.1")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda talk: talk.refuse(500), "unavailable"),
        (lambda talk: talk.refuse(503), "unavailable"),
        (lambda talk: talk.refuse(429), "rate_limited"),
        (Talk.cut, "unavailable"),
        (lambda talk: talk.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "unavailable"),
        (lambda talk: talk.raw(b"no HTTP at all\r\n\r\n"), "unavailable"),
    ],
    ids=["500", "503", "429", "cut", "cut in the body", "no HTTP"],
)
def test_what_may_pass_is_tried_again_a_few_times(server, answer, code):
    server.answer = answer

    assert failed(server.url).code == code
    assert len(server.asked) == retrying.TRIES


@pytest.mark.covers("E2-S3.1")
def test_a_server_that_is_back_at_the_second_try_has_scored(server):
    server.script = [lambda talk: talk.refuse(503)]

    assert model_at(server.url).evaluate(ANSWER).metadata.provider == "openai"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "code", "times"),
    [
        (lambda talk: talk.refuse(401), "unauthorized", 1),
        (lambda talk: talk.refuse(403), "unauthorized", 1),
        (lambda talk: talk.refuse(404), "refused", 1),
        (lambda talk: talk.refuse(307, Location="http://127.0.0.1:1/"), "redirected", 1),
        # One for each form of the request.
        (lambda talk: talk.refuse(400), "refused", 4),
        (
            lambda talk: talk.complete(None, choices=[{"message": {"content": None, "refusal": "I will not."}}]),
            "declined",
            1,
        ),
        (
            lambda talk: talk.complete("{}", choices=[{"message": {"content": ""}, "finish_reason": "content_filter"}]),
            "declined",
            1,
        ),
        (lambda talk: talk.reply(200, b" " * (MOST_REPLY_BYTES + 1)), "reply_too_large", 1),
    ],
    ids=["401", "403", "404", "307", "400", "refusal", "content filter", "huge"],
)
def test_what_will_not_pass_is_not_tried_again(server, answer, code, times):
    server.answer = answer

    assert failed(server.url).code == code
    assert len(server.asked) == times


def test_an_endless_body_is_read_no_further_than_a_reply_can_be_long(server):
    server.answer = lambda talk: talk.trickle(HEAD + b"\r\n", b" " * 65536)
    began = time.monotonic()

    assert failed(server.url).code == "reply_too_large"
    assert time.monotonic() - began < 5


def test_a_redirect_takes_the_key_nowhere(server):
    with chat_server() as other:
        server.answer = lambda talk: talk.refuse(308, Location=f"{other.url}/chat/completions")
        failed(server.url)

        assert other.asked == []


def test_the_pause_that_a_busy_server_asks_for_is_made(server):
    server.script = [lambda talk: talk.refuse(429, Retry_After="1")]
    began = time.monotonic()
    model_at(server.url).evaluate(ANSWER)

    assert 1 <= time.monotonic() - began < 4


@pytest.mark.parametrize(
    "wait",
    ["3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), "9" * 400],
    ids=["an hour", "a date", "for ever"],
)
def test_who_asks_for_too_long_a_pause_is_not_asked_again(server, wait):
    server.answer = lambda talk: talk.refuse(429, Retry_After=wait)
    began = time.monotonic()

    assert failed(server.url).code == "rate_limited"
    assert time.monotonic() - began < 2
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "wait",
    [
        *("-1", "soon", "", "²"),
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2020 99999999999999999999:00:00 GMT",
    ],
)
def test_a_pause_that_says_nothing_is_as_long_as_any(server, wait):
    server.script = [lambda talk: talk.reply(429, b"{}", **{"Retry_After": wait} if wait.isascii() else {})]

    assert model_at(server.url).evaluate(ANSWER).metadata.provider == "openai"


def test_a_server_that_is_away_is_left_alone_for_a_while(closed_port):
    model = model_at(f"http://127.0.0.1:{closed_port}/v1")
    codes = []
    for _ in range(FAILURES_BEFORE_REST):
        with pytest.raises(EvaluationFailed) as raised:
            model.evaluate(ANSWER)
        codes.append(raised.value.code)

    assert codes[0] == "unavailable"
    assert codes[-1] == "left_alone"


def test_a_model_that_refuses_is_not_taken_for_away(server):
    server.answer = lambda talk: talk.refuse(401)
    model = model_at(server.url)
    for _ in range(2 * FAILURES_BEFORE_REST):
        with pytest.raises(EvaluationFailed) as raised:
            model.evaluate(ANSWER)

    assert raised.value.code == "unauthorized"


@pytest.mark.covers("E2-S3.2", "E2-S3.3", "E2-S2.2", "E7-S1.2")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Talk.hang, "timeout"),
        (lambda talk: talk.refuse(500), "unavailable"),
        (lambda talk: talk.complete("no"), "invalid_output"),
        (lambda talk: talk.refuse(401), "unauthorized"),
    ],
    ids=["timeout", "500", "invalid", "401"],
)
def test_rules_score_where_the_model_does_not_and_the_metadata_and_the_log_say_so(server, answer, code):
    server.answer = answer
    with capture_logs() as logs:
        evaluation = WithFallback(model_at(server.url, timeout_seconds=1.0), RuleBasedFeedback()).evaluate(ANSWER)

    assert evaluation.feedback == RuleBasedFeedback().evaluate(ANSWER).feedback
    assert evaluation.metadata.provider == "rule_based"
    assert evaluation.metadata.fallback is not None
    assert (evaluation.metadata.fallback.provider, evaluation.metadata.fallback.reason) == ("openai", code)
    assert any(each.get("code") == code and each.get("instead_of") == "openai" for each in logs)


@pytest.mark.covers("E2-S3.2", "E2-S3.3")
def test_rules_score_also_where_the_model_is_read_wrong_by_us(server, monkeypatch):
    """A defect of ours in reading a reply is no candidate's fault."""

    def break_down(reply: bytes) -> None:
        raise RuntimeError(reply)

    monkeypatch.setattr("services.feedback.chat.read_completion", break_down)
    with capture_logs() as logs:
        evaluation = WithFallback(model_at(server.url), RuleBasedFeedback()).evaluate(ANSWER)

    assert evaluation.metadata.provider == "rule_based"
    assert evaluation.metadata.fallback == Fallback("openai", "provider_broke")
    (told,) = [each for each in logs if each.get("instead_of") == "openai"]
    assert "RuntimeError" in told["exception"]
    assert "You said enough" not in str(logs)


@pytest.mark.parametrize("answer", [lambda talk: talk.refuse(401), Talk.cut, lambda talk: talk.complete("secret no")])
def test_neither_the_key_nor_what_was_said_is_logged_or_told(server, answer):
    server.answer = answer
    with capture_logs() as logs, pytest.raises(EvaluationFailed) as raised:
        model_at(server.url).evaluate(ANSWER)

    told = f"{logs} {raised.value!r} {raised.value.__cause__!r} {vars(raised.value)}"
    assert KEY not in told
    assert "secret" not in told


class Interruption(BaseException):
    """As Dramatiq raises in the threads of a worker that is stopped."""


@pytest.mark.parametrize("answer", [Talk.hang, lambda talk: talk.trickle(HEAD + b"X-A: ", b"a")])
def test_a_stopping_worker_is_not_held_by_a_slow_server(server, answer):
    server.answer = answer
    ended: list[BaseException] = []

    def evaluate() -> None:
        try:
            model_at(server.url, timeout_seconds=60.0).evaluate(ANSWER)
        except BaseException as error:  # noqa: BLE001 - it is what the test is about
            ended.append(error)

    thread = threading.Thread(target=evaluate, daemon=True)
    thread.start()
    deadline = time.monotonic() + 5
    while not server.asked and time.monotonic() < deadline:
        thread.join(0.01)
    assert pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident or 0), py_object(Interruption)) == 1
    thread.join(3)

    assert not thread.is_alive()
    assert [type(each) for each in ended] == [Interruption]


def test_a_server_that_never_takes_the_connection_is_left_at_the_deadline():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        began = time.monotonic()

        assert failed(url, timeout_seconds=1.0).code == "timeout"
        assert time.monotonic() - began < 4
