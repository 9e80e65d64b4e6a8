"""What a person, a log and an alert are told about a Kustomization, in one place."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from controller.flux.events import Severity, Teller
from controller.flux.halt import Halt
from controller.flux.names import Name
from controller.flux.passes import Pass
from engine.errors import KsealError


class Telling:
    """Events and log lines."""

    def __init__(self, teller: Teller, *, log: Any, forget: Callable[[Name], None] = lambda _: None) -> None:
        """`forget` hears of Kustomizations that are gone."""
        self._teller = teller
        self._log = log
        self._forget = forget

    def event(
        self,
        raw: dict[str, Any],
        severity: Severity,
        reason: str,
        message: str,
        metadata: Mapping[str, str],
        *,
        is_news: bool,
    ) -> None:
        """Keys of `metadata` are put below the group of the object."""
        self._teller.tell(raw, severity, reason, message, metadata, is_news=is_news)

    def log(self, called: str, event: str, current: Pass, took: timedelta, *, is_news: bool) -> None:
        """One line for a reconcile that went well."""
        level = self._log.info if is_news else self._log.debug
        changes = sum(change.action.is_change for change in current.progress.changes) if current.progress else 0
        level(event, ref=called, revision=current.revision, changes=changes, seconds=round(took.total_seconds(), 3))

    def log_failure(self, called: str, reason: str, current: Pass, error: KsealError) -> None:
        self._log.error(
            "not applied",
            ref=called,
            revision=current.revision,
            reason=reason,
            cause=error.message,
            hint=error.hint,
        )

    def log_empty(self, called: str, current: Pass) -> None:
        self._log.warning("empty build", ref=called, revision=current.revision, pruned=len(current.before))

    def log_halt(self, called: str, stop: Halt) -> None:
        level = self._log.error if stop.severity == "error" else self._log.info
        level("not ready", ref=called, reason=stop.reason, cause=stop.message, hint=stop.hint)

    def forget(self, name: Name) -> None:
        """The Kustomization is gone."""
        self._forget(name)
