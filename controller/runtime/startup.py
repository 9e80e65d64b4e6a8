"""Coming up in steps, each of which waits for something outside, however long it takes."""

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from engine.errors import KsealError, NotReady

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


class Startup:
    """Does steps until each has succeeded, and says what is waited for; `stop` ends it."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._stopping = threading.Event()
        self.waits_for: KsealError | None = NotReady("starting")
        """What is missing now; None when all steps are done."""

    def run(self, steps: Iterable[Callable[[], None]]) -> bool:
        """Do the steps in order; False when the process is stopping."""
        return all(self._retried(step) for step in steps)

    def wait(self, is_done: Callable[[float], bool], trouble: Callable[[], str | None]) -> None:
        """Inside a step: wait until something is done that goes on by itself, and say what keeps it."""
        while not self._stopping.is_set() and not is_done(1.0):
            self.waits_for = NotReady(trouble() or "starting")

    def done(self) -> None:
        """Nothing is missing any more."""
        self.waits_for = None

    def stop(self) -> None:
        """End it; the process is on its way down."""
        self._stopping.set()
        self.waits_for = NotReady("stopping")

    def _retried(self, step: Callable[[], None]) -> bool:
        """Do a step until it succeeds; False when the process is stopping."""
        pause = _FIRST_PAUSE
        told = ""
        while not self._stopping.is_set():
            try:
                step()
            except Exception as error:  # noqa: BLE001 - a defect must not leave a process that waits for nothing
                trouble = error if isinstance(error, KsealError) else NotReady(f"a defect: {type(error).__name__}")
                self.waits_for = trouble
                if trouble.message != told:
                    defect = {} if trouble is error else {"error": error}
                    self._log.warning("not ready", cause=trouble.message, hint=trouble.hint, **defect)
                    told = trouble.message
                asked = trouble.retry_after if isinstance(trouble, NotReady) else None
                self._stopping.wait(pause if asked is None else asked)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return True
        return False
