"""Whether what a Kustomization depends on is ready.

Source: flux.md section 4.2; fluxcd/kustomize-controller internal/controller/kustomization_controller.go.
"""

from collections.abc import Callable, Mapping
from typing import Any

from controller.flux import conditions
from controller.flux.halt import DEPENDENCY_NOT_READY, INVALID_EXPRESSION, Halt, Next
from controller.flux.names import Name
from controller.flux.reference import artifact_of, has_revision
from controller.flux.spec import Dependency, SourceRef, Spec, read
from engine.errors import KsealError
from engine.health.expressions import ExpressionError, readiness


def check(
    raw: Mapping[str, Any],
    spec: Spec,
    source: Mapping[str, Any],
    *,
    find: Callable[[Name], dict[str, Any] | None],
    is_additive: bool,
    retry_seconds: float,
    retry_text: str,
) -> None:
    """Raises: Halt while one of them is not ready, and for a readyExpr that cannot be evaluated at all."""
    for dependency in spec.depends_on:
        try:
            _check_one(raw, spec.source, source, dependency, find(dependency.at), is_additive=is_additive)
        except _NotReady as error:
            raise Halt(
                DEPENDENCY_NOT_READY,
                error.message,
                following=Next(retry_seconds),
                severity="info",
                is_passing=True,
                told=f"Dependencies do not meet ready condition, retrying in {retry_text}",
            ) from error
        except ExpressionError as error:  # it is none at all
            what = f"Reconciliation failed terminally due to configuration error: {error.message}"
            raise Halt(INVALID_EXPRESSION, what, hint=error.hint, is_stalled=True) from error


class _NotReady(KsealError):
    """The one dependency that is not."""


def _check_one(
    raw: Mapping[str, Any],
    own: SourceRef,
    source: Mapping[str, Any],
    dependency: Dependency,
    found: dict[str, Any] | None,
    *,
    is_additive: bool,
) -> None:
    called = f"dependency '{dependency.at}'"
    if found is None:
        what = f'kustomizations.kustomize.toolkit.fluxcd.io "{dependency.at.name}" not found'
        raise _NotReady(f"{called} not found: {what}")
    if dependency.ready_expression:
        expression = readiness(dependency.ready_expression)
        try:
            is_ready = expression.evaluate({"self": raw, "dep": found})
        except ExpressionError as error:  # a field that it asks for may not be there yet
            raise _NotReady(error.message) from error
        if not is_ready:
            raise _NotReady(f"{called} is not ready according to readyExpr eval")
        if not is_additive:
            return
    status = found.get("status") or {}
    if found["metadata"].get("generation") != status.get("observedGeneration"):
        raise _NotReady(f"{called} is not ready")
    if not conditions.is_true(status, conditions.READY):
        raise _NotReady(f"{called} is not ready")
    if read(found).source == own and (artifact := artifact_of(source)) is not None:
        applied = status.get("lastAppliedRevision") or ""
        if not has_revision(artifact, applied):
            raise _NotReady(f"{called} revision is not up to date")
