"""What happened to each object of a pass."""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from engine.errors import KsealError
from engine.kube.refs import ObjectRef


class Action(Enum):
    """What was done to an object; the words are those of Flux's events. Source: fluxcd/pkg ssa/changeset.go."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_change(self) -> bool:
        """Whether the cluster is another one afterwards: what events tell about."""
        return self in (Action.CREATED, Action.CONFIGURED, Action.DELETED)


class Change(NamedTuple):
    """One object and what was done to it. `version` is that of the API, as the manifest or the inventory has it."""

    ref: ObjectRef
    action: Action
    error: KsealError | None = None
    """Why it failed; None otherwise."""
    version: str = ""
    is_prune: bool = False
    """The object was to be deleted, not applied."""

    def __str__(self) -> str:
        return f"{self.ref} {self.action.value}"


class ChangeSet:
    """The changes of a pass in the order in which they happened. A value: adding returns another one."""

    __slots__ = ("_changes",)

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._changes = tuple(changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChangeSet) and self._changes == other._changes

    def __hash__(self) -> int:
        return hash(self._changes)

    def __add__(self, others: Iterable[Change]) -> "ChangeSet":
        return ChangeSet((*self._changes, *others))

    def __repr__(self) -> str:
        return f"<ChangeSet {', '.join(map(str, self._changes))}>"

    def of(self, *actions: Action) -> "ChangeSet":
        """Those with one of these actions."""
        return ChangeSet(change for change in self._changes if change.action in actions)

    def changed(self) -> "ChangeSet":
        """Those that an event tells about: created, configured, deleted."""
        return ChangeSet(change for change in self._changes if change.action.is_change)

    def lines(self) -> str:
        """One line for each object, `Kind/namespace/name created`, as messages of events have them."""
        return "\n".join(map(str, self._changes))
