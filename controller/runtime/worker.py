"""Threads that take keys from the queue and work on them until they are told to stop."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from controller.runtime.queue import WorkQueue

Key = TypeVar("Key", bound=Hashable)


class WorkerPool(Generic[Key]):
    """`size` threads, each calling `work(key)` for one key at a time.

    `work` decides by itself about retries (`queue.retry`, `queue.add_after`, `queue.forget`). An exception out of it
    is a defect or a shortage: it goes to `on_crash(key, error)` and the key comes back with the queue's back-off, so
    neither the thread nor the key is lost.
    """

    def __init__(
        self,
        queue: WorkQueue[Key],
        work: Callable[[Key], None],
        *,
        size: int,
        on_crash: Callable[[Key, Exception], None],
    ) -> None:
        if size < 1:
            raise ValueError("a worker pool needs at least one worker")
        self._queue = queue
        self._work = work
        self._on_crash = on_crash
        # Daemon threads: a worker that hangs in a request must not keep the process alive after `stop` gave up.
        self._threads = [threading.Thread(target=self._run, name=f"worker-{n}", daemon=True) for n in range(size)]

    def start(self) -> None:
        """Start the threads; once only."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> bool:
        """Shut the queue down and wait up to `timeout` seconds for what is in hand; True when all of it was finished.

        Keys that still wait are left: they are names, and the next start finds them again.
        """
        self._queue.shutdown(drain=False)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(deadline - time.monotonic(), 0.0))
        return self.alive == 0

    @property
    def alive(self) -> int:
        """How many threads run; fewer than `size` between start and stop means that the pool is broken."""
        return sum(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (key := self._queue.get()) is not None:
            try:
                self._work(key)
            except Exception as error:  # noqa: BLE001 - one key's defect must not end the work on all others
                self._queue.retry(key)
                self._on_crash(key, error)
            finally:
                self._queue.done(key)
