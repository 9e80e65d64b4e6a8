"""A limit on requests per second, shared by all threads of a process."""

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Token bucket: `burst` requests at once, then `qps` of them per second, in the order in which they asked.

    A caller that finds the bucket empty takes a token of the future and waits for it, so nobody starves.
    The meaning of the two numbers is client-go's, so that figures of other controllers can be carried over.
    Source: k8s.io/client-go util/flowcontrol/throttle.go over golang.org/x/time/rate.
    """

    def __init__(self, qps: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if qps <= 0 or burst < 1:
            raise ValueError("a rate limit needs a positive rate and a burst of at least 1; without a limit pass None")
        self._qps = qps
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = self._burst
        self._filled_at = clock()

    def reserve(self) -> float:
        """Take the next token; returns the seconds until it is there, 0 when it is there now."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._qps)
            self._filled_at = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._qps)

    def acquire(self, sleep: Callable[[float], object] = time.sleep) -> None:
        """Wait for the next token. `sleep` lets a client that is being closed wake up early."""
        if seconds := self.reserve():
            sleep(seconds)
