"""One Receiver brought to its webhook's path.

Source: flux.md section 7.2; fluxcd/notification-controller internal/controller/receiver_controller.go. It needs no
finalizer of its own, because nothing has to be undone; one that another controller left is taken off.
"""

import binascii
import copy
import hashlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from controller.api.receiver import ReceiverSpec
from controller.flags import parse_duration
from controller.flux import conditions
from controller.flux.conditions import (
    PROGRESSING_WITH_RETRY,
    READY,
    RECONCILING,
    STALLED,
    SUCCEEDED,
    At,
    Status,
)
from controller.flux.durations import spelled
from controller.flux.events import Teller
from controller.flux.halt import BACKOFF, INVALID_EXPRESSION, NEVER, Next
from controller.flux.names import REQUESTED_AT, Name
from controller.flux.objects import Objects
from controller.flux.proofs import UNSUPPORTED
from controller.flux.statuses import Statuses
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import ApiError
from engine.kube.refs import SECRETS

HOOKS: Final = "/hook/"
TOKEN_NOT_FOUND: Final = "TokenNotFound"  # noqa: S105 - a reason
VALIDATION_FAILED: Final = "ValidationFailed"
FAILED: Final = "Failed"
INTERVAL: Final = timedelta(minutes=10)
_TERMINAL: Final = "Reconciliation failed terminally due to configuration error: "


class Filters(Protocol):
    """Judges by CEL expressions which objects a webhook means."""

    def check(self, expression: str) -> None:
        """Raises: KsealError for what is no expression over `res` and `req` that is true or false."""

    def is_true(self, expression: str, variables: Mapping[str, Any]) -> bool:
        """Raises: KsealError when it cannot be evaluated."""


def webhook_path(token: bytes, name: Name) -> str:
    """Where a Receiver answers: nobody finds it who does not know the token."""
    return HOOKS + hashlib.sha256(token + f"{name.name}{name.namespace}".encode()).hexdigest()


def read_token(cluster: Cluster, name: Name, spec: Mapping[str, Any]) -> bytes:
    """The token of a Receiver, never empty. Raises: KsealError."""
    secret = (spec.get("secretRef") or {}).get("name") or ""
    where = f"{name.namespace}/{secret}"
    if not secret:
        raise KsealError("secretRef is required when type is not generic-oidc")
    try:
        raw = cluster.get(SECRETS, name.namespace, secret)
    except ApiError as error:
        raise KsealError(f"unable to read token from secret '{where}' error: {error.message}", error.hint) from error
    try:
        token = b64decode((raw.get("data") or {}).get("token") or "", validate=True)
    except (binascii.Error, ValueError):
        token = b""
    if not token:  # the original takes an empty token and then checks no signature
        raise KsealError(f"invalid '{where}' secret data: required fields 'token'")
    return token


class ReceiverReconciler:
    """Works on Receivers; one name at a time in each thread."""

    def __init__(
        self,
        cluster: Cluster,
        objects: Objects,
        *,
        statuses: Statuses,
        teller: Teller,
        filters: Filters,
        log: Any,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._objects = objects
        self._statuses = statuses
        self._teller = teller
        self._filters = filters
        self._log = log
        self._now = now

    def reconcile(self, name: Name) -> Next:
        """Look at one Receiver; when to look again. Raises: ApiError when its status cannot be written."""
        seen = self._objects.get(name)
        if seen is None:
            return NEVER
        raw = seen.object()
        if seen.is_deleting:
            self._statuses.remove_finalizer(raw)
            return NEVER
        spec = raw.get("spec") or {}
        if spec.get("suspend"):
            return NEVER
        status = copy.deepcopy(raw.get("status") or {})
        at = At(raw["metadata"].get("generation") or 0, self._now())
        if (wrong := self._check(spec)) is not None:
            return self._stall(raw, status, at, *wrong)
        try:
            path = webhook_path(read_token(self._cluster, name, spec), name)
        except KsealError as error:
            return self._fail(raw, status, at, error)
        return self._succeed(raw, status, at, path)

    def _check(self, spec: Mapping[str, Any]) -> tuple[str, str] | None:
        """Reason and words for what only a change of the Receiver helps; None when there is nothing."""
        try:
            msgspec.convert(spec, ReceiverSpec)
        except msgspec.ValidationError as error:  # only a definition other than ours or Flux's lets this through
            return VALIDATION_FAILED, f"the spec is none of a Receiver: {error}"
        kind = spec.get("type") or ""
        if kind in UNSUPPORTED:
            return VALIDATION_FAILED, f"receivers of type {kind} are not supported by kseal"
        named = [("resourceFilter expression", spec.get("resourceFilter"))]
        for index, found in enumerate(spec.get("resources") or ()):
            where = f'resources[{index}] (kind="{found.get("kind")}", name="{found.get("name")}")'
            named.append((f"filter expression for {where}", found.get("filter")))
        for what, expression in named:
            if expression:
                try:
                    self._filters.check(expression)
                except KsealError as error:
                    return INVALID_EXPRESSION, f"invalid {what}: {error.message}"
        try:
            _interval(spec)
        except ValueError:
            return VALIDATION_FAILED, f"spec.interval: {spec.get('interval')!r} is not a duration"
        return None

    def _stall(self, raw: dict[str, Any], status: Status, at: At, reason: str, why: str) -> Next:
        message = _TERMINAL + why
        conditions.set_condition(status, READY, "False", reason, message, at)
        conditions.mark_stalled(status, reason, message, at)
        status["observedGeneration"] = at.generation
        self._write(raw, status, "error", reason, message)
        return NEVER

    def _fail(self, raw: dict[str, Any], status: Status, at: At, error: KsealError) -> Next:
        status.pop("webhookPath", None)
        conditions.remove(status, STALLED)
        conditions.set_condition(status, READY, "False", TOKEN_NOT_FOUND, error.message, at)
        conditions.mark_reconciling(status, PROGRESSING_WITH_RETRY, "Reconciliation in progress", at)
        self._write(raw, status, "error", FAILED, error.message)
        return BACKOFF

    def _succeed(self, raw: dict[str, Any], status: Status, at: At, path: str) -> Next:
        interval = _interval(raw.get("spec") or {})
        conditions.remove(status, RECONCILING, STALLED)
        conditions.set_condition(status, READY, "True", SUCCEEDED, f"Receiver initialized for path: {path}", at)
        status["webhookPath"] = path
        status["observedGeneration"] = at.generation
        message = f"Reconciliation finished, next run in {spelled(interval)}"
        self._write(raw, status, "info", SUCCEEDED, message)
        return Next(interval.total_seconds())

    def _write(self, raw: dict[str, Any], status: Status, severity: Any, reason: str, message: str) -> None:
        """Write the status and tell of it, when it says something new: the original tells each time anew."""
        requested = (raw["metadata"].get("annotations") or {}).get(REQUESTED_AT)
        if requested:
            status["lastHandledReconcileAt"] = requested
        self._statuses.write(raw, status)
        if conditions.get(status, READY) != conditions.get(raw.get("status"), READY):
            self._teller.tell(raw, severity, reason, message)
            self._log.info(
                "receiver", ref=str(Name(raw["metadata"]["namespace"], raw["metadata"]["name"])), reason=reason
            )


def _interval(spec: Mapping[str, Any]) -> timedelta:
    """Raises: ValueError."""
    text = spec.get("interval")
    return INTERVAL if text is None else parse_duration(str(text))
