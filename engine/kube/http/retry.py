"""When a failed request may be sent again, and after how long.

Two questions decide. May the server have acted already? Then only a request that does no harm twice is repeated.
Is there hope within seconds? If not, the caller learns it now and decides for itself: a queue has better ways to
wait than a blocked thread.
"""

import random
from collections.abc import Callable

from engine.kube.http.broken import Broken, Stage

ATTEMPTS = 5
"""Of one request, the first one included."""
PATIENCE_SECONDS = 10.0
"""The longest single wait that the server may ask of a caller's thread."""
BUSY_SECONDS = 1.0
"""The wait after 429 when the server names none."""
FIRST_SECONDS = 0.1
"""The wait after the first fault of the server's own, doubled each time."""
FAULTS = 3
"""How often a read is repeated after answers like 500 or a connection that broke."""


def after_broken(broken: Broken, *, attempt: int, is_read: bool, is_harmless_twice: bool) -> float | None:
    """Seconds until the next attempt, None for no more; `attempt` counts from 1.

    A kept connection that the server had closed is no fault at all: the next attempt goes at once, over another
    one, until no kept one is left. A refused connection is not repeated, nor is a time-out.
    """
    if broken.timed_out or broken.stage is Stage.CONNECTING or attempt >= ATTEMPTS:
        return None
    if broken.reused and (not broken.sent or is_read or (is_harmless_twice and broken.stage is Stage.WAITING)):
        return 0.0
    return _backoff(attempt) if is_read and attempt <= FAULTS else None


def after_answer(status: int, *, retry_after: float | None, attempt: int, is_read: bool) -> float | None:
    """Seconds until the next attempt, None for no more.

    429 means that nothing was done, and so does 503 with a time to come back. Other 5xx leave that open, and only
    reads are repeated. Source: k8s.io/client-go rest/with_retry.go, narrowed: it repeats writes after any 5xx.
    """
    if attempt >= ATTEMPTS:
        return None
    if status == 429 or (status == 503 and retry_after is not None):
        seconds = BUSY_SECONDS if retry_after is None else retry_after
        return seconds if seconds <= PATIENCE_SECONDS else None
    return _backoff(attempt) if is_read and status >= 500 and attempt <= FAULTS else None


def seconds_named(header: str | None) -> float | None:
    """A Retry-After header in seconds; a date, which API servers do not send, counts as none."""
    return float(header) if header is not None and header.isdecimal() and len(header) < 9 else None


def jittered(seconds: float, chance: Callable[[], float] = random.random) -> float:
    """Between the half and the whole of it, so that many who failed together do not come back together."""
    return seconds * (0.5 + chance() / 2)


def _backoff(attempt: int) -> float:
    return jittered(FIRST_SECONDS * 2 ** (attempt - 1))
