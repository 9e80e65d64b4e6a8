"""each: side by side, and never more than asked for."""

import threading

import pytest

from engine.parallel import each


def test_every_thing_is_done_once() -> None:
    done: list[int] = []
    each(range(100), done.append, 4)
    assert sorted(done) == list(range(100))


def test_no_more_are_done_at_a_time_than_wanted() -> None:
    barrier = threading.Barrier(3, timeout=5.0)
    running: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        most.append(len(running))
        barrier.wait()
        running.remove(number)

    each(range(9), work, 3)
    assert max(most) == 3


def test_what_one_raises_is_raised_and_no_further_one_begins() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number == 3:
            raise KeyError(number)

    with pytest.raises(KeyError):
        each(range(1000), work, 1)
    assert done == [0, 1, 2, 3]


def test_it_ends_when_it_is_called_from_within_itself() -> None:
    done: list[int] = []
    each(range(40), lambda _: each(range(3), done.append, 4), 16)
    assert len(done) == 120


def test_nothing_is_done_for_nothing() -> None:
    each([], print, 4)
