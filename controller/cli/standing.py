"""How an object of deliveries stands, read from its status: pure functions over what the API gave."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from controller.cli.kinds import Kind, mapping_at, text_at
from sealer.cli.misuse import Misused

REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
"""Asks for a reconciliation; each value counts once. Source: fluxcd/pkg apis/meta/annotations.go."""
NOT_YET: Final = "waiting to be reconciled"
_HASH: Final = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
_SHOWN: Final = 8  # of a hash, as Flux's program shows it
_PASSING: Final = frozenset({"DependencyNotReady", "Progressing", "ProgressingWithRetry"})
"""Reasons that say that it is not over yet."""


class Outcome(Enum):
    """What came of a reconciliation so far."""

    READY = "ready"
    FAILED = "failed"
    WORKING = "working"


class Ready(NamedTuple):
    """The condition Ready."""

    status: str
    reason: str
    message: str


def condition(obj: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """A condition by its type, in whatever case; None when there is none."""
    found = mapping_at(obj, "status").get("conditions")
    for one in found if isinstance(found, list) else ():
        if text_at(one, "type").lower() == type_.lower():
            return mapping_at(one)
    return None


def ready(obj: Mapping[str, Any]) -> Ready:
    """The condition Ready, as False where there is none yet."""
    found = condition(obj, "Ready")
    if found is None:
        return Ready("False", "", NOT_YET)
    return Ready(text_at(found, "status"), text_at(found, "reason"), text_at(found, "message"))


def is_suspended(obj: Mapping[str, Any]) -> bool:
    """Whether the object asks to be left alone."""
    return mapping_at(obj, "spec").get("suspend") is True


def short(text: str) -> str:
    """Commit ids and digests cut to their first eight digits."""
    return _HASH.sub(lambda found: found[0][:_SHOWN], text)


def outcome(obj: Mapping[str, Any], *, requested: str = "") -> Outcome:
    """Whether the controller is done with this generation, and with the request of that value where one was made.

    A request that somebody else's has replaced meanwhile counts as handled when theirs is.
    """
    if requested:
        handled = text_at(obj, "status", "lastHandledReconcileAt")
        asked = mapping_at(obj, "metadata", "annotations").get(REQUESTED_AT)
        if handled != requested and (not handled or handled != asked):
            return Outcome.WORKING
    now, generation = ready(obj), mapping_at(obj, "metadata").get("generation")
    is_observed = mapping_at(obj, "status").get("observedGeneration") == generation
    if now.status == "True":
        return Outcome.READY if is_observed else Outcome.WORKING
    # The status keeps the generation of the last success; the condition has that of the failure it tells of.
    is_told = is_observed or mapping_at(condition(obj, "Ready")).get("observedGeneration") == generation
    has_failed = now.status == "False" and now.reason and now.reason not in _PASSING
    return Outcome.FAILED if is_told and has_failed else Outcome.WORKING


def is_at_work(obj: Mapping[str, Any]) -> bool:
    """Whether a controller says that it works on the object just now."""
    return ready(obj).status == "Unknown" and text_at(condition(obj, "Reconciling"), "status") == "True"


class Target(NamedTuple):
    """The revision that an object has to come to: that of its source, or one that is none of those `before`, since the
    source may have moved on meanwhile. A controller may learn of the request before it learns of the source.
    """

    revision: str
    before: tuple[str, ...]

    def is_met(self, revision: str) -> bool:
        """Whether the object is there."""
        return revision == self.revision or (revision != "" and revision not in self.before)


class StatusSelector(NamedTuple):
    """`ready=false`, `stalled!=true`: a condition and its status, in whatever case."""

    type: str
    status: str
    is_negated: bool

    def fits(self, obj: Mapping[str, Any]) -> bool:
        """A condition that is not there has no status."""
        found = condition(obj, self.type)
        is_so = found is not None and text_at(found, "status").lower() == self.status.lower()
        return is_so is not self.is_negated


def status_selector(text: str) -> StatusSelector:
    """Raises: Misused."""
    type_, mark, status = text.partition("=")
    if not mark or not type_.rstrip("!") or not status:
        raise Misused(f'--status-selector: "{text}" is no condition', hint="for example ready=false or ready!=true")
    return StatusSelector(type_.removesuffix("!"), status, type_.endswith("!"))


def row(kind: Kind, obj: Mapping[str, Any], *, with_namespace: bool, with_kind: bool) -> tuple[str, ...]:
    """One line of `get`: the columns of Flux's program; `-` where a kind has no such thing, or not yet."""
    now, name = ready(obj), text_at(obj, "metadata", "name")
    return (
        *((text_at(obj, "metadata", "namespace"),) if with_namespace else ()),
        f"{kind.name.lower()}/{name}" if with_kind else name,
        short(kind.revision_of(obj)) or "-",
        str(is_suspended(obj)) if kind.is_suspendable else "-",
        now.status or "-",
        short(now.message) or "-",
    )


def heading(*, with_namespace: bool) -> tuple[str, ...]:
    """The heading over rows."""
    return (*(("NAMESPACE",) if with_namespace else ()), "NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE")
