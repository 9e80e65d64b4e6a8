"""The resources of one kind that are worked on by name: watched, queued, handed to workers while this replica leads."""

import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from controller.errors import NotLeading
from controller.flux.component import Led
from controller.flux.halt import Next
from controller.flux.metrics import FluxMetrics
from controller.flux.names import Name
from controller.flux.objects import Objects, name_of
from controller.runtime.frontdoor import FrontDoor
from controller.runtime.queue import WorkQueue
from controller.runtime.worker import WorkerPool
from engine.errors import KsealError
from engine.kube.discovery import serves
from engine.kube.refs import Resource

Take = Callable[[dict[str, Any]], None]


class Worklist:
    """One kind. `objects` is what is known of it."""

    def __init__(
        self,
        led: Led,
        resource: Resource,
        *,
        workers: int,
        on_change: Take = lambda _: None,
        on_gone: Take = lambda _: None,
        metrics: FluxMetrics,
    ) -> None:
        """`on_change` and `on_gone` take objects whose state is news, whoever told it."""
        self.objects = Objects()
        self._led = led
        self._resource = resource
        self._on_change = on_change
        self._on_gone = on_gone
        self._metrics = metrics
        metrics.watch(led.controller, depth=lambda: self._queue.depth, unwatched=lambda: 0)
        flux = led.settings.flux
        self._queue: WorkQueue[Name] = WorkQueue(
            base_delay=flux.min_retry_delay.total_seconds(),
            max_delay=flux.max_retry_delay.total_seconds(),
            group=attrgetter("namespace"),
            share=flux.share_of(workers),
        )
        self._reconcile: Callable[[Name], Next] | None = None
        self._workers = WorkerPool(self._queue, self._work, size=workers, on_crash=self._crashed)
        cluster = led.cluster()
        self._door = FrontDoor(
            led.connection,
            resource,
            on_event=self.event,
            is_served=lambda: serves(cluster, resource),
            on_problem=lambda error: led.log.warning("watch interrupted", of=resource.plural, error=error),
            knows=self.objects.knows,
            label_selector=flux.label_selector,
        )

    def serve(self, reconcile: Callable[[Name], Next]) -> None:
        """What is done with a name; it says when to look again."""
        self._reconcile = reconcile

    def event(self, kind: str | None, raw: dict[str, Any]) -> None:
        """What the watch says; quick."""
        if kind == "DELETED":
            self.objects.drop(raw)
            self._on_gone(raw)
            self._metrics.forget(self._resource.kind, name_of(raw))
            self._queue.add(name_of(raw))
        else:
            self.changed(raw)

    def changed(self, raw: dict[str, Any]) -> None:
        """A new state, from the watch or from the answer to a write."""
        taken = self.objects.put(raw)
        if taken is None:
            return
        old, new = taken
        if not new.asks_like(old):
            self._queue.add(name_of(raw))
        self._on_change(raw)

    def look_at(self, name: Name) -> None:
        """Have a name looked at now."""
        self._queue.add(name)

    def watch(self) -> None:
        """Begin, and wait until all that exist are known."""
        self._door.start()
        while not self._door.wait_listed(1.0) and self._door.is_running and not self._led.is_stopping:
            continue

    def begin(self) -> None:
        """Begin to work."""
        self._workers.start()

    def take_over(self) -> None:
        """This replica leads now: everything is looked at."""
        for name in self.objects.names():
            self._queue.add(name)

    def trouble(self) -> str | None:
        """Why what is known may be out of date."""
        return self._door.trouble()

    def stop(self, timeout_seconds: float) -> None:
        """Finish what is in hand, take nothing more."""
        self._door.stop()
        self._workers.stop(timeout_seconds)

    def _work(self, name: Name) -> None:
        if self._reconcile is None or not self._led.leads:
            self._queue.forget(name)
            return
        began = time.monotonic()
        try:
            following = self._reconcile(name)
        except NotLeading:
            self._queue.forget(name)
            return
        except KsealError as error:
            self._led.log.warning(
                "reconcile not finished", ref=self._called(name), cause=error.message, hint=error.hint
            )
            self._metrics.reconciled(self._resource.kind, name, time.monotonic() - began, "error")
            self._queue.retry(name)
            return
        end = "requeue_after" if following.seconds is not None else "success"
        self._metrics.reconciled(self._resource.kind, name, time.monotonic() - began, end)
        if following.backs_off:
            self._queue.retry(name)
            return
        self._queue.forget(name)
        if following.seconds is not None:
            self._queue.add_after(name, following.seconds)

    def _crashed(self, name: Name, error: Exception) -> None:
        self._led.log.error("reconcile failed by a defect", ref=self._called(name), error=error)

    def _called(self, name: Name) -> str:
        return f"{self._resource.kind}/{name}"
