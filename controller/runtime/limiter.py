"""How many requests a client may make: the generic cell rate algorithm, and what the answer says of it.

Source: ITU-T I.371 for the algorithm; the original's limiter (rate per second, burst, HTTP headers) for its numbers.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

REMEMBERED: Final = 65536
"""Clients whose past is kept; the one unseen for longest is forgotten first. The original's number."""
_FUZZ: Final = 1e-6  # seconds: differences of floats may lie a little beside the whole intervals that are meant


class Verdict(NamedTuple):
    """Whether a request may pass, and how many more."""

    is_allowed: bool
    limit: int
    remaining: int
    reset_seconds: float
    """Until the client has all of its limit again."""
    retry_seconds: float | None
    """Until the next request would pass; None for one that passed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        """As the original sends them, in whole seconds."""
        told = [
            ("X-RateLimit-Limit", str(self.limit)),
            ("X-RateLimit-Remaining", str(self.remaining)),
            ("X-RateLimit-Reset", str(math.ceil(self.reset_seconds))),
        ]
        if self.retry_seconds is not None:
            told.append(("Retry-After", str(math.ceil(self.retry_seconds))))
        return tuple(told)


class Limiter:
    """`burst` + 1 requests at once for each key, and then `rate` of them per second. Safe for any number of threads."""

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        if rate <= 0 or burst < 0:
            raise ValueError("a limit needs a positive rate, and a burst that is not negative")
        self._interval = 1 / rate
        self._limit = burst + 1
        self._clock = clock
        self._lock = threading.Lock()
        self._arrivals: OrderedDict[str, float] = OrderedDict()  # key -> when its last request has been paid for

    def ask(self, key: str) -> Verdict:
        """Count a request of this key; one that may not pass costs nothing."""
        with self._lock:
            now = self._clock()
            paid = max(self._arrivals.get(key, now), now)
            tolerance = self._interval * self._limit
            wait = paid + self._interval - tolerance - now
            is_allowed = wait <= _FUZZ
            if is_allowed:
                paid += self._interval
                self._arrivals[key] = paid
                self._arrivals.move_to_end(key)
                if len(self._arrivals) > REMEMBERED:
                    self._arrivals.popitem(last=False)
            in_debt = paid - now
            remaining = max(0, int((tolerance - in_debt + _FUZZ) / self._interval))
            return Verdict(is_allowed, self._limit, remaining, in_debt, None if is_allowed else wait)
