"""A thread that looks: at once, after the time that it was told, when it is woken, and no more when it is stopped."""

import threading

from controller.runtime.lookout import Lookout


def test_it_looks_at_once_when_woken_and_after_the_time_that_the_look_says() -> None:
    looks = threading.Semaphore(0)
    pauses = iter([3600.0, 0.0, -1.0])

    def look() -> float:
        looks.release()
        return next(pauses, 3600.0)

    lookout = Lookout("test", look)
    lookout.start()
    assert looks.acquire(timeout=10)
    assert not looks.acquire(blocking=False)
    lookout.wake()
    for _ in range(3):  # the woken one, and those after no time
        assert looks.acquire(timeout=10)
    lookout.stop()
    lookout.wake()
    assert not looks.acquire(timeout=0.05)


def test_a_wake_during_a_look_is_not_lost() -> None:
    is_looking, may_end, looks = threading.Event(), threading.Event(), threading.Semaphore(0)

    def look() -> float:
        looks.release()
        is_looking.set()
        may_end.wait(10)
        return 3600.0

    lookout = Lookout("test", look)
    lookout.start()
    assert is_looking.wait(10)
    lookout.wake()
    may_end.set()
    assert looks.acquire(timeout=10)
    assert looks.acquire(timeout=10)
    lookout.stop()


def test_a_pause_ends_when_it_is_stopped_and_one_that_never_started_can_be_stopped() -> None:
    lookout = Lookout("test", lambda: 0.0)
    lookout.stop()
    lookout.pause(3600.0)
