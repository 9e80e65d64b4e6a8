"""Workers: they outlive a crash, and a stop lets them finish what is in hand."""

import threading

import pytest

from controller.runtime.queue import WorkQueue
from controller.runtime.worker import WorkerPool

DEADLINE_SECONDS = 10.0


def no_crash(key: str, error: Exception) -> None:
    raise AssertionError(f"{key}: {error}")


def test_keys_are_worked_on_by_several_threads_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    together = threading.Barrier(3)
    pool = WorkerPool(queue, lambda _key: together.wait(DEADLINE_SECONDS) and None, size=2, on_crash=no_crash)
    pool.start()
    queue.add("a")
    queue.add("b")
    together.wait(DEADLINE_SECONDS)  # only passes when both are being worked on
    assert pool.alive == 2
    assert pool.stop(DEADLINE_SECONDS)
    assert pool.alive == 0


def test_a_crash_is_told_and_the_key_comes_back() -> None:
    queue: WorkQueue[str] = WorkQueue()
    crashes: list[tuple[str, Exception]] = []
    succeeded = threading.Event()
    error = RuntimeError("defect")

    def work(key: str) -> None:
        if len(crashes) < 3:
            raise error
        succeeded.set()

    pool = WorkerPool(queue, work, size=1, on_crash=lambda key, error: crashes.append((key, error)))
    pool.start()
    queue.add("a")
    assert succeeded.wait(DEADLINE_SECONDS)
    assert pool.stop(DEADLINE_SECONDS)
    assert crashes == [("a", error)] * 3


def test_a_stop_waits_for_what_is_in_hand_and_leaves_the_rest() -> None:
    queue: WorkQueue[str] = WorkQueue()
    begun, go_on = threading.Event(), threading.Event()
    finished: list[str] = []

    def work(key: str) -> None:
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        finished.append(key)

    pool = WorkerPool(queue, work, size=1, on_crash=no_crash)
    pool.start()
    queue.add("in hand")
    queue.add("waiting")
    assert begun.wait(DEADLINE_SECONDS)
    assert not pool.stop(0.01)
    go_on.set()
    assert pool.stop(DEADLINE_SECONDS)
    assert finished == ["in hand"]


def test_a_pool_that_never_started_stops_at_once() -> None:
    assert WorkerPool(WorkQueue[str](), lambda _key: None, size=2, on_crash=no_crash).stop(0.0)


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(WorkQueue[str](), lambda _key: None, size=0, on_crash=no_crash)
