"""How soon drift is looked at: at once, unless it comes again and again.

Two who disagree over one object, two Kustomizations or one and an autoscaler, would otherwise undo each other's work at
the speed of the watch, for ever.
"""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

FREE: Final = 5
"""Looks that follow each other without a pause."""
LONGEST_SECONDS: Final = 60.0
"""The longest pause before a look."""
QUIET_SECONDS: Final = 300.0
"""Without a look for so long, everything is as it was at first."""

Key = TypeVar("Key", bound=Hashable)


class Calm(Generic[Key]):
    """Counts the looks at each key. Safe for any number of threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[Key, tuple[int, float]] = {}  # how many in a row, and when the next one may be

    def pause(self, key: Key) -> float:
        """Seconds to wait before the next look at a key, which is counted: none for the first, then ever more."""
        now = self._clock()
        with self._lock:
            count, due = self._looks.get(key, (0, now))
            if now - due > QUIET_SECONDS:
                count = 0
            if count and due > now:
                return due - now  # the one that is waited for sees this too
            following = min(2.0 ** max(count + 1 - FREE, 0), LONGEST_SECONDS) if count + 1 > FREE else 0.0
            self._looks[key] = (count + 1, now + following)
            return following

    def forget(self, key: Key) -> None:
        """The key is gone."""
        with self._lock:
            self._looks.pop(key, None)
