"""A thread that looks again and again: after as long as the last look says, or as soon as it is woken."""

import threading
from collections.abc import Callable


class Lookout:
    """Calls `look`, which returns after how many seconds to look again and raises nothing."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._look = look
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look that is under way is finished."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def wake(self) -> None:
        """Look now. Safe in a signal handler: it neither waits nor locks."""
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Inside a look: wait, but not for one that is stopped."""
        self._stopping.wait(seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._wake.wait(max(self._look(), 0.0))
