"""look: whether the objects that hold a wave are as they should be, and what to say when they are not."""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from engine.health.verdict import Health, Verdict
from engine.kube.refs import ObjectRef


class Waited(Protocol):
    """What is asked of a gate: see engine.plan.Gate. Read only."""

    @property
    def refs(self) -> tuple[ObjectRef, ...]: ...
    @property
    def kind(self) -> str: ...


class GateState(NamedTuple):
    """How a gate stands: open when all is empty and `is_passed`; waiting for `refs`; or failed, with the reason."""

    is_passed: bool = False
    refs: tuple[ObjectRef, ...] = ()
    """What is still waited for; empty when the gate is decided."""
    failure: str = ""

    @property
    def is_failed(self) -> bool:
        return bool(self.failure)


def look(
    gate: Waited,
    live_verdict: Callable[[ObjectRef], Verdict | None],
    *,
    is_late: bool = False,
    fails_fast: bool = True,
    may_vanish: Collection[ObjectRef] = (),
) -> GateState:
    """Decide about a gate from the verdicts as they are; None from `live_verdict` when nothing is known yet.

    `is_late`: the deadline is over. `fails_fast`: the first failed object ends the wait; else it goes on while others
    may still change. `may_vanish`: Jobs that remove themselves, for which being gone is the end.
    Source of rules and messages: fluxcd/pkg ssa/manager_wait.go, WaitForSetWithContext.
    """
    if gate.kind == "none" or not gate.refs:
        return GateState(is_passed=True)
    seen = {ref: _excused(live_verdict(ref), ref in may_vanish) for ref in gate.refs}
    if gate.kind == "exists":
        open_refs = tuple(ref for ref, verdict in seen.items() if not _exists(verdict))
        failed: tuple[ObjectRef, ...] = ()
    else:
        open_refs = tuple(ref for ref, verdict in seen.items() if verdict is None or not _is_decided(verdict))
        failed = tuple(ref for ref, verdict in seen.items() if verdict and verdict.health is Health.FAILED)
    if not open_refs and not failed:
        return GateState(is_passed=True)
    if failed and not is_late and (fails_fast or not open_refs):
        unknown = tuple(ref for ref in open_refs if seen[ref] is None)
        return GateState(failure=_said("failed early due to stalled resources", seen, {*failed, *unknown}))
    if is_late:
        return GateState(failure=_said("timeout waiting for", seen, {*failed, *open_refs}))
    return GateState(refs=open_refs)


def _excused(verdict: Verdict | None, may_vanish: bool) -> Verdict | None:
    """Of what may vanish, being gone is as good as done."""
    if may_vanish and verdict is not None and verdict.health is Health.NOT_FOUND:
        return Verdict(Health.CURRENT, verdict.message)
    return verdict


def _exists(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.health not in (Health.NOT_FOUND, Health.UNKNOWN)


def _is_decided(verdict: Verdict) -> bool:
    return verdict.health in (Health.CURRENT, Health.FAILED)


def _said(summary: str, seen: dict[ObjectRef, Verdict | None], refs: Collection[ObjectRef]) -> str:
    return f"{summary}: [{', '.join(_described(ref, verdict) for ref, verdict in seen.items() if ref in refs)}]"


def _described(ref: ObjectRef, verdict: Verdict | None) -> str:
    if verdict is None:
        return f"can't determine status for {ref}"
    cause = f": {verdict.message}" if verdict.health is Health.UNKNOWN and verdict.message else ""
    return f"{ref} status: '{verdict.health.value}'{cause}"
