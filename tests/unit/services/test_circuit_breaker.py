"""A server that keeps failing is left alone, and one call finds out whether it is back."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.circuit_breaker import CircuitBreaker
from services.errors import Unavailable


class Away(Exception):
    pass


def fail() -> None:
    raise Away


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker("a server", failures=2, reset_seconds=30)


@pytest.fixture
def open_breaker(breaker: CircuitBreaker) -> CircuitBreaker:
    for _ in range(2):
        with pytest.raises(Away):
            breaker.call(fail)
    return breaker


def let_time_pass(breaker: CircuitBreaker) -> None:
    breaker._memory.opened_at = datetime.now(UTC) - timedelta(seconds=31)


def test_results_and_errors_pass_through(breaker: CircuitBreaker) -> None:
    assert breaker.call(lambda: "there") == "there"
    with pytest.raises(Away):
        breaker.call(fail)


def test_a_failure_between_successes_opens_nothing(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        with pytest.raises(Away):
            breaker.call(fail)
        breaker.call(lambda: None)


def test_after_some_failures_nothing_is_asked_any_more(open_breaker: CircuitBreaker) -> None:
    asked: list[bool] = []
    with pytest.raises(Unavailable) as refused:
        open_breaker.call(lambda: asked.append(True))
    assert asked == []
    assert 1 <= refused.value.retry_after_seconds <= 30


def test_a_success_after_a_while_lets_everybody_in_again(open_breaker: CircuitBreaker) -> None:
    let_time_pass(open_breaker)
    assert [open_breaker.call(lambda: "back") for _ in range(3)] == ["back"] * 3


def test_a_failure_after_a_while_is_enough_to_wait_again(open_breaker: CircuitBreaker) -> None:
    let_time_pass(open_breaker)
    with pytest.raises(Away):
        open_breaker.call(fail)
    with pytest.raises(Unavailable):
        open_breaker.call(lambda: None)


def test_only_one_call_finds_out_how_things_are(open_breaker: CircuitBreaker) -> None:
    let_time_pass(open_breaker)
    is_trying, goes_on = threading.Event(), threading.Event()
    trial = threading.Thread(target=lambda: open_breaker.call(waiting(is_trying, goes_on)))
    trial.start()
    assert is_trying.wait(10)
    with pytest.raises(Unavailable):
        open_breaker.call(lambda: None)
    goes_on.set()
    trial.join()
    open_breaker.call(lambda: None)


def test_a_call_that_hangs_holds_up_no_other(breaker: CircuitBreaker) -> None:
    is_hanging, goes_on = threading.Event(), threading.Event()
    hanging = threading.Thread(target=lambda: breaker.call(waiting(is_hanging, goes_on)))
    hanging.start()
    assert is_hanging.wait(10)
    assert breaker.call(lambda: "meanwhile") == "meanwhile"
    goes_on.set()
    hanging.join()


def waiting(reached: threading.Event, goes_on: threading.Event) -> Callable[[], None]:
    def work() -> None:
        reached.set()
        assert goes_on.wait(10)

    return work
