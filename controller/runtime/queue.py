"""Which name to look at next: a queue that holds each key once, lets new things pass, paces retries and is fair."""

import heapq
import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

BASE_DELAY_SECONDS = 0.005
MAX_DELAY_SECONDS = 300.0

# After this many urgent keys in a row one waiting non-urgent key gets its turn: somebody who edits an object
# without pause must not keep everybody else's retries waiting for ever.
URGENT_IN_A_ROW = 8


class _Line(Generic[Key]):
    """Keys that wait: first come, first served within a group, and the groups in turns. Each step takes constant time,
    but for groups that have as much in hand as they may."""

    def __init__(self, group: Callable[[Key], Hashable]) -> None:
        self._group = group
        self._groups: OrderedDict[Hashable, OrderedDict[Key, None]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: Key) -> bool:
        return key in self._groups.get(self._group(key), ())

    def add(self, key: Key) -> None:
        keys = self._groups.setdefault(self._group(key), OrderedDict())
        self._count += key not in keys
        keys.setdefault(key)

    def discard(self, key: Key) -> None:
        group = self._group(key)
        keys = self._groups.get(group)
        if keys is None or key not in keys:
            return
        del keys[key]
        self._count -= 1
        if not keys:
            del self._groups[group]

    def take(self, may_take: Callable[[Hashable], bool]) -> Key | None:
        """The first key of the first group that may have one more in hand; that group is the last one then."""
        group = next((group for group in self._groups if may_take(group)), None)
        keys = self._groups.get(group)
        if keys is None:
            return None
        key, _ = keys.popitem(last=False)
        self._count -= 1
        if keys:
            self._groups.move_to_end(group)
        else:
            del self._groups[group]
        return key


class WorkQueue(Generic[Key]):
    """Hand out keys to workers: each key to one worker at a time, urgent keys first, retries ever more slowly.

    A key is only a name (anything hashable but None); what happened to it is for the worker to find out. Adding a
    key that waits changes nothing, except that an urgent add moves it forward; adding one that is being worked on
    hands it out once more after `done`. Delayed keys stand in a heap, and the waiting workers wake for the earliest.
    A key that is handed out loses its delayed appointment: whoever works on it sees the present and decides anew.

    `group` says whose a key is. Groups take turns, so that a thousand keys of one do not delay another's one key; with
    a `share`, no group has more keys than that in hand, so that slow ones cannot take every worker.

    Safe for any number of threads. Delays are seconds of `clock`; `jitter` gives numbers in [0, 1).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        base_delay: float = BASE_DELAY_SECONDS,
        max_delay: float = MAX_DELAY_SECONDS,
        jitter: Callable[[], float] = random.random,
        group: Callable[[Key], Hashable] = lambda _: "",
        share: int | None = None,
    ) -> None:
        """Raises: ValueError for a share by which nothing could be handed out."""
        if share is not None and share < 1:
            raise ValueError("a group needs a share of at least one")
        self._clock = clock
        self._group = group
        self._share = share
        self._base_delay = base_delay
        self._max_delay = max_delay
        self._jitter = jitter
        self._changed = threading.Condition()
        self._urgent = _Line(group)
        self._later = _Line(group)
        self._urgent_in_a_row = 0
        self._in_hand: set[Key] = set()
        self._groups_in_hand: Counter[Hashable] = Counter()
        self._again: dict[Key, bool] = {}  # added while in hand -> whether urgently
        self._appointments: list[tuple[float, int, Key]] = []  # heap of (due, number, key)
        self._number: dict[Key, int] = {}  # the appointment that counts; others of that key in the heap are stale
        self._due: dict[Key, float] = {}
        self._appointments_made = 0
        self._failures: dict[Key, int] = {}
        self._accepting = True
        self._handing_out = True

    def add(self, key: Key, *, urgent: bool = True) -> None:
        """Have `key` looked at. Urgent is what just happened; re-checks and retries are not."""
        with self._changed:
            if self._accepting:
                self._make_ready(key, urgent)

    def add_after(self, key: Key, seconds: float) -> None:
        """Have `key` looked at, without urgency, when `seconds` have passed; an earlier appointment stands."""
        with self._changed:
            self._appoint(key, seconds)

    def retry(self, key: Key) -> float:
        """Have a key that failed looked at again: 5 ms later at first, then twice as long each time, up to the cap.

        Returns the seconds chosen: between half of the full delay and all of it, so that what failed together does
        not come back together.
        """
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            full = min(self._base_delay * 2.0 ** min(failures, 64), self._max_delay)
            seconds = full * (0.5 + 0.5 * self._jitter())
            self._appoint(key, seconds)
        return seconds

    def failures(self, key: Key) -> int:
        """How many times in a row `retry` was called for `key`."""
        with self._changed:
            return self._failures.get(key, 0)

    def forget(self, key: Key) -> None:
        """Start the back-off of `key` anew: it succeeded, or it is gone."""
        with self._changed:
            self._failures.pop(key, None)

    def get(self) -> Key | None:
        """The next key to work on, waiting for one; None when the queue is shut down. `done` gives it back."""
        with self._changed:
            while True:
                self._keep_appointments()
                key = self._take()
                if key is not None or not self._accepting:
                    return key
                wait = self._appointments[0][0] - self._clock() if self._appointments else None
                self._changed.wait(wait)

    def done(self, key: Key) -> None:
        """Give `key` back; when it was added meanwhile, it is ready again."""
        with self._changed:
            if key in self._in_hand:
                self._in_hand.discard(key)
                self._release(key)
            urgent = self._again.pop(key, None)
            if urgent is not None:
                self._make_ready(key, urgent)

    def shutdown(self, drain: bool = False) -> None:
        """Accept nothing more. With `drain` what is ready is still handed out; delayed keys are dropped."""
        with self._changed:
            self._accepting = False
            self._handing_out = self._handing_out and drain
            self._appointments.clear()
            self._due.clear()
            self._number.clear()
            self._changed.notify_all()

    @property
    def depth(self) -> int:
        """How many keys are ready and wait for a worker."""
        with self._changed:
            return len(self._urgent) + len(self._later)

    @property
    def in_hand(self) -> int:
        """How many keys are being worked on."""
        with self._changed:
            return len(self._in_hand)

    def _make_ready(self, key: Key, urgent: bool) -> None:
        if key in self._in_hand:
            self._again[key] = urgent or self._again.get(key, False)
        elif urgent:
            self._later.discard(key)
            self._urgent.add(key)
            self._changed.notify()
        elif key not in self._urgent:
            self._later.add(key)
            self._changed.notify()

    def _appoint(self, key: Key, seconds: float) -> None:
        due = self._clock() + max(seconds, 0.0)
        if not self._accepting or due >= self._due.get(key, float("inf")):
            return
        self._appointments_made += 1
        self._due[key], self._number[key] = due, self._appointments_made
        heapq.heappush(self._appointments, (due, self._appointments_made, key))
        if self._appointments[0][1] == self._appointments_made:
            # Everybody who waits does so until the appointment that was the earliest: all must look again, because
            # one alone could be called away to other work and leave nobody awake in time.
            self._changed.notify_all()

    def _keep_appointments(self) -> None:
        """Make ready what is due, and drop stale entries from the front of the heap."""
        now = self._clock()
        while self._appointments:
            due, number, key = self._appointments[0]
            stale = self._number.get(key) != number
            if not stale and due > now:
                return
            heapq.heappop(self._appointments)
            if not stale:
                self._cancel(key)
                self._make_ready(key, urgent=False)

    def _cancel(self, key: Key) -> None:
        self._due.pop(key, None)
        self._number.pop(key, None)

    def _take(self) -> Key | None:
        if not self._handing_out:
            return None
        is_urgent_next = not self._later or self._urgent_in_a_row < URGENT_IN_A_ROW
        lines = (self._urgent, self._later) if is_urgent_next else (self._later, self._urgent)
        for line in lines:
            key = line.take(self._may_take)
            if key is not None:
                self._urgent_in_a_row = self._urgent_in_a_row + 1 if line is self._urgent else 0
                self._cancel(key)
                self._in_hand.add(key)
                if self._share is not None:
                    self._groups_in_hand[self._group(key)] += 1
                return key
        self._urgent_in_a_row = 0
        return None

    def _may_take(self, group: Hashable) -> bool:
        return self._share is None or self._groups_in_hand[group] < self._share

    def _release(self, key: Key) -> None:
        """One of the share of its group is free again: whoever waits may have been kept from it."""
        if self._share is None:
            return
        group = self._group(key)
        self._groups_in_hand[group] -= 1
        if not self._groups_in_hand[group]:
            del self._groups_in_hand[group]
        if self._urgent or self._later:
            self._changed.notify()
