"""A Kustomization that is being deleted: what of its objects goes with it, and when it may go itself.

Source: flux.md section 4.7; fluxcd/kustomize-controller internal/controller, finalize.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from controller.flux import conditions
from controller.flux.clusters import Clusters
from controller.flux.events import Severity
from controller.flux.halt import BACKOFF, NEVER, Next
from controller.flux.names import Name
from controller.flux.owning import ownership_of
from controller.flux.passes import Passes
from controller.flux.spec import Spec, read
from controller.flux.statuses import Statuses
from controller.flux.telling import Telling
from engine.changes import Action
from engine.errors import KsealError
from engine.execute import Progress, PruneFailed, step
from engine.inventory import Inventory
from engine.plan import Gate, Plan, Wave, plan_by_kind

LOOK_SECONDS: Final = 2.0
"""Between two looks whether what was deleted is gone."""


class Deletion:
    """Deletes members as the policy says, then lets the Kustomization go."""

    def __init__(
        self,
        *,
        statuses: Statuses,
        clusters: Clusters,
        passes: Passes,
        telling: Telling,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._statuses = statuses
        self._clusters = clusters
        self._passes = passes
        self._telling = telling
        self._clock = clock
        self._under_way: dict[Name, tuple[Plan, Progress | None]] = {}

    def finalize(self, name: Name, raw: dict[str, Any]) -> Next:
        """NEVER when the Kustomization has been let go. Raises: ApiError; KsealError for an inventory that cannot be
        read, by which nothing may be deleted."""
        spec = read(raw)
        members = Inventory.of_status((((raw.get("status") or {}).get("inventory")) or {}).get("entries"))
        if _deletes(spec) and members:
            following = self._delete(name, raw, spec, members)
            if following is not None:
                return following
        self._under_way.pop(name, None)
        self._statuses.remove_finalizer(raw)
        return NEVER

    def _delete(self, name: Name, raw: dict[str, Any], spec: Spec, members: Inventory) -> Next | None:
        """When to go on; None when all is done."""
        if not self._clusters.may_act(name, spec):
            listed = "\n".join(str(member.ref) for member in members)
            self._tell(raw, "error", f"unable to prune objects: \n{listed}")
            return None
        owner = f"Kustomization/{name}"
        destination = self._clusters.destination(name, spec)
        plan, progress = self._under_way.get(name) or (_plan(spec, members), None)
        if progress is None:
            destination.follow(owner, members.kinds(), LOOK_SECONDS)
        before = {change.ref for change in progress.changes} if progress else set()
        try:
            progress = step(
                plan,
                progress,
                destination.live,
                owner=owner,
                ownership=ownership_of(name),
            )
        except KsealError as error:
            return self._try_again(name, raw, error)
        lines = [
            f"{change.ref} {change.action.value}"
            for change in progress.changes
            if change.action in (Action.DELETED, Action.SKIPPED) and change.ref not in before
        ]
        if lines:
            self._tell(raw, "info", "\n".join(lines))
        if progress.failed is not None:
            if isinstance(progress.failed, PruneFailed):
                return self._try_again(name, raw, progress.failed)
            self._tell(raw, "error", "failed to wait for resources termination")
            return None
        if progress.is_done:
            return None
        self._under_way[name] = (plan, progress)
        return Next(min(LOOK_SECONDS, max(progress.deadline - self._clock(), 0.0)))

    def _try_again(self, name: Name, raw: dict[str, Any], error: KsealError) -> Next:
        self._under_way.pop(name, None)
        self._tell(raw, "error", f"pruning for deleted resource failed: {error.message}")
        return BACKOFF

    def _tell(self, raw: dict[str, Any], severity: Severity, message: str) -> None:
        status = raw.get("status") or {}
        reason = (conditions.get(status, conditions.READY) or {}).get("reason") or severity
        told = {"revision": "lastAppliedRevision", "originRevision": "lastAppliedOriginRevision"}
        metadata = {key: status[field] for key, field in told.items() if status.get(field)}
        self._telling.event(raw, severity, reason, message, metadata, is_news=True)


def _deletes(spec: Spec) -> bool:
    if spec.suspend:
        return False
    if spec.deletion_policy == "MirrorPrune":
        return spec.prune
    return spec.deletion_policy in ("Delete", "WaitForTermination")


def _plan(spec: Spec, members: Inventory) -> Plan:
    plan = plan_by_kind([], stale=members)
    if spec.deletion_policy != "WaitForTermination":
        return plan
    gate = Gate(tuple(member.ref for member in members), "gone", spec.timeout.total_seconds())
    return Plan((*plan.waves, Wave((), gate)))
