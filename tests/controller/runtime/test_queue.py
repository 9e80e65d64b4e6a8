"""The work queue against a model of it, and what threads see of it."""

import threading
from collections.abc import Callable
from operator import itemgetter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from controller.runtime.queue import URGENT_IN_A_ROW, WorkQueue

DEADLINE_SECONDS = 10.0
KEYS = st.integers(min_value=0, max_value=4)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def full_jitter() -> float:
    """The longest delay, so that expectations are exact."""
    return 1.0


def queue_at(clock: Callable[[], float]) -> WorkQueue[str]:
    return WorkQueue(clock=clock, jitter=full_jitter)


class QueueMachine(RuleBasedStateMachine):
    """The same steps on the queue and on plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: WorkQueue[int] = WorkQueue(clock=self.clock, base_delay=1.0, max_delay=8.0, jitter=full_jitter)
        self.urgent: list[int] = []
        self.later: list[int] = []
        self.in_hand: set[int] = set()
        self.again: dict[int, bool] = {}
        self.due: dict[int, float] = {}
        self.made: list[int] = []  # keys with an appointment, in the order of making
        self.failures: dict[int, int] = {}
        self.in_a_row = 0

    def ready(self, key: int, *, urgent: bool) -> None:
        if key in self.in_hand:
            self.again[key] = self.again.get(key, False) or urgent
        elif urgent:
            if key in self.later:
                self.later.remove(key)
            if key not in self.urgent:
                self.urgent.append(key)
        elif key not in self.urgent and key not in self.later:
            self.later.append(key)

    def appoint(self, key: int, seconds: float) -> None:
        due = self.clock.now + seconds
        if due < self.due.get(key, float("inf")):
            self.due[key] = due
            self.made = [other for other in self.made if other != key] + [key]

    def is_something_ready(self) -> bool:
        due_and_free = (key for key, due in self.due.items() if due <= self.clock.now and key not in self.in_hand)
        return bool(self.urgent or self.later or any(True for _ in due_and_free))

    @rule(key=KEYS, urgent=st.booleans())
    def add(self, key: int, urgent: bool) -> None:
        self.queue.add(key, urgent=urgent)
        self.ready(key, urgent=urgent)

    @rule(key=KEYS, seconds=st.sampled_from([-1.0, 0.0, 1.0, 3.0]))
    def add_after(self, key: int, seconds: float) -> None:
        self.queue.add_after(key, seconds)
        self.appoint(key, max(seconds, 0.0))

    @rule(key=KEYS)
    def retry(self, key: int) -> None:
        failures = self.failures.get(key, 0)
        expected = min(2.0**failures, 8.0)
        assert self.queue.retry(key) == expected
        self.failures[key] = failures + 1
        self.appoint(key, expected)

    @rule(key=KEYS)
    def forget(self, key: int) -> None:
        self.queue.forget(key)
        self.failures.pop(key, None)

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(is_something_ready)
    @rule()
    def get(self) -> None:
        for key in sorted((key for key in self.due if self.due[key] <= self.clock.now), key=self._by_appointment):
            del self.due[key]
            self.ready(key, urgent=False)
        if self.urgent and (not self.later or self.in_a_row < URGENT_IN_A_ROW):
            self.in_a_row += 1
            expected = self.urgent.pop(0)
        else:
            self.in_a_row = 0
            expected = self.later.pop(0)
        assert self.queue.get() == expected
        self.in_hand.add(expected)
        self.due.pop(expected, None)

    def _by_appointment(self, key: int) -> tuple[float, int]:
        return self.due[key], self.made.index(key)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_hand)))
        self.queue.done(key)
        self.in_hand.discard(key)
        if key in self.again:
            self.ready(key, urgent=self.again.pop(key))

    @invariant()
    def agrees(self) -> None:
        assert self.queue.depth == len(self.urgent) + len(self.later)
        assert self.queue.in_hand == len(self.in_hand)
        for key in range(5):
            assert self.queue.failures(key) == self.failures.get(key, 0)


TestQueueAgainstModel = QueueMachine.TestCase


def test_new_things_pass_what_can_wait() -> None:
    queue = queue_at(Clock())
    queue.add("re-check", urgent=False)
    queue.add("new")
    queue.add("re-check too", urgent=False)
    assert [queue.get() for _ in range(3)] == ["new", "re-check", "re-check too"]


def test_an_urgent_add_moves_a_waiting_key_forward() -> None:
    queue = queue_at(Clock())
    queue.add("a", urgent=False)
    queue.add("b", urgent=False)
    queue.add("b")
    assert [queue.get(), queue.get()] == ["b", "a"]


def test_a_stream_of_urgent_keys_cannot_shut_the_others_out() -> None:
    queue = queue_at(Clock())
    queue.add("patient", urgent=False)
    taken = []
    for number in range(URGENT_IN_A_ROW + 1):
        queue.add(f"edited {number}")
        taken.append(queue.get())
    assert taken[-1] == "patient"


def test_a_key_added_while_in_hand_is_handed_out_once_more() -> None:
    queue = queue_at(Clock())
    queue.add("a")
    assert queue.get() == "a"
    queue.add("a")
    queue.add("a", urgent=False)
    assert queue.depth == 0
    queue.done("a")
    assert queue.depth == 1
    assert queue.get() == "a"
    queue.done("a")
    assert queue.depth == 0


def test_groups_take_turns_whatever_one_of_them_has_waiting() -> None:
    queue = WorkQueue[tuple[str, int]](group=itemgetter(0))
    for number in range(1000):
        queue.add(("many", number))
    assert queue.get() == ("many", 0)
    queue.add(("few", 0))
    queue.add(("one", 0))
    assert [queue.get() for _ in range(5)] == [("many", 1), ("few", 0), ("one", 0), ("many", 2), ("many", 3)]
    assert queue.depth == 996


def test_groups_take_turns_among_retries_as_well() -> None:
    queue = WorkQueue[tuple[str, int]](group=itemgetter(0))
    for number in range(3):
        queue.add(("many", number), urgent=False)
    queue.add(("one", 0), urgent=False)
    assert [queue.get() for _ in range(4)] == [("many", 0), ("one", 0), ("many", 1), ("many", 2)]


def test_a_group_has_no_more_than_its_share_in_hand() -> None:
    queue = WorkQueue[tuple[str, int]](group=itemgetter(0), share=2)
    for number in range(4):
        queue.add(("slow", number), urgent=number != 3)
    queue.add(("other", 0), urgent=False)
    assert [queue.get() for _ in range(3)] == [("slow", 0), ("slow", 1), ("other", 0)]
    assert queue.depth == 2
    queue.done(("slow", 1))
    assert queue.get() == ("slow", 2)


def test_who_waits_for_a_share_is_woken_when_one_is_free() -> None:
    queue = WorkQueue[str](share=1)
    queue.add("first")
    queue.add("second")
    assert queue.get() == "first"
    taken: list[str | None] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.get()))
    waiting.start()
    queue.done("first")
    waiting.join(DEADLINE_SECONDS)
    assert taken == ["second"]


def test_retries_come_ever_more_slowly_up_to_the_cap() -> None:
    queue = WorkQueue[str](clock=Clock(), jitter=full_jitter)
    delays = [queue.retry("a") for _ in range(100)]
    assert delays[:4] == [0.005, 0.01, 0.02, 0.04]
    assert delays[-1] == 300.0
    queue.forget("a")
    assert queue.retry("a") == 0.005


def test_jitter_takes_off_at_most_half() -> None:
    shortest = WorkQueue[str](clock=Clock(), base_delay=1.0, jitter=lambda: 0.0)
    assert shortest.retry("a") == 0.5


def test_being_worked_on_fulfils_an_appointment() -> None:
    clock = Clock()
    queue = queue_at(clock)
    queue.add_after("a", 5)
    queue.add("a")
    assert queue.get() == "a"
    queue.done("a")
    clock.now += 10
    queue.add("b", urgent=False)
    assert queue.get() == "b"
    assert queue.depth == 0


@pytest.mark.parametrize(("drain", "left"), [(True, ["a", "b"]), (False, [])])
def test_after_shutdown_only_a_drain_hands_out_what_was_ready(drain: bool, left: list[str]) -> None:
    queue = queue_at(Clock())
    queue.add("a")
    queue.add("b", urgent=False)
    queue.add_after("c", 0)
    queue.shutdown(drain=drain)
    queue.add("d")
    queue.add_after("e", 0)
    taken = []
    while (key := queue.get()) is not None:
        taken.append(key)
    assert taken == left


def test_a_drain_hands_out_what_was_added_to_a_key_in_hand() -> None:
    queue = queue_at(Clock())
    queue.add("a")
    queue.get()
    queue.add("a")
    queue.shutdown(drain=True)
    queue.done("a")
    assert queue.get() == "a"


def test_waiting_threads_wake_for_work_for_due_keys_and_for_the_end() -> None:
    queue: WorkQueue[str] = WorkQueue()
    taken: list[str | None] = []
    noted = threading.Condition()

    def work() -> None:
        while (key := queue.get()) is not None:
            with noted:
                taken.append(key)
                noted.notify_all()
            queue.done(key)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    queue.add_after("far", 3600)
    queue.add_after("soon", 0.02)
    queue.add("now")
    with noted:
        assert noted.wait_for(lambda: sorted(filter(None, taken)) == ["now", "soon"], DEADLINE_SECONDS)
    queue.shutdown()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def test_no_key_is_ever_in_two_hands_and_none_is_lost() -> None:
    queue: WorkQueue[int] = WorkQueue(base_delay=0.0001)
    lock = threading.Lock()
    working: set[int] = set()
    collisions: list[int] = []
    finished: set[int] = set()
    all_finished = threading.Event()

    def work() -> None:
        while (key := queue.get()) is not None:
            with lock:
                if key in working:
                    collisions.append(key)
                working.add(key)
            again = key % 3 == 0 and queue.failures(key) < 2
            if again:
                queue.retry(key)
            with lock:
                working.discard(key)
                if not again:
                    finished.add(key)
                if len(finished) == 300:
                    all_finished.set()
            queue.done(key)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        for key in range(300):
            queue.add(key, urgent=key % 2 == 0)
    assert all_finished.wait(DEADLINE_SECONDS)
    queue.shutdown()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert collisions == []
