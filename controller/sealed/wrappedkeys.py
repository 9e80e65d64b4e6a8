"""Opens wrapped sealing keys, in a thread of its own: a service that is away must not hold up the watch of the keys.

Each content of a Secret is opened once, and kept in memory. What cannot be opened is tried again for ever, because
services come back, credentials are renewed and identities are mounted late.
"""

import threading
from collections.abc import Callable
from typing import Final

from controller.runtime.lookout import Lookout
from engine.errors import KsealError, NotReady
from sealer.errors import CertificateError, PrivateKeyError
from sealer.keys import SealingKey
from sealer.wrappedkey import WrappedKey
from sealer.wrapping import Wrapping

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_LONGEST_SILENCE: Final = 3600.0
"""Nothing waits; whatever comes wakes the thread."""

Result = SealingKey | KsealError
"""A key, or why this content can never be one."""


class Opener:
    """Knows the keys behind wrapped ones. `on_result` and `on_trouble` are called in the thread that opens."""

    def __init__(
        self,
        wrapping: Wrapping,
        *,
        on_result: Callable[[WrappedKey, Result], None],
        on_trouble: Callable[[WrappedKey, KsealError], None],
    ) -> None:
        self.wrapping = wrapping
        self._on_result = on_result
        self._on_trouble = on_trouble
        self._lock = threading.Lock()
        self._results: dict[bytes, tuple[str, Result]] = {}
        self._waiting: dict[str, tuple[WrappedKey, KsealError | None]] = {}
        self._pause = FIRST_PAUSE
        self._lookout = Lookout("wrapped-keys", self._look)

    def start(self) -> None:
        """Begin; once only."""
        self._lookout.start()

    def stop(self) -> None:
        """Open nothing more."""
        self._lookout.stop()

    def result(self, wrapped: WrappedKey) -> Result | None:
        """What is known of a wrapped key; where that is nothing yet, it is seen to."""
        with self._lock:
            found = self._results.get(wrapped.digest)
            if found is not None:
                return found[1]
            if wrapped.name in self._waiting and self._waiting[wrapped.name][0].digest == wrapped.digest:
                return None  # only a label or the like has changed
            self._waiting[wrapped.name] = wrapped, None
            self._pause = FIRST_PAUSE
        self._lookout.wake()
        return None

    def remember(self, wrapped: WrappedKey, key: SealingKey) -> None:
        """A key that was wrapped here need not be opened."""
        with self._lock:
            self._keep(wrapped, key)

    def forget(self, name: str) -> None:
        """The Secret of this name is no wrapped key any more."""
        with self._lock:
            self._waiting.pop(name, None)
            self._results = {digest: kept for digest, kept in self._results.items() if kept[0] != name}

    def trouble_with(self, name: str) -> KsealError | None:
        """Why a key is not opened yet, where that is known."""
        with self._lock:
            return self._waiting[name][1] if name in self._waiting else None

    def _look(self) -> float:
        with self._lock:
            waiting = [wrapped for wrapped, _ in self._waiting.values()]
        for wrapped in waiting:
            self._open(wrapped)
        with self._lock:
            if not self._waiting:
                self._pause = FIRST_PAUSE
                return _LONGEST_SILENCE
            pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
            return pause

    def _open(self, wrapped: WrappedKey) -> None:
        try:
            result: Result = self.wrapping.open(wrapped)
        except (PrivateKeyError, CertificateError) as error:
            result = error
        except KsealError as error:
            self._tell(wrapped, error)
            return
        except Exception as error:  # noqa: BLE001 - a defect of a library must not end the thread, nor show what it had
            self._tell(wrapped, NotReady(f"the key is wrapped, and a defect keeps it: {type(error).__name__}"))
            return
        with self._lock:
            if self._waiting.get(wrapped.name, (None,))[0] is not wrapped:
                return  # another content has come since
            self._keep(wrapped, result)
        self._on_result(wrapped, result)

    def _keep(self, wrapped: WrappedKey, result: Result) -> None:
        """Under the lock. Of each Secret only the latest content counts."""
        self._waiting.pop(wrapped.name, None)
        self._results = {digest: kept for digest, kept in self._results.items() if kept[0] != wrapped.name}
        self._results[wrapped.digest] = wrapped.name, result

    def _tell(self, wrapped: WrappedKey, error: KsealError) -> None:
        with self._lock:
            present, before = self._waiting.get(wrapped.name, (None, None))
            if present is not wrapped:
                return
            self._waiting[wrapped.name] = wrapped, error
        if before is None or before.message != error.message:
            self._on_trouble(wrapped, error)
