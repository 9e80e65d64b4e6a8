"""Objects of some kinds as they are and as they change, one after the other, for verbs that watch and wait."""

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from engine.kube.client import Cluster
from engine.kube.errors import Forbidden, NotServed, Unauthorized
from engine.kube.refs import Resource
from engine.kube.watch import Informer, Problem

_HOPELESS = (Forbidden, NotServed, Unauthorized)
"""Refusals that stay; everything else the informer rides out."""
_WOKEN_SECONDS = 3600.0  # a wait without a limit would not hear Ctrl-C on every platform
_IDLE_SECONDS = 1.0

Object = dict[str, Any]


class Followed(NamedTuple):
    """What to follow: a kind, everywhere or in a namespace, narrowed by selectors."""

    resource: Resource
    namespace: str | None
    label_selector: str | None = None
    field_selector: str | None = None

    @classmethod
    def one(cls, resource: Resource, namespace: str, name: str) -> "Followed":
        """A single object, which need not exist."""
        return cls(resource, namespace, field_selector=f"metadata.name={name}")


class Change(NamedTuple):
    """What happened to one object. `obj` is None when it is gone."""

    resource: Resource
    namespace: str
    name: str
    obj: Object | None


def changes(
    cluster: Cluster,
    followed: Sequence[Followed],
    *,
    deadline: float | None = None,
    on_idle: Callable[[], None] | None = None,
) -> Iterator[Change]:
    """All objects there are, then each change; ends at `deadline` on the monotonic clock, else never.

    `on_idle` is called in each second in which nothing happens. Breaks of the connection are resumed.
    Raises: ApiError when the server refuses for good.
    """
    told: queue.Queue[Change | Exception] = queue.Queue()

    def report(problem: Problem) -> None:
        if isinstance(problem.error, _HOPELESS):
            told.put(problem.error)

    with ExitStack() as running:
        for one in followed:
            informer = _informer(cluster, one, told, report)
            informer.start()
            running.callback(informer.stop)
        while deadline is None or time.monotonic() < deadline:
            left = _WOKEN_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                change = told.get(timeout=min(left, _IDLE_SECONDS if on_idle else _WOKEN_SECONDS))
            except queue.Empty:
                if on_idle:
                    on_idle()
                continue
            if isinstance(change, Exception):
                raise change
            yield change


def _informer(
    cluster: Cluster, one: Followed, told: "queue.Queue[Change | Exception]", report: Any
) -> Informer[Object]:
    return Informer(
        cluster,
        one.resource,
        decode=lambda obj: obj,
        on_change=lambda namespace, name, obj: told.put(Change(one.resource, namespace, name, obj)),
        on_problem=report,
        namespace=one.namespace,
        label_selector=one.label_selector,
        field_selector=one.field_selector,
    )
