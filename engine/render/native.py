"""Kustomizations that plain code builds exactly as kustomize does. What it does not know raises Unusual.

The tests compare each feature here with the real program, object for object. Source: kubernetes-sigs/kustomize
api/internal/target/kusttarget.go (order of the steps), api/internal/accumulator (identities, references).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from engine.render.base import Bounds, BuildError, Files, LimitError, Unusual, joined
from engine.render.closure import Closure, Step
from engine.render.fields import is_strict
from engine.render.generators import digest_of, generated
from engine.render.images import set_image, set_replicas
from engine.render.labels import add_annotations, add_labels
from engine.render.naming import add_prefix, add_suffix, set_namespace
from engine.render.patches import patch
from engine.render.plain import objects_of
from engine.render.references import fix_references
from engine.render.resources import Identity, Resource

_KNOWN: Final = frozenset(
    (
        *("apiVersion", "kind", "metadata", "resources", "bases", "components"),
        *("namespace", "namePrefix", "nameSuffix", "commonLabels", "labels", "commonAnnotations"),
        *("images", "replicas", "patches", "patchesStrategicMerge"),
        *("configMapGenerator", "secretGenerator", "generatorOptions"),
    )
)
_KINDS: Final = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}


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
        first = self.closure.steps[self.closure.folder]
        if first.value.get("kind") == "Component":
            raise Unusual("a component by itself")
        resources = self.step(first)
        for resource in resources:
            if resource.needs_digest:
                name = f"{resource.name}-{digest_of(resource.obj)}"
                resource.remember()
                resource.name = name
        fix_references(resources)
        if len({resource.identity for resource in resources}) < len(resources):
            raise Unusual("two objects that became one")
        return resources

    def step(self, step: Step, resources: list[Resource] | None = None) -> list[Resource]:
        """What one kustomization makes, its bases included; a component goes on with what is there already."""
        self.taken += 1
        if self.taken > self.bounds.kustomizations:
            raise LimitError(
                f"{step.path}: bases are taken in more than {self.bounds.kustomizations} times", "flatten the bases"
            )
        value = step.value
        if not any(value.get(name) for name in value if name not in ("apiVersion", "kind")):
            raise Unusual("an empty kustomization")
        resources = [] if resources is None else resources
        known = {resource.identity: resource for resource in resources}
        for path in (*(value.get("resources") or ()), *(value.get("bases") or ())):
            place = self.place(step, path)
            if place not in self.closure.steps:
                found = self.file(place)
            elif self.closure.steps[place].value.get("kind") == "Component":
                raise Unusual("a component as a resource")
            else:
                found = self.step(self.closure.steps[place])
            for resource in found:
                self.put(resource, resources, known)
        for resource in self.generated(step):
            self.put(resource, resources, known, is_generated=True)
        for path in value.get("components") or ():
            component = self.closure.steps[self.place(step, path)]
            if component.value.get("kind") != "Component":
                raise Unusual("a component that is none")
            resources = self.step(component, resources)
        self.transform(step, resources)
        return resources

    def transform(self, step: Step, resources: list[Resource]) -> None:
        """All that a kustomization does to its objects, in kustomize's order."""
        value = step.value
        for text in value.get("patchesStrategicMerge") or ():
            patch(resources, self.text(step, text) if "\n" not in text else text, None)
        for one in value.get("patches") or ():
            self.patch(step, one, resources)
        if value.get("namespace"):
            set_namespace(resources, value["namespace"])
        if value.get("namePrefix"):
            add_prefix(resources, value["namePrefix"])
        if value.get("nameSuffix"):
            add_suffix(resources, value["nameSuffix"])
        for one in value.get("labels") or ():
            if one.get("fields"):
                raise Unusual("places for labels")
            add_labels(
                resources,
                one.get("pairs") or {},
                selectors=bool(one.get("includeSelectors")),
                templates=bool(one.get("includeTemplates")),
            )
        add_labels(resources, value.get("commonLabels") or {}, selectors=True, templates=True)
        add_annotations(resources, value.get("commonAnnotations") or {})
        for one in value.get("replicas") or ():
            set_replicas(resources, one.get("name", ""), one.get("count", 0))
        for one in value.get("images") or ():
            set_image(resources, one)

    def patch(self, step: Step, one: Mapping[str, Any], resources: list[Resource]) -> None:
        text, path = one.get("patch") or "", one.get("path") or ""
        if one.get("options") or bool(text.strip()) == bool(path):
            raise Unusual("options of a patch, or none at all")
        patch(resources, text or self.text(step, path), one.get("target"))

    def generated(self, step: Step) -> list[Resource]:
        result = []
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for one in step.value.get(field) or ():
                shared = step.value.get("generatorOptions")
                obj, needs_digest = generated(kind, one, shared, partial(self.named, step))
                resource = Resource(obj, step.path)
                resource.needs_digest = needs_digest
                result.append(resource)
        return result

    def named(self, step: Step, path: str) -> bytes:
        return self.read(self.place(step, path))

    def place(self, step: Step, path: str) -> str:
        place = joined(step.folder, path)
        if place is None:
            raise Unusual("a path that leads out")
        return place

    def text(self, step: Step, path: str) -> str:
        try:
            return self.read(self.place(step, path)).decode()
        except UnicodeDecodeError:
            raise Unusual("a patch that is no text") from None

    def put(
        self,
        resource: Resource,
        resources: list[Resource],
        known: dict[Identity, Resource],
        *,
        is_generated: bool = False,
    ) -> None:
        before = known.setdefault(resource.identity, resource)
        if is_generated and (before is not resource or any(_was(one, resource) for one in resources)):
            raise Unusual("a generated object that is there already")
        if before is not resource:
            also = f' and in "{before.origin}"' if before.origin != resource.origin else ""
            raise BuildError(f"{resource.origin}: {resource}: is there twice{also}", "take one of them out")
        resources.append(resource)
        if len(resources) > self.bounds.objects:
            raise LimitError(f"more than {self.bounds.objects} objects in one build", "split the kustomization")

    def file(self, path: str) -> list[Resource]:
        return [Resource(obj, path) for obj in objects_of(self.read(path), path)]

    def read(self, path: str) -> bytes:
        if path not in self.closure.files:
            raise Unusual("a file that is not there")
        data = self.changed[path] if path in self.changed else self.files.read(path)
        self.bytes += len(data)
        if self.bytes > self.bounds.input_bytes:
            raise LimitError(
                f"more than {self.bounds.input_bytes} bytes in the files of one build", "split the kustomization"
            )
        return data


def _was(one: Resource, other: Resource) -> bool:
    """Whether an object was once called as another is now."""
    return (one.group, one.version) == (other.group, other.version) and any(
        (namespace, name, kind) == (other.effective_namespace, other.name, other.kind)
        for namespace, name, kind in one.previous
    )
