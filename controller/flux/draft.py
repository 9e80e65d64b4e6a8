"""One look at a Kustomization: the object as it is, and the status that is being made for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from typing import Any

from controller.errors import NotLeading
from controller.flux.conditions import At
from controller.flux.halt import Halt
from controller.flux.names import REQUESTED_AT, Name
from engine.errors import KsealError


class Draft:
    """An object and the status that is being made for it."""

    def __init__(self, raw: dict[str, Any], now: datetime) -> None:
        self.raw = raw
        self.status: dict[str, Any] = deepcopy(raw.get("status") or {})
        self.at = At(raw["metadata"].get("generation") or 0, now)
        self.progress = ""
        """What is under way, for the case that it fails."""
        self.is_waiting = False
        """The pass goes on later: nothing has been concluded yet."""

    def begin_again(self) -> None:
        """Say nothing new."""
        self.status = deepcopy(self.raw.get("status") or {})

    @property
    def is_asked(self) -> bool:
        """Whether somebody asks for this look, and has not been answered yet."""
        asked = requested(self.raw)
        return bool(asked) and asked != (self.status.get("lastHandledReconcileAt") or "")

    @property
    def called(self) -> str:
        return f"Kustomization/{self.raw['metadata']['namespace']}/{self.raw['metadata']['name']}"


def requested(raw: Mapping[str, Any]) -> str:
    """The value by which somebody asks for a look; it counts once."""
    value = (raw["metadata"].get("annotations") or {}).get(REQUESTED_AT)
    return value if isinstance(value, str) else ""


def owner_of(name: Name) -> str:
    """What the engine calls a Kustomization."""
    return f"Kustomization/{name}"


@contextmanager
def failing_with(reason: str) -> Iterator[None]:
    """What goes wrong in here is a failure of this kind. Raises: Halt, NotLeading."""
    try:
        yield
    except (Halt, NotLeading):
        raise
    except KsealError as error:
        raise Halt(reason, error.message, hint=error.hint) from error
