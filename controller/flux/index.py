"""Which Kustomizations a thing concerns: a source, a dependency, a ConfigMap or Secret, an object of the cluster."""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from controller.flux.names import Name
from engine.kube.refs import ObjectRef

Thing = TypeVar("Thing", bound=Hashable)


class Index(Generic[Thing]):
    """From things to the names that they concern, kept as names are told anew. Safe for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[Thing, set[Name]] = defaultdict(set)
        self._things: dict[Name, frozenset[Thing]] = {}

    def put(self, name: Name, things: Iterable[Thing]) -> None:
        """These are the things of a name from now on; none forgets it."""
        wanted = frozenset(things)
        with self._lock:
            before = self._things.get(name, frozenset())
            if wanted == before:
                return
            for thing in before - wanted:
                self._names[thing].discard(name)
                if not self._names[thing]:
                    del self._names[thing]
            for thing in wanted - before:
                self._names[thing].add(name)
            if wanted:
                self._things[name] = wanted
            else:
                self._things.pop(name, None)

    def names(self, thing: Thing) -> list[Name]:
        """Whom a thing concerns."""
        with self._lock:
            return list(self._names.get(thing, ()))


Config = tuple[str, Name]
"""`ConfigMap` or `Secret`, and where it stands."""
Source = tuple[str, Name]
"""The kind of a source, and where it stands."""


class Concerns:
    """All four of them."""

    def __init__(self) -> None:
        self.sources: Index[Source] = Index()
        self.dependencies: Index[Name] = Index()
        self.configs: Index[Config] = Index()
        self.members: Index[ObjectRef] = Index()

    def put(self, name: Name, raw: Mapping[str, Any]) -> None:
        """Take in what a Kustomization refers to, be it valid or not."""
        spec = raw.get("spec") or {}
        reference = spec.get("sourceRef") or {}
        at = Name(reference.get("namespace") or name.namespace, reference.get("name") or "")
        self.sources.put(name, [(reference.get("kind") or "", at)])
        self.dependencies.put(
            name,
            (
                Name(found.get("namespace") or name.namespace, found.get("name") or "")
                for found in spec.get("dependsOn") or ()
            ),
        )
        self.configs.put(name, _configs(name.namespace, spec))

    def drop(self, name: Name) -> None:
        """The Kustomization is gone."""
        for index in (self.sources, self.dependencies, self.configs, self.members):
            index.put(name, ())


def _configs(namespace: str, spec: Mapping[str, Any]) -> list[Config]:
    named = [
        ("Secret", (spec.get("decryption") or {}).get("secretRef")),
        ("Secret", (spec.get("kubeConfig") or {}).get("secretRef")),
        ("ConfigMap", (spec.get("kubeConfig") or {}).get("configMapRef")),
        *((found.get("kind") or "", found) for found in (spec.get("postBuild") or {}).get("substituteFrom") or ()),
    ]
    return [(kind, Name(namespace, found["name"])) for kind, found in named if found and found.get("name")]


def in_order(names: Collection[Name], depends_on: Callable[[Name], Collection[Name]]) -> list[Name]:
    """The names so that each stands after those of them that it depends on; circles are broken somewhere."""
    wanted, done, placed = set(names), set[Name](), list[Name]()

    def place(first: Name) -> None:
        stack = [(first, iter(sorted(wanted.intersection(depends_on(first)))))]
        done.add(first)
        while stack:
            name, others = stack[-1]
            following = next((other for other in others if other not in done), None)
            if following is None:
                placed.append(name)
                stack.pop()
            else:
                done.add(following)
                stack.append((following, iter(sorted(wanted.intersection(depends_on(following))))))

    for name in sorted(wanted):
        if name not in done:
            place(name)
    return placed
