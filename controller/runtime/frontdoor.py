"""The front door: tells which custom resources there are and what happens to them, and never writes to one.

kopf lists and watches in a thread and an event loop of its own. What it does not tell is derived beside it: when the
first list has been told completely, which objects vanished while no watch was open, when a watch has gone silent.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

import aiohttp

from controller.runtime import trimmedkopf
from controller.runtime.apisession import open_session
from controller.runtime.ledger import Ledger
from controller.runtime.trimmedkopf import EventHandler
from engine.errors import KsealError
from engine.kube.config import Connection
from engine.kube.refs import Resource

SILENCE_SECONDS: Final = 3 * trimmedkopf.INACTIVITY_SECONDS
"""After so long without a request or an answer for a collection, kopf's task for it is taken for dead."""

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
_STEADY_SECONDS: Final = 60.0  # kopf ran for so long, so it did not fail at its start
_CHECK_SECONDS: Final = 5.0
_LEAVE_SECONDS: Final = 0.05  # for the API server to answer the end of TLS. Source: aiohttp, graceful shutdown
_LOGIN_SECONDS: Final = 2.0  # between two log-ins: refused credentials must not become a stream of requests


class FrontDoor:
    """Calls `on_event(type, object)` for what is there (type None) and for what happens (ADDED, MODIFIED, DELETED).

    The calls come from one thread, each object's in their order, and have to be quick: put the name into a queue.
    When everything has to be listed again, because the API server has forgotten too much to go on from, only what has
    changed meanwhile is told: as MODIFIED, or as DELETED, with apiVersion, kind, namespace, name and uid only. What
    `on_event` raises goes to `on_problem`, and so does each kind of trouble with the API server, once until it is
    over; the door itself goes on.

    `is_served` says whether the API server knows the resource at all (`engine.kube.discovery.serves`): while it does
    not, nothing more is asked of it, and the door opens by itself when the resource comes. `knows(namespace, name, uid,
    version)` says whether a state of an object is known already, from the answer to a write of its status: such a
    change need not be told. `namespaces` None means all of them.

    Needs the rights to list and watch the resource, and discovery, which everybody may.
    """

    def __init__(
        self,
        connection: Connection,
        resource: Resource,
        *,
        on_event: EventHandler,
        is_served: Callable[[], bool],
        on_problem: Callable[[Exception], None],
        knows: Callable[[str, str, str, str], bool] = lambda *_: False,
        namespaces: Collection[str] | None = None,
        label_selector: str | None = None,
    ) -> None:
        if namespaces is not None and not (namespaces and all(map(_is_name, namespaces))):
            raise ValueError("namespaces must be names, one at least; None means all of them")
        self._connection = connection
        self._resource = resource
        self._is_served = is_served
        self._namespaces = namespaces
        self._label_selector = label_selector
        self._ledger = Ledger(resource, namespaces, tell=on_event, on_problem=on_problem, knows=knows)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._end: Callable[[], None] | None = None  # ends the operator that runs now
        self._sessions: list[aiohttp.ClientSession] = []
        self._logged_in_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="frontdoor", daemon=True)

    def start(self) -> None:
        """Begin to list and watch, as soon as the resource is served; once only."""
        trimmedkopf.quiet()
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """End it; True when it ended within `timeout` seconds, which otherwise happens with the process."""
        self._stopping.set()
        with self._lock:
            if self._end is not None:
                self._end()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def wait_listed(self, timeout: float) -> bool:
        """Wait until each object of the first complete list was told; False when the time is over before."""
        return self._ledger.all_told.wait(timeout)

    @property
    def is_running(self) -> bool:
        """The thread lives. It ends only by `stop`; everything else is ridden out in it."""
        return self._thread.is_alive()

    @property
    def idle_seconds(self) -> float:
        """How long ago the API server said anything, in the collection where that is longest ago.

        While all is well a bookmark comes every minute, and after 70 silent seconds kopf asks anew.
        """
        return self._ledger.idle_seconds

    def trouble(self) -> str | None:
        """Why what was told may not be what is there; None when all is well. For the readiness probe."""
        if not self._thread.is_alive():
            return f"{self._resource.plural} are not watched"
        if (error := self._ledger.error) is not None:
            return error.message
        return None if self._ledger.all_told.is_set() else f"{self._resource.plural} are being listed"

    def _run(self) -> None:
        """Open the door again and again, until `stop`."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._check_served()
                asyncio.run(self._operate())
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is to begin anew
                self._fail(error)
            if time.monotonic() - began > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._stopping.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _check_served(self) -> None:
        if not self._is_served():
            name = f"{self._resource.plural}.{self._resource.group}"
            raise KsealError(f"{name}: the API server does not know them", "install the CustomResourceDefinition")

    async def _operate(self) -> None:
        """Run kopf until it is told to stop. Raises: whatever ended it otherwise."""
        stop_flag = asyncio.Event()
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._stopping.is_set():
                return
            self._end = lambda: _call(loop, stop_flag.set)
        self._ledger.begin()
        watchdog = asyncio.create_task(self._watch_over(stop_flag))
        try:
            await trimmedkopf.run(
                self._resource,
                namespaces=self._namespaces,
                label_selector=self._label_selector,
                on_event=self._ledger.handed_over,
                log_in=self._log_in,
                stop_flag=stop_flag,
            )
        finally:
            with self._lock:
                self._end = None
            watchdog.cancel()
            for session in self._sessions:
                await session.close()
            self._sessions.clear()
            await asyncio.sleep(_LEAVE_SECONDS)
        if not self._stopping.is_set():
            raise KsealError(f"{self._resource.plural}: the watch ended or fell silent, and begins anew")

    async def _watch_over(self, stop_flag: asyncio.Event) -> None:
        """End the operator when it has stopped to ask: kopf does not notice each task that dies (nolar/kopf#1276)."""
        while self._ledger.inactive_seconds < SILENCE_SECONDS:
            await asyncio.sleep(_CHECK_SECONDS)
        stop_flag.set()

    async def _log_in(self) -> tuple[str, aiohttp.ClientSession]:
        """A session for kopf; asked for at its start, and again when the API server goes on refusing who we are."""
        wait = self._logged_in_at + _LOGIN_SECONDS - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await asyncio.to_thread(self._connection.client_certificate)  # a log-in program may take its time
        server, session = open_session(self._connection, self._resource, self._ledger)
        self._sessions.append(session)
        self._logged_in_at = time.monotonic()
        return server, session

    def _fail(self, error: BaseException) -> None:
        """Note why kopf does not run: an error of ours, also one behind kopf's; else what the ledger knows better."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KsealError):
            cause = cause.__cause__
        if isinstance(cause, KsealError):
            self._ledger.failed(cause)
        elif self._ledger.error is None:
            unknown = KsealError(f"{self._resource.plural}: the watch ended with {type(error).__name__}")
            unknown.__cause__ = error
            self._ledger.failed(unknown)


def _call(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # closed just now: then there is nothing left to end
        loop.call_soon_threadsafe(action)


def _is_name(namespace: str) -> bool:
    """kopf would take other texts for patterns, and watch nothing."""
    return namespace.replace("-", "").isalnum()
