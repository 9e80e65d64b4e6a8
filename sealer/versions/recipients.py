"""Who can open a file, merged: master keys that either side added or removed, and the rule of what is encrypted."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from sealer.sops.groups import Groups
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection

_T = TypeVar("_T")

Identity = tuple[str, str]
"""Kind and identity of a master key."""


class Policy(NamedTuple):
    """What the merged file is to have. Its keys still carry what they wrapped on the side that they come from."""

    groups: list[list[MasterKey]]
    shamir_threshold: int
    selection: Selection
    conflicts: list[str]


def merged(base: Metadata | None, ours: Metadata, theirs: Metadata) -> Policy:
    """Both sides' changes. Where they contradict each other ours stays, and is named among the conflicts."""
    conflicts: list[str] = []
    threshold = _one(
        base.shamir_threshold if base else None,
        ours.shamir_threshold,
        theirs.shamir_threshold,
        "sops: shamir_threshold",
        conflicts,
    )
    selection = _one(
        base.selection if base else None,
        ours.selection,
        theirs.selection,
        "sops: the rule of what is encrypted",
        conflicts,
    )
    groups = _groups(base.key_groups if base else None, ours.key_groups, theirs.key_groups, conflicts)
    return Policy(groups, threshold, selection, conflicts)


def identities(groups: Groups) -> list[list[Identity]]:
    """The keys of each group by what a person knows them by."""
    return [[identity(key) for key in group] for group in groups]


def identity(key: MasterKey) -> Identity:
    """What a person knows a key by."""
    return key.kind, key.identity


def _one(base: _T | None, ours: _T, theirs: _T, what: str, conflicts: list[str]) -> _T:
    if theirs in (ours, base):
        return ours
    if ours != base:
        conflicts.append(what)
        return ours
    return theirs


def _groups(base: Groups | None, ours: Groups, theirs: Groups, conflicts: list[str]) -> list[list[MasterKey]]:
    mine, its, old = identities(ours), identities(theirs), identities(base) if base is not None else None
    if its in (mine, old):
        return [list(group) for group in ours]
    if mine == old:
        return [list(group) for group in theirs]
    if len(mine) != len(its) or (old is not None and len(old) != len(mine)):
        conflicts.append("sops: key_groups")
        return [list(group) for group in ours]
    empty: Sequence[Sequence[Identity]] = [[]] * len(mine)
    return [_group(set(had), *pair) for had, *pair in zip(old if old is not None else empty, ours, theirs, strict=True)]


def _group(base: set[Identity], ours: Sequence[MasterKey], theirs: Sequence[MasterKey]) -> list[MasterKey]:
    """The keys that neither side removed, and those that either side added; ours first."""
    mine, its = {identity(key) for key in ours}, {identity(key) for key in theirs}
    kept = [key for key in ours if identity(key) in its or identity(key) not in base]
    return kept + [key for key in theirs if identity(key) not in mine and identity(key) not in base]
