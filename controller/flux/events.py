"""News about Flux's objects: an Event of Kubernetes, and the same as JSON to the controller that alerts people.

Source: flux.md sections 4.10, 7.1; fluxcd/pkg runtime/events/recorder.go, apis/event/v1beta1.
"""

import http.client
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import SplitResult, urlsplit

import orjson

from controller.flux.conditions import timestamp
from controller.runtime.outcome import Event
from engine.errors import KsealError

Severity = Literal["trace", "info", "error"]
"""`trace` stays in the cluster: nobody is alerted."""

MESSAGE_LIMIT: Final = 39_000
"""Characters of a message, as the schema of the payload has it."""
WAITING_LIMIT: Final = 1024
"""Payloads that wait for the receiving controller; what comes on top is dropped."""

_OBJECT_ANNOTATIONS: Final = "event.toolkit.fluxcd.io/"
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 1.0  # after the first try; then twice as long each time
_TIMEOUT_SECONDS: Final = 5.0
_DUPLICATE: Final = 429  # the controller has the same news already
_SERVER_ERROR: Final = 500

Post = Callable[[dict[str, Any]], None]


class Recorder(Protocol):
    """Writes Events of Kubernetes: `controller.runtime.events.EventRecorder` is one."""

    def record(self, raw: dict[str, Any], event: Event, /) -> None: ...


class Teller:
    """Tells news in the name of one controller; neither waits nor fails."""

    def __init__(
        self,
        recorder: Recorder,
        component: str,
        *,
        post: Post | None = None,
        instance: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`component` is the controller of Flux whose words these are; `instance` is the name of this replica."""
        self._recorder = recorder
        self._component = component
        self._post = post
        self._instance = instance
        self._now = now

    def tell(
        self,
        raw: dict[str, Any],
        severity: Severity,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        *,
        is_news: bool = True,
    ) -> None:
        """Tell something of an object. Keys of `metadata` are put below the object's API group.

        What is no news, such as a pass that found nothing to do, costs the API server no Event.
        """
        annotations = annotations_of(raw, metadata or {})
        kind: Literal["Normal", "Warning"] = "Warning" if severity == "error" else "Normal"
        if is_news:
            self._recorder.record(raw, Event(kind, reason, message, self._component, annotations))
        if self._post is not None and severity != "trace":
            self._post(self._payload(raw, severity, reason, message, annotations))

    def _payload(
        self, raw: dict[str, Any], severity: Severity, reason: str, message: str, annotations: dict[str, str]
    ) -> dict[str, Any]:
        metadata = raw.get("metadata") or {}
        involved = {
            "kind": raw.get("kind"),
            "apiVersion": raw.get("apiVersion"),
            **{part: metadata.get(part) for part in ("namespace", "name", "uid", "resourceVersion")},
        }
        payload = {
            "involvedObject": {part: value for part, value in involved.items() if value},
            "severity": severity,
            "timestamp": timestamp(self._now()),
            "message": message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 3] + "...",
            "reason": reason,
            "reportingController": self._component,
            "reportingInstance": self._instance,
        }
        return {**payload, "metadata": annotations} if annotations else payload


def annotations_of(raw: Mapping[str, Any], metadata: Mapping[str, str]) -> dict[str, str]:
    """What goes with an event: `metadata` below the object's group, and what the object itself says to alerts."""
    group = str(raw.get("apiVersion") or "").partition("/")[0]
    own = (raw.get("metadata") or {}).get("annotations") or {}
    said = {name: value for name, value in own.items() if name.startswith(_OBJECT_ANNOTATIONS)}
    return {f"{group}/{name}": value for name, value in metadata.items()} | said


class Forwarder:
    """Posts payloads to `--events-addr`, one after the other, from a thread of its own."""

    def __init__(self, address: str, *, on_drop: Callable[[str], None]) -> None:
        """`on_drop` is told why a payload was not delivered. Raises: KsealError for an address that is none."""
        self._address = _parsed(address)
        self._on_drop = on_drop
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any]] = deque()
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._run, name="events to alerts", daemon=True)

    def start(self) -> None:
        """Start delivering; once only."""
        self._thread.start()

    def post(self, payload: dict[str, Any]) -> None:
        """Take in one payload."""
        with self._changed:
            is_room = self._deadline is None and len(self._waiting) < WAITING_LIMIT
            if is_room:
                self._waiting.append(payload)
                self._changed.notify()
        if not is_room:
            self._on_drop("too many events wait for the controller that alerts")

    def stop(self, timeout: float) -> None:
        """Take nothing more, and deliver for up to `timeout` seconds what waits."""
        with self._changed:
            self._deadline = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout + _TIMEOUT_SECONDS)

    def _run(self) -> None:
        while (payload := self._next()) is not None:
            self._deliver(orjson.dumps(payload))

    def _next(self) -> dict[str, Any] | None:
        with self._changed:
            while not self._waiting and self._deadline is None:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting and not self._is_late() else None

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _deliver(self, body: bytes) -> None:
        why = ""
        for attempt in range(_TRIES):
            try:
                status = self._request(body)
            except (OSError, http.client.HTTPException) as error:
                why = type(error).__name__
            else:
                if status < _SERVER_ERROR:
                    if status >= http.client.BAD_REQUEST and status != _DUPLICATE:
                        self._on_drop(f"the controller that alerts answered {status}")
                    return
                why = f"status {status}"
            if attempt == _TRIES - 1 or not self._pause(_PAUSE_SECONDS * 2**attempt):
                break
        self._on_drop(f"the controller that alerts does not answer: {why}")

    def _request(self, body: bytes) -> int:
        address = self._address
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", address.path or "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def _pause(self, seconds: float) -> bool:
        """Let time pass; False when there is none left."""
        until = time.monotonic() + seconds
        with self._changed:
            while not self._is_late() and (left := until - time.monotonic()) > 0:
                self._changed.wait(left if self._deadline is None else min(left, self._deadline - time.monotonic()))
            return not self._is_late()


def _parsed(address: str) -> SplitResult:
    found = urlsplit(address)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise KsealError(f'events address "{address}": not understood', "write http://HOST[:PORT]/")
    return found
