"""How a look at a Kustomization ends: what its status, its history, events and the log say, and when the next look is.

Source: flux.md section 4.2; fluxcd/kustomize-controller internal/controller/kustomization_controller.go.
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from controller.flux import conditions, halt
from controller.flux.conditions import HEALTHY, PROGRESSING, PROGRESSING_WITH_RETRY, READY, RECONCILING
from controller.flux.draft import Draft
from controller.flux.durations import spelled
from controller.flux.events import Severity
from controller.flux.halt import NEVER, Halt, Next
from controller.flux.history import Attempt, with_attempt
from controller.flux.index import Concerns
from controller.flux.names import Name
from controller.flux.passes import Pass, Passes
from controller.flux.spec import Spec, read
from controller.flux.telling import Telling
from controller.settings import Flux
from engine.errors import Stalled
from engine.execute import HealthFailed, Progress, PruneFailed

IN_PROGRESS: Final = "Reconciliation in progress"
PATIENCE_SECONDS: Final = 1.0
"""What is awaited for less, be it health or a dependency, is not worth a status of its own."""
_UNREADABLE_SECONDS: Final = 60.0


class Ends:
    """Writes into drafts; whoever calls writes the status."""

    def __init__(
        self,
        *,
        passes: Passes,
        concerns: Concerns,
        telling: Telling,
        settings: Flux,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` gives numbers from 0 to 1."""
        self._passes = passes
        self._concerns = concerns
        self._telling = telling
        self._settings = settings
        self._clock = clock
        self._jitter = jitter

    def waiting(self, name: Name, draft: Draft, spec: Spec, current: Pass, progress: Progress) -> Next:
        """Health is awaited. Whoever changes wakes us; the deadline does in any case."""
        draft.is_waiting = True
        refs = {member.ref for member in current.before | current.desired}
        self._concerns.members.put(name, refs.union(progress.waits.refs if progress.waits else ()))
        if progress.is_begun and progress.wave == len(current.plan.waves) - 1:
            current.plan = current.plan.without_objects()
        left = max(progress.deadline - self._clock(), 0.0)
        if progress.look_again_seconds is not None:
            left = min(left, progress.look_again_seconds)
        if not current.is_health_told and self._clock() - current.begun < PATIENCE_SECONDS:
            draft.begin_again()  # too early to say anything
            return Next(min(PATIENCE_SECONDS, left))
        current.is_health_told = True
        message = f"Running health checks for revision {current.revision}"
        self.progressing(draft, spec, message)
        text = f"{message} with a timeout of {spelled(spec.timeout)}"
        conditions.set_condition(draft.status, HEALTHY, "Unknown", PROGRESSING, text, draft.at)
        return Next(left)

    def progressing(self, draft: Draft, spec: Spec, what: str) -> None:
        conditions.set_condition(draft.status, READY, "Unknown", PROGRESSING, IN_PROGRESS, draft.at)
        text = f"{what} with a timeout of {spelled(spec.timeout)}"
        conditions.mark_reconciling(draft.status, PROGRESSING, text, draft.at)

    def succeeded(self, name: Name, draft: Draft, spec: Spec, current: Pass, started: float) -> Next:
        status, at = draft.status, draft.at
        was_ready = conditions.is_true(status, READY)
        was_healthy = conditions.is_true(status, HEALTHY)
        is_asked = draft.is_asked
        took = timedelta(seconds=max(self._clock() - started, 0.0))
        if current.awaits_health:
            if not was_healthy or current.is_health_told:
                passed = f"Health check passed in {spelled(took)}"
                conditions.set_condition(status, HEALTHY, "True", conditions.SUCCEEDED, passed, at)
                if not was_healthy:
                    self.tell(draft, current, "info", passed, reason=PROGRESSING)
        else:
            conditions.remove(status, HEALTHY)
        self._concerns.members.put(name, (member.ref for member in current.members))
        status["inventory"] = {"entries": current.members.to_status()}
        text = f"Applied revision: {current.revision}"
        conditions.remove(status, RECONCILING, conditions.STALLED)
        conditions.set_condition(status, READY, "True", halt.RECONCILIATION_SUCCEEDED, text, at)
        status["observedGeneration"] = at.generation
        status["lastAppliedRevision"] = current.revision
        _set_or_drop(status, "lastAppliedOriginRevision", current.origin)
        is_news = current.is_changed or is_asked or not was_ready
        if is_news or status != (draft.raw.get("status") or {}):
            self._note(status, draft, current, halt.RECONCILIATION_SUCCEEDED, took)
        finished = f"Reconciliation finished in {spelled(took)}, next run in {spelled(spec.interval)}"
        self.tell(draft, current, "info", finished, commit_status=True, is_news=is_news)
        self._telling.log(draft.called, "applied", current, took, is_news=is_news)
        current.is_changed = current.is_health_told = False
        percent = self._settings.jitter_percent / 100
        return Next(spec.interval.total_seconds() * (1 + percent * (2 * self._jitter() - 1)))

    def failed(self, draft: Draft, spec: Spec, current: Pass, progress: Progress) -> Halt:
        """A pass that cannot end well. What it has done stands, and the status names every member."""
        error = progress.failed
        assert error is not None  # noqa: S101 - the caller has looked
        if isinstance(error, PruneFailed):
            reason, message = halt.PRUNE_FAILED, error.message
        elif isinstance(error, HealthFailed):
            reason = halt.HEALTH_CHECK_FAILED
            draft.progress = draft.progress.replace("Detecting drift", "Running health checks", 1)
            took = timedelta(seconds=self._clock() - current.begun)
            message = f"health check failed after {spelled(took)}: {error.message}"
            conditions.set_condition(draft.status, HEALTHY, "False", reason, error.message, draft.at)
        else:
            reason, message = halt.RECONCILIATION_FAILED, error.message
        took = timedelta(seconds=max(self._clock() - current.begun, 0.0))
        draft.status["inventory"] = {"entries": progress.members(current.plan, current.before).to_status()}
        current.plan = current.plan.without_objects()
        self._note(draft.status, draft, current, reason, took)
        self._telling.log_failure(draft.called, reason, current, error)
        return Halt(reason, message, hint=error.hint, following=Next(spec.retry_interval.total_seconds()))

    def empty(self, draft: Draft, current: Pass) -> None:
        """A build without objects takes all that was delivered with it, as in Flux, but not in silence."""
        text = f"The build of revision {current.revision} is empty: all {len(current.before)} objects are pruned"
        cure = "where that is not meant: is spec.path right, and does the kustomization file say resources?"
        self.tell(draft, current, "error", text, reason="EmptyBuild", hint=cure)
        self._telling.log_empty(draft.called, current)

    def halted(self, name: Name, draft: Draft, stop: Halt) -> Next:
        status, at = draft.status, draft.at
        is_news = (conditions.get(status, READY) or {}).get("message") != stop.message
        conditions.set_condition(status, READY, "False", stop.reason, stop.message, at)
        if stop.is_stalled:
            conditions.mark_stalled(status, stop.reason, stop.message, at)
            status["observedGeneration"] = at.generation
        else:
            under_way = draft.progress or (conditions.get(status, RECONCILING) or {}).get("message", "")
            if under_way:
                conditions.set_condition(status, RECONCILING, "True", PROGRESSING_WITH_RETRY, under_way, at)
        current = self._passes.get(name)
        if stop.severity is not None:
            self.tell(draft, current, stop.severity, stop.told, hint=stop.hint, is_news=is_news)
        if is_news:
            self._telling.log_halt(draft.called, stop)
        if stop.following is not None:
            return stop.following
        if stop.is_stalled:
            return NEVER
        return Next(_retry_seconds(draft.raw))

    def _note(self, status: dict[str, Any], draft: Draft, current: Pass, how: str, took: timedelta) -> None:
        metadata = {"revision": current.revision, **({"originRevision": current.origin} if current.origin else {})}
        attempt = Attempt(current.checksum, how, draft.at.now, took, metadata)
        status["history"] = with_attempt(status.get("history"), attempt, spelled(took))

    def tell(
        self,
        draft: Draft,
        current: Pass | None,
        severity: Severity,
        message: str,
        *,
        reason: str = "",
        hint: str | None = None,
        commit_status: bool = False,
        is_news: bool = True,
    ) -> None:
        reason = reason or (conditions.get(draft.status, READY) or {}).get("reason") or severity
        metadata = {"revision": current.revision} if current is not None else {}
        if current is not None and current.origin:
            metadata["originRevision"] = current.origin
        if commit_status:
            metadata["commit_status"] = "update"
        text = f"{message}; {hint}" if hint else message
        self._telling.event(draft.raw, severity, reason, text, metadata, is_news=is_news)


def _retry_seconds(raw: Mapping[str, Any]) -> float:
    try:
        return read(raw).retry_interval.total_seconds()
    except Stalled:
        return _UNREADABLE_SECONDS


def _set_or_drop(status: dict[str, Any], field: str, value: str) -> None:
    if value:
        status[field] = value
    else:
        status.pop(field, None)
