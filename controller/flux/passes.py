"""What is known of the last pass over each Kustomization. All of it can be found out again: a restart begins anew."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.flux.clusters import Destination
from controller.flux.names import Name
from engine.execute import Progress
from engine.inventory import Inventory
from engine.ownership import Ownership
from engine.plan import Plan


@dataclass(slots=True)
class Pass:
    """One pass: what it was made from, how far it has come, and what it led to. One worker at a time has it."""

    inputs: bytes
    """Digest of everything that decides what is applied: equal inputs, equal desired state."""
    revision: str
    origin: str
    checksum: str
    """Of what was built, for the history."""
    plan: Plan
    destination: Destination
    ownership: Ownership
    before: Inventory
    """The members before the pass."""
    desired: Inventory
    """The members that the pass is to make."""
    awaits_health: bool
    """Whether it ends with a look at the health of what it applied."""
    generation: int
    """Of the Kustomization."""
    begun: float
    """By the monotonic clock."""
    progress: Progress | None = None
    is_health_told: bool = False
    """Whether the status says that health is awaited."""
    is_done: bool = False
    """It has ended well, and what it led to holds until somebody says otherwise."""
    members: Inventory = field(default_factory=Inventory)
    """The members that it made, when it is done."""
    is_disturbed: bool = False
    """Somebody else wrote to a member meanwhile."""
    is_changed: bool = False
    """Whether anything was written."""


class Passes:
    """The last one of each name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passes: dict[Name, Pass] = {}

    def get(self, name: Name) -> Pass | None:
        with self._lock:
            return self._passes.get(name)

    def put(self, name: Name, found: Pass) -> None:
        with self._lock:
            self._passes[name] = found

    def drop(self, name: Name) -> None:
        with self._lock:
            self._passes.pop(name, None)

    def all(self) -> Mapping[Name, Pass]:
        with self._lock:
            return dict(self._passes)
