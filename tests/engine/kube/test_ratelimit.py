"""The token bucket, on a clock of its own."""

import threading

import pytest

from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.refs import SECRETS
from tests.kit.peer import Peer, answer, play


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(10, 3, clock=clock)
    times = []
    for _ in range(6):
        limiter.acquire(clock.sleep)
        times.append(round(clock.now - 100, 6))
    assert times == [0, 0, 0, 0.1, 0.2, 0.3]


def test_callers_that_wait_at_the_same_time_get_successive_places() -> None:
    limiter = RateLimiter(10, 1, clock=Clock())
    assert [round(limiter.reserve(), 6) for _ in range(4)] == [0, 0.1, 0.2, 0.3]


def test_idle_time_saves_up_to_one_burst() -> None:
    clock = Clock()
    limiter = RateLimiter(10, 3, clock=clock)
    clock.now += 1000
    assert [limiter.reserve() for _ in range(3)] == [0, 0, 0]
    assert limiter.reserve() == pytest.approx(0.1)


def test_the_rate_holds_over_many_threads() -> None:
    clock = Clock()  # stands still: all ask at the same moment
    limiter = RateLimiter(100, 5, clock=clock)
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.extend(limiter.reserve() for _ in range(50))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == pytest.approx([0] * 5 + [number / 100 for number in range(1, 196)])


@pytest.mark.parametrize(("qps", "burst"), [(0, 1), (-1, 1), (1, 0)])
def test_a_limit_that_lets_nothing_through_is_refused(qps: float, burst: int) -> None:
    with pytest.raises(ValueError, match="without a limit pass None"):
        RateLimiter(qps, burst)


def test_clients_share_a_limit_and_repeats_count() -> None:
    busy = answer({}, 429, Retry_After="0")
    limiter = RateLimiter(0.001, 4)
    with Peer(play(answer({}), busy, answer({}))) as peer:
        first = Cluster(Connection(peer.url), limiter=limiter)
        second = first.sibling()
        first.get(SECRETS, "shop", "db")
        second.get(SECRETS, "shop", "db")
        assert len(peer.requests) == 3
        assert limiter.reserve() == 0
        assert limiter.reserve() > 100
        first.close()
        second.close()
