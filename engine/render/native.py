"""Kustomizations that plain code builds exactly as kustomize does. What it does not know raises Unusual.

The tests compare each feature here with the real program, object for object. Source: kubernetes-sigs/kustomize
api/internal/target/kusttarget.go (order of the steps), api/internal/accumulator (identities, references).
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.render.base import Bounds, BuildError, Files, LimitError, Unusual, joined
from engine.render.closure import Closure, Step
from engine.render.fields import is_strict
from engine.render.plain import objects_of
from engine.render.references import fix_references
from engine.render.resources import Identity, Resource
from engine.render.transform import add_prefix, add_suffix, set_namespace

_KNOWN: Final = frozenset(
    ("apiVersion", "kind", "metadata", "resources", "bases", "namespace", "namePrefix", "nameSuffix")
)
_KINDS: Final = {"Kustomization": "kustomize.config.k8s.io/v1beta1"}


def build(files: Files, closure: Closure, changed: Mapping[str, bytes], bounds: Bounds) -> list[dict[str, Any]]:
    """The objects of a closure in kustomize's order, which belong to the caller. Raises: BuildError, Unusual."""
    resources = _Build(files, closure, changed, bounds).run()
    return [resource.obj for resource in resources]


def knows(step: Mapping[str, Any]) -> bool:
    """Whether plain code has all that a kustomization says."""
    kind = step.get("kind") or "Kustomization"
    return (
        all(not value or name in _KNOWN for name, value in step.items())
        and kind in _KINDS
        and (step.get("apiVersion") or _KINDS[kind]) == _KINDS[kind]
        and is_strict(step)
    )


class _Build:
    def __init__(self, files: Files, closure: Closure, changed: Mapping[str, bytes], bounds: Bounds) -> None:
        self.files = files
        self.closure = closure
        self.changed = changed
        self.bounds = bounds
        self.taken = 0
        self.bytes = 0

    def run(self) -> list[Resource]:
        if not all(knows(step.value) for step in self.closure.steps.values()):
            raise Unusual("a field that plain code does not know")
        resources = self.step(self.closure.steps[self.closure.folder])
        fix_references(resources)
        return resources

    def step(self, step: Step) -> list[Resource]:
        """What one kustomization makes, its bases included."""
        self.taken += 1
        if self.taken > self.bounds.kustomizations:
            raise LimitError(
                f"{step.path}: bases are taken in more than {self.bounds.kustomizations} times", "flatten the bases"
            )
        value = step.value
        if not any(value.get(name) for name in value if name not in ("apiVersion", "kind")):
            raise Unusual("an empty kustomization")
        resources: list[Resource] = []
        known: dict[Identity, Resource] = {}
        for path in [*(value.get("resources") or ()), *(value.get("bases") or ())]:
            place = joined(step.folder, path)
            if place is None:
                raise Unusual("a path that leads out")
            for resource in self.step(self.closure.steps[place]) if place in self.closure.steps else self.file(place):
                self.put(resource, resources, known)
        if value.get("namespace"):
            set_namespace(resources, value["namespace"])
        if value.get("namePrefix"):
            add_prefix(resources, value["namePrefix"])
        if value.get("nameSuffix"):
            add_suffix(resources, value["nameSuffix"])
        return resources

    def put(self, resource: Resource, resources: list[Resource], known: dict[Identity, Resource]) -> None:
        before = known.setdefault(resource.identity, resource)
        if before is not resource:
            also = f' and in "{before.origin}"' if before.origin != resource.origin else ""
            raise BuildError(f"{resource.origin}: {resource}: is there twice{also}", "take one of them out")
        resources.append(resource)
        if len(resources) > self.bounds.objects:
            raise LimitError(f"more than {self.bounds.objects} objects in one build", "split the kustomization")

    def file(self, path: str) -> list[Resource]:
        data = self.changed[path] if path in self.changed else self.files.read(path)
        self.bytes += len(data)
        if self.bytes > self.bounds.input_bytes:
            raise LimitError(
                f"more than {self.bounds.input_bytes} bytes in the files of one build", "split the kustomization"
            )
        return [Resource(obj, path) for obj in objects_of(data, path)]
