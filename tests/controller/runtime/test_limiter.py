"""How many requests a client may make, by a clock of our own."""

import pytest

from controller.runtime import limiter
from controller.runtime.limiter import Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def test_three_at_once_and_then_two_a_second() -> None:
    clock = Clock()
    asked = Limiter(2, 2, clock=clock)
    assert [asked.ask("a").is_allowed for _ in range(5)] == [True, True, True, False, False]
    clock.now += 0.49
    assert not asked.ask("a").is_allowed
    clock.now += 0.01
    assert asked.ask("a").is_allowed
    assert not asked.ask("a").is_allowed


def test_what_is_told_of_it() -> None:
    clock = Clock()
    asked = Limiter(2, 2, clock=clock)
    told = [dict(asked.ask("a").headers()) for _ in range(4)]
    assert [headers["X-RateLimit-Limit"] for headers in told] == ["3"] * 4
    assert [headers["X-RateLimit-Remaining"] for headers in told] == ["2", "1", "0", "0"]
    assert [headers["X-RateLimit-Reset"] for headers in told] == ["1", "1", "2", "2"]
    assert [headers.get("Retry-After") for headers in told] == [None, None, None, "1"]


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    asked = Limiter(1, 0, clock=clock)
    assert asked.ask("a").is_allowed
    for _ in range(100):
        assert not asked.ask("a").is_allowed
    clock.now += 1
    assert asked.ask("a").is_allowed


def test_each_key_has_its_own() -> None:
    asked = Limiter(1, 0, clock=Clock())
    assert asked.ask("a").is_allowed
    assert asked.ask("b").is_allowed
    assert not asked.ask("a").is_allowed


def test_the_key_unseen_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "REMEMBERED", 2)
    asked = Limiter(1, 0, clock=Clock())
    for key in "abc":
        assert asked.ask(key).is_allowed
    assert not asked.ask("c").is_allowed
    assert not asked.ask("b").is_allowed
    assert asked.ask("a").is_allowed, "a was forgotten"


@pytest.mark.parametrize(("rate", "burst"), [(0, 0), (-1, 2), (1, -1)])
def test_what_is_no_limit_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="limit needs"):
        Limiter(rate, burst)
