"""Telling the person who waits what is being done. Standard error, one line at a time, in every kind of terminal."""

import sys
import time
from collections.abc import Callable

_EVERY_SECONDS = 20.0


def say(text: str) -> None:
    """Print one line now."""
    print(f"kit: {text}", file=sys.stderr, flush=True)


class Ticker:
    """Says at most each 20 seconds how far a long step is."""

    def __init__(self, what: str, state: Callable[[], str]) -> None:
        self._what = what
        self._state = state
        self.started = self._said = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the step has taken so far."""
        return time.monotonic() - self.started

    def tick(self) -> None:
        """Call often; it speaks rarely."""
        if time.monotonic() - self._said >= _EVERY_SECONDS:
            self._said = time.monotonic()
            say(f"{self._what}: {self.seconds:.0f} s, {self._state()}")
