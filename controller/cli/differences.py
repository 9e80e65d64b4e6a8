"""What differs between two sets of objects, as it may be shown: masked first, compared afterwards."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from controller.cli.kinds import mapping_at, text_at

if TYPE_CHECKING:
    from controller.cli.masking import Masks

Object = dict[str, Any]

CONTEXT: Final = 3
"""Lines around a change. Of a list of containers that is enough to see which one is meant."""
_BOOKKEEPING: Final = frozenset(
    {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink", "deletionTimestamp"}
)
"""Metadata that the server writes."""


class State(Enum):
    """What happens to an object."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"


class Ref(NamedTuple):
    """One object across versions of its kind. Prints as `Deployment/shop/web`."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> "Ref":
        group, slash, _ = text_at(obj, "apiVersion").partition("/")
        where, name = text_at(obj, "metadata", "namespace"), text_at(obj, "metadata", "name")
        return cls(group if slash else "", text_at(obj, "kind"), where, name)

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class Difference(NamedTuple):
    """One object that differs. `lines` are those of a unified diff of its YAML, without the two of the files."""

    ref: Ref
    state: State
    lines: tuple[str, ...]

    @property
    def added(self) -> int:
        """How many lines are new."""
        return sum(1 for line in self.lines if line.startswith("+"))

    @property
    def removed(self) -> int:
        """How many lines are gone."""
        return sum(1 for line in self.lines if line.startswith("-"))


def compare(old: Iterable[Object], new: Iterable[Object], masks: "Masks") -> list[Difference]:
    """What differs between two builds, in the order of the new one; what is gone comes last."""
    before, after = _by_ref(old), _by_ref(new)
    found = [difference(before.get(key), obj, masks) for key, obj in after.items()]
    found += [difference(obj, None, masks) for key, obj in before.items() if key not in after]
    return [one for one in found if one is not None]


def difference(old: Object | None, new: Object | None, masks: "Masks") -> Difference | None:
    """What differs between two states of one object, of which one may be none; None where nothing does."""
    lines = tuple(_lines(_text(old, masks), _text(new, masks)))
    either = new if new is not None else old
    if either is None or (not lines and old is not None and new is not None):
        return None
    state = State.CREATED if old is None else State.DELETED if new is None else State.CHANGED
    return Difference(Ref.of(either), state, lines)


def cleaned(obj: Object) -> Object:
    """An object without what the server writes into it: status, and the book-keeping of its metadata."""
    made = {field: value for field, value in obj.items() if field != "status"}
    made["metadata"] = {
        field: value for field, value in mapping_at(obj, "metadata").items() if field not in _BOOKKEEPING
    }
    return made


def _by_ref(objects: Iterable[Object]) -> dict[tuple[Ref, int], Object]:
    """By identity, and by number where one is there twice."""
    found: dict[tuple[Ref, int], Object] = {}
    for obj in objects:
        ref, number = Ref.of(obj), 0
        while (ref, number) in found:
            number += 1
        found[ref, number] = obj
    return found


def _text(obj: Object | None, masks: "Masks") -> Sequence[str]:
    from engine.kube.yaml import write

    return [] if obj is None else masks.text(write(masks.shown(obj))).splitlines()


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterable[str]:
    """A unified diff. The positions in the text say nothing to a reader; `@@` alone parts the hunks."""
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=CONTEXT)):
        if number >= 2:
            yield "@@" if line.startswith("@@") else line
