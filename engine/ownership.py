"""Ownership: how an owner marks its objects, and which words on an object steer what is done to it.

The words themselves (labels, keys, names of field managers) come from a front-end as values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Object = Mapping[str, Any]


class Foreign(NamedTuple):
    """Field managers that are relieved of an object: those whose name begins with `manager`.

    `operation` is Apply, Update, or empty for both.
    """

    manager: str
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Ownership:
    """One owner of objects, as they show it."""

    manager: str
    """The field manager of its applies."""
    labels: Mapping[str, str]
    """Set on each object. A live object that does not have them, with these values, is never deleted."""
    control: str
    """Prefix of the keys `ssa`, `reconcile`, `prune` and `force`: labels or annotations, in the manifest or live."""
    foreign: tuple[Foreign, ...] = ()
    """Managers whose fields become the owner's, so that what the manifest does not say goes away."""
    kept_manager: str = ""
    """The manager whose edits stay, whatever `foreign` says."""
    dropped_annotations: tuple[str, ...] = ()
    """Annotations that older tools left, and that are taken away from live objects."""
    dropped_labels: tuple[str, ...] = ()
    migrates_versions: bool = False
    """Before an apply, let all managers' fields be noted in the version of the manifest. A field that only a newer
    version of a kind declares, and gives a default, makes the server refuse the apply otherwise."""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    """Set on each object, over what the manifest says."""
    common_annotations: Mapping[str, str] = field(default_factory=dict)

    def owns(self, live: Object) -> bool:
        """Whether a live object carries this owner's labels."""
        labels = metadata_of(live, "labels")
        return bool(self.labels) and all(labels.get(key) == value for key, value in self.labels.items())

    def says(self, key: str, value: str, *objects: Object | None) -> bool:
        """Whether one of the objects has the control key with this value, as label or annotation, in any case.

        Source: fluxcd/pkg ssa/utils/meta.go, AnyInMetadata.
        """
        name, wanted = f"{self.control}/{key}", value.casefold()
        return any(
            isinstance(found := metadata_of(obj, place).get(name), str) and found.casefold() == wanted
            for obj in objects
            if obj is not None
            for place in ("labels", "annotations")
        )

    def is_left_alone(self, *objects: Object | None) -> bool:
        """Whether an object is neither applied nor deleted: `reconcile: disabled` or `ssa: Ignore`."""
        return self.says("reconcile", "disabled", *objects) or self.says("ssa", "Ignore", *objects)

    def is_protected(self, live: Object) -> bool:
        """Whether an object is never deleted."""
        return self.says("prune", "disabled", live) or self.is_left_alone(live)


def metadata_of(obj: Object, place: str) -> Mapping[str, Any]:
    """The labels or annotations of an object; empty where they are missing or no map."""
    metadata = obj.get("metadata")
    found = metadata.get(place) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}
