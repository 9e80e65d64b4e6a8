"""Which kinds a server knows, in which versions, and under which names."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.kube.client import Cluster
from engine.kube.errors import NotFound
from engine.kube.message import parse
from engine.kube.refs import Resource
from engine.kube.status import Target

REFRESH_SECONDS = 10.0
"""How soon after a look another one may follow, when a kind is asked for that was not there."""

# Everything in two requests. Source: k8s.io/api apidiscovery/v2; v2beta1 is of servers before 1.30.
_AGGREGATED = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1")
)


class Served(NamedTuple):
    """A kind in one of its versions."""

    resource: Resource
    singular: str
    short_names: tuple[str, ...]
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]


def serves(cluster: Cluster, resource: Resource) -> bool:
    """Whether the server has this kind in exactly this version, now. Raises: as `Cluster.request`."""
    path = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    target = Target.of_path(path, "get")
    try:
        answer = parse(cluster.request("GET", path, target=target), target)
    except NotFound:
        return False
    return any(found.get("name") == resource.plural for found in answer.get("resources") or ())


class Discovery:
    """The server's table of kinds, fetched when first needed; thread-safe.

    A question that finds nothing fetches again, unless that has just been done: a CRD may have come meanwhile.
    """

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.Lock()
        self._served: tuple[Served, ...] = ()
        self._by_kind: dict[tuple[str, str, str | None], Resource] = {}
        self._fetched_at = float("-inf")

    def all(self) -> tuple[Served, ...]:
        """Every kind in every version; the versions of a group in the order that the server prefers."""
        with self._lock:
            if self._fetched_at == float("-inf"):
                self._fetch()
            return self._served

    def find(self, group: str, kind: str, version: str | None = None) -> Resource | None:
        """How a kind of a manifest is served: in that version, or in the preferred one; None when it is not."""

        with self._lock:
            found = self._by_kind.get((group, kind, version))
            if found is None and self._is_due():
                self._fetch()
                found = self._by_kind.get((group, kind, version))
        return found

    def forget(self) -> None:
        """Fetch anew at the next question: the server has said that it does not serve what stands here."""
        with self._lock:
            self._served = ()
            self._by_kind = {}
            self._fetched_at = float("-inf")

    def named(self, word: str) -> Resource | None:
        """The kind that a person means: `secrets`, `secret`, `deploy`, `Deployment`, `deployments.apps`."""
        name, _, group = word.lower().partition(".")

        def fits(served: Served) -> bool:
            resource = served.resource
            names = (resource.plural, served.singular, resource.kind.lower(), *served.short_names)
            return name in names and (not group or group == resource.group)

        return self._first(fits)

    def _first(self, fits: Callable[[Served], bool]) -> Resource | None:
        with self._lock:
            found = next(filter(fits, self._served), None)
            if found is None and self._is_due():
                self._fetch()
                found = next(filter(fits, self._served), None)
        return None if found is None else found.resource

    def _is_due(self) -> bool:
        return self._clock() - self._fetched_at >= REFRESH_SECONDS

    def _fetch(self) -> None:
        served: list[Served] = []
        for path in ("/api", "/apis"):
            target = Target.of_path(path, "get")
            answer = parse(self._cluster.request("GET", path, accept=_AGGREGATED, target=target), target)
            for group in answer.get("items") or ():
                served += _versions(group)
        self._served = tuple(served)
        self._by_kind = {}
        for resource in (found.resource for found in served):
            for version in (None, resource.version):
                self._by_kind.setdefault((resource.group, resource.kind, version), resource)
        self._fetched_at = self._clock()


def _versions(group: Mapping[str, Any]) -> Iterator[Served]:
    name = group["metadata"].get("name", "")
    for version in group.get("versions") or ():
        for found in version.get("resources") or ():
            kind = found.get("responseKind") or {}
            yield Served(
                Resource(
                    name, version["version"], found["resource"], kind.get("kind", ""), found["scope"] == "Namespaced"
                ),
                found.get("singularResource", ""),
                tuple(found.get("shortNames") or ()),
                tuple(found.get("verbs") or ()),
                tuple(sub["subresource"] for sub in found.get("subresources") or ()),
            )
