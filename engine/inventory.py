"""Inventory: the members of an apply set, in the form in which Flux keeps them in a status.

Source: fluxcd/cli-utils pkg/object/objmetadata.go; fluxcd/kustomize-controller internal/inventory/inventory.go.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.errors import Stalled
from engine.kube.refs import ObjectRef

_RBAC = "rbac.authorization.k8s.io"
_WITH_COLONS = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})


class Member(NamedTuple):
    """One object of an apply set, and the version of the API in which it was applied last."""

    ref: ObjectRef
    version: str


class InventoryError(Stalled):
    """An entry of an inventory cannot be read; nothing may be pruned by such a list."""


def format_id(ref: ObjectRef) -> str:
    """`namespace_name_group_kind`; a colon, which only names of RBAC have, is written as two underscores."""
    name = ref.name.replace(":", "__") if ref.group == _RBAC and ref.kind in _WITH_COLONS else ref.name
    return f"{ref.namespace}_{name}_{ref.group}_{ref.kind}"


def parse_id(text: str) -> ObjectRef:
    """The reference in an id. Raises: InventoryError."""
    namespace, first, rest = text.partition("_")
    rest, last, kind = rest.rpartition("_")
    name, middle, group = rest.rpartition("_")
    name = name.replace("__", ":")
    if not (first and middle and last) or not name or not kind:
        raise InventoryError(
            f"inventory: {text[:300]!r} is no id of an object",
            "an id is NAMESPACE_NAME_GROUP_KIND; the entry was not written by a controller, and must be corrected",
        )
    return ObjectRef(group, kind, namespace, name)


class Inventory:
    """The members of an apply set, each object once, in the order in which they were applied. A value."""

    __slots__ = ("_members",)

    def __init__(self, members: Iterable[Member] = ()) -> None:
        found: dict[ObjectRef, Member] = {}
        for member in members:
            found.setdefault(member.ref, member)
        self._members = found

    @classmethod
    def of_status(cls, entries: Iterable[Mapping[str, Any]] | None) -> "Inventory":
        """From the entries of a status. Raises: InventoryError, for whatever cannot be read: a list of objects to
        delete is taken as a whole or not at all."""
        members = []
        for entry in entries or ():
            text, version = entry.get("id"), entry.get("v")
            if not isinstance(text, str) or not isinstance(version, str):
                raise InventoryError("inventory: an entry has no id or no version")
            members.append(Member(parse_id(text), version))
        return cls(members)

    def to_status(self) -> list[dict[str, str]]:
        return [{"id": format_id(ref), "v": version} for ref, version in self]

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, ref: object) -> bool:
        return ref in self._members

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inventory) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __or__(self, other: "Inventory") -> "Inventory":
        """These members, then those of the other one that are not among them."""
        return Inventory((*self, *other))

    def __repr__(self) -> str:
        return f"<Inventory {', '.join(str(member.ref) for member in self)}>"

    def kinds(self) -> frozenset[tuple[str, str]]:
        """(group, kind) of all members: what must be watched."""
        return frozenset((ref.group, ref.kind) for ref in self._members)

    def stale(self, new: "Inventory") -> "Inventory":
        """The members that the new inventory no longer has."""
        return Inventory(member for member in self if member.ref not in new)
