"""What differs between two sets of objects."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.diff import Difference, Masks
    from engine.kube.refs import ObjectRef

Object = dict[str, Any]


def compare(old: Iterable[Object], new: Iterable[Object], masks: "Masks") -> "list[Difference]":
    """What differs between two builds, in the order of the new one; what is gone comes last."""
    before, after = _by_ref(old), _by_ref(new)
    found = [masks.difference(before.get(key), obj) for key, obj in after.items()]
    found += [masks.difference(obj, None) for key, obj in before.items() if key not in after]
    return [one for one in found if one]


def _by_ref(objects: Iterable[Object]) -> "dict[tuple[ObjectRef, int], Object]":
    """By identity, and by number where one is there twice."""
    from engine.desired import ref_of

    found: dict[tuple[ObjectRef, int], Object] = {}
    for obj in objects:
        ref, number = ref_of(obj), 0
        while (ref, number) in found:
            number += 1
        found[ref, number] = obj
    return found
