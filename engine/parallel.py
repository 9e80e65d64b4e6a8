"""each: do the same for several things side by side, on a few threads that the whole process shares."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")

_THREADS = 16
"""In all. Requests wait for the server most of their time; more threads would only queue there."""

_lock = threading.Lock()
_pool: list[ThreadPoolExecutor] = []


def each(things: Sequence[Thing], do: Callable[[Thing], None], concurrency: int) -> None:
    """Call `do` for each thing, up to `concurrency` at a time; the caller's thread is one of them, so that this ends
    also when all others are busy. Raises: what the first failing call raised; no further call begins then."""
    left = iter(things)
    guard = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            with guard:
                thing = next(left, None)
            if thing is None:
                return
            try:
                do(thing)
            except BaseException as error:  # noqa: BLE001  raised below, in the caller's thread
                failures.append(error)

    helpers = [_shared().submit(work) for _ in range(min(concurrency, len(things)) - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()
    if failures:
        raise failures[0]


def _shared() -> ThreadPoolExecutor:
    with _lock:
        if not _pool:
            _pool.append(ThreadPoolExecutor(_THREADS, "apply"))
        return _pool[0]
