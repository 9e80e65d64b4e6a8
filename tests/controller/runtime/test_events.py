"""Telling Kubernetes Events: never in the way, repeated ones counted, the undelivered known."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime.events import DROPPED, MESSAGE_LIMIT, EventRecorder
from controller.runtime.outcome import Event
from engine.errors import KsealError
from engine.kube.errors import AlreadyExists, Forbidden, NotFound, Unreachable
from engine.kube.http.ratelimit import RateLimiter
from engine.kube.refs import Resource

NOW = datetime(2026, 7, 29, 12, 30, 45, 678_901, tzinfo=UTC)
UNSEALED = Event("Normal", "Unsealed", "SealedSecret unsealed successfully")
DEADLINE_SECONDS = 10.0


def sealed_secret(name: str = "db") -> dict[str, Any]:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-of-{name}", "resourceVersion": "42"},
    }


class Writer:
    """Notes what is written; `refuse` may raise in its place."""

    def __init__(self, refuse: Callable[[str, int], None] = lambda _verb, _number: None) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []
        self._refuse = refuse
        self._tried = 0

    def create(self, _resource: Resource, obj: dict[str, Any], /) -> dict[str, Any]:
        return self._note("create", obj)

    def patch(self, _resource: Resource, namespace: str | None, name: str, body: dict[str, Any], /) -> dict[str, Any]:
        return self._note("patch", {"namespace": namespace, "name": name, **body})

    def _note(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        self._tried += 1
        self._refuse(verb, self._tried)
        self.written.append((verb, body))
        return body


class Told:
    """A recorder with its writer and the list of what it dropped."""

    def __init__(self, writer: Writer, **options: Any) -> None:
        self.dropped: list[str] = []
        self.recorder = EventRecorder(
            writer,
            on_drop=lambda why, _error: self.dropped.append(why),
            limiter=RateLimiter(qps=1e6, burst=10_000),
            now=lambda: NOW,
            **options,
        )

    def tell(self, *events: tuple[dict[str, Any], Event]) -> None:
        for raw, event in events:
            self.recorder.record(raw, event)
        self.recorder.start()
        self.recorder.stop(DEADLINE_SECONDS)


def deliver(writer: Writer, *events: tuple[dict[str, Any], Event]) -> list[str]:
    told = Told(writer)
    told.tell(*events)
    return told.dropped


def test_an_event_is_written_as_client_go_does() -> None:
    writer = Writer()
    assert deliver(writer, (sealed_secret(), UNSEALED)) == []
    assert writer.written == [
        (
            "create",
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"namespace": "shop", "name": f"db.{int(NOW.timestamp() * 1e9):x}"},
                "involvedObject": {
                    "kind": "SealedSecret",
                    "apiVersion": "bitnami.com/v1alpha1",
                    "namespace": "shop",
                    "name": "db",
                    "uid": "uid-of-db",
                    "resourceVersion": "42",
                },
                "type": "Normal",
                "reason": "Unsealed",
                "message": "SealedSecret unsealed successfully",
                "source": {"component": "sealed-secrets"},
                "reportingComponent": "sealed-secrets",
                "reportingInstance": "",
                "firstTimestamp": "2026-07-29T12:30:45Z",
                "lastTimestamp": "2026-07-29T12:30:45Z",
                "count": 1,
            },
        )
    ]


def test_the_same_news_again_only_counts() -> None:
    writer = Writer()
    other = Event("Warning", "ErrUnsealFailed", "Failed to unseal: no key")
    deliver(writer, *[(sealed_secret(), UNSEALED)] * 3, (sealed_secret(), other), (sealed_secret("cache"), UNSEALED))
    verbs = [verb for verb, _ in writer.written]
    assert verbs == ["create", "patch", "patch", "create", "create"]
    assert [body["count"] for verb, body in writer.written if verb == "patch"] == [2, 3]
    assert {body["name"] for verb, body in writer.written if verb == "patch"} == {
        writer.written[0][1]["metadata"]["name"]
    }


def test_an_event_that_the_server_has_forgotten_is_written_anew_with_its_count() -> None:
    def refuse(verb: str, number: int) -> None:
        if verb == "patch":
            raise NotFound("Event/shop/db.1: not found")

    writer = Writer(refuse)
    assert deliver(writer, *[(sealed_secret(), UNSEALED)] * 2) == []
    assert [(verb, body["count"]) for verb, body in writer.written] == [("create", 1), ("create", 2)]


def test_an_answer_lost_on_the_way_does_not_make_a_second_event() -> None:
    def refuse(verb: str, number: int) -> None:
        if number == 1:
            raise AlreadyExists("Event/shop/db.1: already exists")

    writer = Writer(refuse)
    assert deliver(writer, *[(sealed_secret(), UNSEALED)] * 2) == []
    assert [(verb, body["count"]) for verb, body in writer.written] == [("patch", 2)]


def test_an_object_that_never_stops_talking_is_cut_short_and_others_are_heard() -> None:
    writer = Writer()
    chatter = [(sealed_secret(), Event("Warning", "X", str(number))) for number in range(40)]
    dropped = deliver(writer, *chatter, (sealed_secret("cache"), UNSEALED))
    assert len(writer.written) == 26
    assert dropped == ["chatty"] * 15
    assert writer.written[-1][1]["involvedObject"]["name"] == "cache"


def test_recording_never_waits_when_nobody_delivers() -> None:
    told = Told(Writer(), capacity=3)
    for _ in range(5):
        told.recorder.record(sealed_secret(), UNSEALED)
    assert told.dropped == ["full", "full"]
    told.recorder.stop(0.0)
    assert told.dropped == ["full"] * 2 + ["stopped"] * 3
    told.recorder.record(sealed_secret(), UNSEALED)
    assert told.dropped[-1] == "stopped"


@pytest.mark.parametrize("broken", [{}, {"metadata": None}, {"metadata": {"name": None}}, {"kind": 7, "metadata": {}}])
def test_recording_never_fails(broken: dict[str, Any]) -> None:
    writer = Writer()
    assert deliver(writer, (broken, UNSEALED)) == []
    assert writer.written[0][1]["metadata"]["namespace"] == "default"


@pytest.mark.parametrize(
    ("error", "why"),
    [(Forbidden("no"), "refused"), (Unreachable("gone"), "unreachable"), (RuntimeError("defect"), "failed")],
)
def test_what_cannot_be_delivered_is_told_and_the_next_one_tried(error: Exception, why: str) -> None:
    def refuse(verb: str, number: int) -> None:
        raise error

    told: list[tuple[str, Exception | None]] = []
    recorder = EventRecorder(Writer(refuse), on_drop=lambda why, error: told.append((why, error)))
    recorder.start()
    recorder.record(sealed_secret(), UNSEALED)
    recorder.stop(0.2)  # cuts the pauses between the tries short
    assert told == [(why, error)]
    assert why in DROPPED


def test_trouble_that_passes_is_ridden_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.runtime.events._PAUSE_SECONDS", 0.01)

    def refuse(verb: str, number: int) -> None:
        if number == 1:
            raise Unreachable("gone")

    writer = Writer(refuse)
    assert deliver(writer, (sealed_secret(), UNSEALED)) == []
    assert len(writer.written) == 1


def test_stopping_does_not_wait_for_a_server_that_hangs() -> None:
    hanging = threading.Event()

    def refuse(verb: str, number: int) -> None:
        hanging.wait(DEADLINE_SECONDS)

    told = Told(Writer(refuse))
    started = time.monotonic()
    told.recorder.start()
    for _ in range(3):
        told.recorder.record(sealed_secret(), UNSEALED)
    told.recorder.stop(0.1)
    assert time.monotonic() - started < DEADLINE_SECONDS / 2
    assert told.dropped == ["stopped"] * 3
    hanging.set()


LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"  # Source: k8s.io/apimachinery pkg/util/validation, dns1123SubdomainFmt
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
NAMES = st.from_regex(SUBDOMAIN, fullmatch=True).map(lambda name: name[:253].rstrip(".-"))


@given(st.text(max_size=1500), NAMES | st.just("a" * 253) | st.just(("a" * 60 + ".") * 4 + "b" * 9))
def test_messages_and_names_fit(message: str, name: str) -> None:
    writer = Writer()
    deliver(writer, (sealed_secret(name), Event("Normal", "X", message)))
    ((_, body),) = writer.written
    kept = body["message"].removesuffix("…")
    assert len(body["message"].encode()) <= MESSAGE_LIMIT
    assert message.encode(errors="replace").decode().startswith(kept)
    event_name = body["metadata"]["name"]
    assert len(event_name) <= 253
    assert re.fullmatch(SUBDOMAIN, event_name)


def test_errors_are_told_with_their_text() -> None:
    def refuse(verb: str, number: int) -> None:
        raise Forbidden("Event/shop/db: forbidden")

    errors: list[Exception | None] = []
    recorder = EventRecorder(Writer(refuse), on_drop=lambda _why, error: errors.append(error))
    recorder.start()
    recorder.record(sealed_secret(), UNSEALED)
    recorder.stop(DEADLINE_SECONDS)
    assert [str(error) for error in errors if isinstance(error, KsealError)] == ["Event/shop/db: forbidden"]
