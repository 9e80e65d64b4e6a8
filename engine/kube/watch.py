"""Informer: the objects of one kind as they are now, kept so by listing once and watching from there.

One thread per informer, so every object's changes arrive in their order. Resumes where it was after a break; only
when the server has forgotten that point is everything listed again, and what has vanished meanwhile is told as
deleted. (`sendInitialEvents` would stream the first list too; paging does with as little memory, on all servers.)
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

import orjson

from engine.errors import KsealError
from engine.kube.client import PAGE, Cluster
from engine.kube.errors import Gone, ServerTimeout, Unavailable, Unreachable
from engine.kube.http.broken import Broken
from engine.kube.http.retry import jittered
from engine.kube.known import Key, Known, Problem
from engine.kube.message import JSON
from engine.kube.refs import Resource
from engine.kube.status import Target, refusal

__all__ = ["Informer", "Problem"]

INACTIVITY_SECONDS = 90.0
"""Silence after which the connection is taken for dead. A bookmark comes each minute or so, whatever else happens.
Source: k8s.io/apiserver pkg/storage/cacher/cacher.go, defaultBookmarkFrequency."""
WATCH_SECONDS = 300
"""The shortest time after which we let the server end a watch, which spreads watches over its replicas; the longest
is twice that. Source: k8s.io/client-go tools/cache/reflector.go, defaultMinWatchTimeout."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
SHORT_SECONDS = 1.0  # a watch that ends sooner, without a word, counts as a failure: else two programs spin

_METADATA = ";as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"

T = TypeVar("T")


class Informer(Generic[T]):
    """What `decode` makes of each object, by namespace and name.

    `decode` gets the whole object and may keep as little of it as it likes, such as digests of a Secret; the object
    is dropped at once. What it answers with None is treated as if it were not there, and so is an object on which it
    raises. `on_change` is called with namespace, name, and the new value or None for gone; in the informer's thread,
    so it should be quick. An exception from either goes to `on_problem` with the object's name, and everything
    continues; that one change is not told again.
    """

    def __init__(
        self,
        cluster: Cluster,
        resource: Resource,
        *,
        decode: Callable[[dict[str, Any]], T | None],
        on_change: Callable[[str, str, T | None], None],
        on_problem: Callable[[Problem], None],
        on_listed: Callable[[], None] | None = None,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
        page: int = PAGE,
        inactivity_seconds: float = INACTIVITY_SECONDS,
    ) -> None:
        """`namespace` None is all of them. With `metadata_only` the server sends nothing but metadata. `on_listed` is
        called after each complete list, when all of it has been told; as `on_change` is."""
        self._cluster = cluster.sibling()
        self._resource = resource
        self._on_problem = on_problem
        self._on_listed = on_listed
        self._namespace = namespace
        self._selectors = {"label_selector": label_selector, "field_selector": field_selector}
        self._metadata_only = metadata_only
        self._page = page
        self._inactivity = inactivity_seconds
        self._target = Target.of(resource, "watch", namespace, None)
        self._known = Known(decode, on_change, self._report)
        self._version: str | None = None  # where to resume; None for a new list
        self._failures = 0
        self._synced = threading.Event()
        self._stopping = threading.Event()
        self._last_activity = time.monotonic()
        self._last_error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch-{resource.plural}", daemon=True)

    def start(self) -> None:
        """Begin to list, then to watch. Once only."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """End requests under way and the thread; no change is told after this returns. Safe to repeat."""
        self._stopping.set()
        self._known.silence()
        self._cluster.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_seconds)

    def wait_synced(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the first list is complete and told; False when the time is over first."""
        return self._synced.wait(timeout_seconds)

    def get(self, namespace: str, name: str) -> T | None:
        """The value of one object; None when there is none."""
        return self._known.get(namespace, name)

    def items(self) -> dict[Key, T]:
        """All values by namespace and name, as of now."""
        return self._known.items()

    @property
    def is_synced(self) -> bool:
        """The first list was complete once; later breaks do not change that."""
        return self._synced.is_set()

    @property
    def healthy(self) -> bool:
        """The view is complete and, as far as the server has told, up to date."""
        return self.is_synced and self.is_running and self._last_error is None

    @property
    def is_running(self) -> bool:
        """The thread lives: false after a stop only."""
        return self._thread.is_alive()

    @property
    def last_activity(self) -> float:
        """When the server last said anything, by the monotonic clock. While all is well that is never much longer
        ago than `inactivity_seconds`."""
        return self._last_activity

    @property
    def last_error(self) -> Exception | None:
        """Why the view may be out of date: what ended the last list or watch; None since one works again."""
        return self._last_error

    def _run(self) -> None:
        while not self._stopping.is_set():
            doing: Literal["list", "watch"] = "watch"
            try:
                if self._version is None:
                    doing = "list"
                    self._list()
                    doing = "watch"
                self._watch()
            except KsealError as error:
                self._after(doing, error)
            except Exception as error:  # noqa: BLE001  a fault of ours must not end the thread unseen
                self._version = None
                self._after(doing, error)

    def _after(self, doing: Literal["list", "watch"], error: Exception) -> None:
        """Decide what a failure means for the next turn, and wait for it."""
        if self._stopping.is_set():
            return
        self._last_error = error
        self._failures += 1
        self._report(Problem(doing, error))
        if isinstance(error, Gone | ServerTimeout):
            # Too old to resume from; or from the future, for which a server waits in vain after its storage was
            # restored from a backup.
            self._version = None
        if isinstance(error, Gone) and self._failures == 1:
            return
        doublings = min(self._failures - 1, 30)  # a number that stays small however long the outage is
        pause = jittered(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**doublings))
        self._stopping.wait(max(pause, getattr(error, "retry_after", None) or 0.0))

    def _list(self) -> None:
        listed: set[Key] = set()
        version = ""
        pages = self._cluster.list_pages(
            self._resource,
            self._namespace,
            **self._selectors,
            page=self._page,
            accept=JSON + _METADATA.format("List") if self._metadata_only else JSON,
        )
        for listing in pages:
            self._last_activity = time.monotonic()
            version = listing["metadata"]["resourceVersion"]
            for item in listing["items"]:
                listed.add(self._put(item))
        self._known.keep_only(listed)
        self._version = version
        self._last_error = None  # but only a watch that lasts ends the pauses: list and refusal might take turns
        self._synced.set()
        if self._on_listed is not None and not self._stopping.is_set():
            self._on_listed()

    def _watch(self) -> None:
        """Follow the changes until the server ends the watch, as it does after a while, or nothing comes any more."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(round(WATCH_SECONDS * (1 + random.random()))),  # noqa: S311  spreads load, no secret
            "labelSelector": self._selectors["label_selector"],
            "fieldSelector": self._selectors["field_selector"],
        }
        accept = JSON + _METADATA.format("") if self._metadata_only else JSON
        path = self._resource.path(self._namespace)
        with self._cluster.stream(
            path, query=query, accept=accept, idle_seconds=self._inactivity, target=self._target
        ) as stream:
            began = self._last_activity = time.monotonic()
            self._last_error = None
            try:
                for line in stream.lines():
                    self._last_activity = time.monotonic()
                    self._take(line)
                    self._failures = 0
            except Broken as broken:
                if not broken.timed_out:
                    raise
                return  # silence alone is nothing to report: the next watch goes on from here
            finally:
                if time.monotonic() - began >= SHORT_SECONDS:
                    self._failures = 0
        if self._last_activity == began and time.monotonic() - began < SHORT_SECONDS:
            raise Unreachable(f"{self._target.text}: the server ended the watch at once")

    def _take(self, line: bytes) -> None:
        """One event of a watch. Raises: Gone and others that the server sends as an event; Unavailable for garbage."""
        try:
            event = orjson.loads(line)
            kind, item = event["type"], event["object"]
            if kind == "ERROR":
                raise refusal(self._target, item.get("code", 500), item, origin=self._cluster.connection.origin)
            metadata = item["metadata"]
            version = metadata["resourceVersion"]
            if kind in ("ADDED", "MODIFIED"):
                self._put(item)
            elif kind == "DELETED":
                self._known.remove((metadata.get("namespace", ""), metadata["name"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            self._version = None  # it would be sent again
            raise Unavailable(f"{self._target.text}: the watch sent something that is no event") from None
        self._version = version

    def _put(self, item: dict[str, Any]) -> Key:
        if self._metadata_only:  # the server calls it PartialObjectMetadata
            item["apiVersion"], item["kind"] = self._resource.api_version, self._resource.kind
        return self._known.put(item)

    def _report(self, problem: Problem) -> None:
        try:
            self._on_problem(problem)
        except Exception as error:  # noqa: BLE001  a broken log must not end the watch; it shows in `last_error`
            self._last_error = error
