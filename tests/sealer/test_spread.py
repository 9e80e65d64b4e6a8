"""Work on many items: in order, on several threads, and not on threads where there are few."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealer import spread as module
from sealer.spread import spread


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 4)


@given(st.lists(st.integers(), max_size=200), st.integers(0, 300))
def test_results_stand_in_the_order_of_the_items(items: list[int], from_count: int) -> None:
    assert spread(lambda item: item + 1, items, from_count=from_count) == [item + 1 for item in items]


def test_many_items_are_worked_on_at_the_same_time() -> None:
    meeting = threading.Barrier(4, timeout=20)
    assert len(spread(lambda _: meeting.wait(), range(4), from_count=2)) == 4


def test_few_items_stay_in_the_calling_thread() -> None:
    assert set(spread(lambda _: threading.get_ident(), range(9), from_count=10)) == {threading.get_ident()}


def test_one_core_stays_in_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 1)
    assert set(spread(lambda _: threading.get_ident(), range(9), from_count=1)) == {threading.get_ident()}


@pytest.mark.parametrize("from_count", [1, 1000])
def test_the_first_failure_in_order_is_the_one_that_counts(from_count: int) -> None:
    def fail_from_40(item: int) -> int:
        if item >= 40:
            raise ValueError(item)
        return item

    with pytest.raises(ValueError, match=r"^40$"):
        spread(fail_from_40, range(100), from_count=from_count)


def test_there_is_at_least_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert module.usable_cores() >= 1
