"""Many files in one process: one worker reckons at a time, and the others wait for key services, gpg or the disk.

More threads that reckon would be slower, not faster, for they share one interpreter. So a worker has the turn while it
works, and lets it go while it waits for somebody else. A data key that was unwrapped once is not asked for again.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Generic, NamedTuple, TypeVar

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops.groups import Services
from sealer.sops.operations import Keys
from sealer.sops.recipients.around import Around
from sealer.sops.recipients.base import Field, KeyResolver, KeyService, MasterKey

AT_ONCE: Final = 8
"""How many files are in work. Key services of clouds answer in 20 to 200 ms, and throttle far above 8 at once."""

_LOCAL: Final = frozenset({"age"})
"""Kinds of key that are reckoned with here, or ask the person, who can be asked one thing at a time."""

Waiting = Callable[[], AbstractContextManager[None]]
Item = TypeVar("Item")
Result = TypeVar("Result")


class Done(NamedTuple, Generic[Item, Result]):
    """What became of one item: a result, or the error that it ended with."""

    item: Item
    result: Result | None
    error: KsealError | None = None


class Batch:
    """One run. Whatever works on an item uses the `keys` of the batch."""

    def __init__(self, keys: Keys) -> None:
        self._turn = threading.Lock()
        self.keys = Keys(SharedServices(keys.services, self.waiting), keys.order)

    def each(
        self, items: Sequence[Item], work: Callable[[Item], Result], step: Callable[[], None] = lambda: None
    ) -> list[Done[Item, Result]]:
        """Do the work for all items, in their order where nothing waits; an error ends the one item only.

        `step` is called in this thread as items get done.
        """

        def one(item: Item) -> Done[Item, Result]:
            with self._turn:
                try:
                    return Done(item, work(item))
                except KsealError as error:
                    return Done(item, None, error)

        found = []
        pool = ThreadPoolExecutor(min(AT_ONCE, len(items)) or 1, thread_name_prefix="sops")
        try:
            for done in pool.map(one, items):
                found.append(done)
                step()
        finally:
            pool.shutdown(cancel_futures=True)
        return found

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let others have the turn while this worker waits."""
        self._turn.release()
        try:
            yield
        finally:
            self._turn.acquire()


class SharedServices(Around):
    """Key services, each made once, and asked once for each wrapped key. Used by several threads at once."""

    def __init__(self, services: Services, waiting: Waiting = nullcontext) -> None:
        """`waiting` is entered while a service is waited for that does not reckon here."""
        super().__init__(services)
        self._waiting = waiting
        self._made: dict[str, KeyService] = {}
        self._lock = threading.Lock()

    def __getitem__(self, kind: str) -> KeyService:
        with self._lock:
            if kind not in self._made:
                service = self._inside[kind]
                made = _Resolving if isinstance(service, KeyResolver) else _Shared
                self._made[kind] = made(service, nullcontext if kind in _LOCAL else self._waiting)
            return self._made[kind]


class _Shared:
    """One service. What it unwrapped is remembered, and so is what it could not."""

    def __init__(self, service: KeyService, waiting: Waiting) -> None:
        self._service = service
        self._waiting = waiting
        self._known: dict[tuple[str, str], Future[Sensitive]] = {}

    def wrap(self, key: MasterKey, data: bytes) -> str:
        with self._waiting():
            return self._service.wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        mine: Future[Sensitive] = Future()
        future = self._known.setdefault((key.identity, key.enc), mine)
        with self._waiting():
            if future is mine:
                self._ask(key, mine)
            return future.result().reveal()

    def _ask(self, key: MasterKey, future: "Future[Sensitive]") -> None:
        try:
            future.set_result(Sensitive(self._service.unwrap(key)))
        except KsealError as error:
            future.set_exception(error)
        finally:
            if not future.done():  # it ends otherwise; whoever waits for the same key must not wait for ever
                future.set_exception(KsealError("the worker that asked for this key came to an end"))


class _Resolving(_Shared):
    """The same for a service that can complete what a rule leaves out."""

    def resolve(self, key: MasterKey) -> Mapping[str, Field]:
        assert isinstance(self._service, KeyResolver)  # noqa: S101  # it is made for no other
        with self._waiting():
            return self._service.resolve(key)
