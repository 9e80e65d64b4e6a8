"""Events of Flux's objects: on Kubernetes and, as JSON, to the controller that alerts."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from controller.flux.events import Forwarder, Teller, annotations_of
from controller.runtime.outcome import Event
from engine.errors import KsealError

RAW: dict[str, Any] = {
    "apiVersion": "source.toolkit.fluxcd.io/v1",
    "kind": "GitRepository",
    "metadata": {
        "name": "fleet",
        "namespace": "flux-system",
        "uid": "u-1",
        "resourceVersion": "7",
        "annotations": {"event.toolkit.fluxcd.io/team": "web", "other.io/x": "y"},
    },
}


class Recorded:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, _: dict[str, Any], event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def told() -> tuple[Teller, Recorded, list[dict[str, Any]]]:
    recorded, posted = Recorded(), list[dict[str, Any]]()
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    teller = Teller(recorded, "source-controller", post=posted.append, instance="kseal-0", now=lambda: now)
    return teller, recorded, posted


def test_metadata_stands_below_the_group_beside_what_the_object_says_to_alerts() -> None:
    assert annotations_of(RAW, {"revision": "main@sha1:a"}) == {
        "source.toolkit.fluxcd.io/revision": "main@sha1:a",
        "event.toolkit.fluxcd.io/team": "web",
    }


def test_news_become_an_event_and_a_payload(told: tuple[Teller, Recorded, list[dict[str, Any]]]) -> None:
    teller, recorded, posted = told
    teller.tell(RAW, "info", "NewArtifact", "stored artifact", {"revision": "r"})
    annotations = {"source.toolkit.fluxcd.io/revision": "r", "event.toolkit.fluxcd.io/team": "web"}
    assert recorded.events == [Event("Normal", "NewArtifact", "stored artifact", "source-controller", annotations)]
    assert posted == [
        {
            "involvedObject": {
                "kind": "GitRepository",
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "namespace": "flux-system",
                "name": "fleet",
                "uid": "u-1",
                "resourceVersion": "7",
            },
            "severity": "info",
            "timestamp": "2026-01-02T03:04:05Z",
            "message": "stored artifact",
            "reason": "NewArtifact",
            "reportingController": "source-controller",
            "reportingInstance": "kseal-0",
            "metadata": annotations,
        }
    ]


def test_an_error_is_a_warning_of_severity_error(told: tuple[Teller, Recorded, list[dict[str, Any]]]) -> None:
    teller, recorded, posted = told
    teller.tell(RAW, "error", "GitOperationFailed", "no")
    assert recorded.events[0].type == "Warning"
    assert posted[0]["severity"] == "error"


def test_a_trace_stays_in_the_cluster(told: tuple[Teller, Recorded, list[dict[str, Any]]]) -> None:
    teller, recorded, posted = told
    teller.tell(RAW, "trace", "NoArtifact", "not yet")
    assert recorded.events[0].type == "Normal"
    assert posted == []


class Alerts:
    """A server that answers with the statuses given, then 202, and keeps what it got."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[Any] = []
        self.arrived = threading.Semaphore(0)
        left = list(statuses)
        alerts = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                alerts.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(left.pop(0) if left else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                alerts.arrived.release()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def alerts() -> Iterator[list[Alerts]]:
    opened: list[Alerts] = []
    yield opened
    for each in opened:
        each.server.shutdown()
        each.server.server_close()


def test_payloads_arrive_as_json_in_their_order(alerts: list[Alerts]) -> None:
    alerts.append(there := Alerts())
    dropped: list[str] = []
    forwarder = Forwarder(there.url, on_drop=dropped.append)
    forwarder.start()
    for number in range(3):
        forwarder.post({"number": number})
    for _ in range(3):
        assert there.arrived.acquire(timeout=10)
    forwarder.stop(1)
    assert there.got == [("/", "application/json", {"number": number}) for number in range(3)]
    assert dropped == []


def test_a_duplicate_is_no_trouble_and_a_refusal_is_told(alerts: list[Alerts]) -> None:
    alerts.append(there := Alerts(429, 400))
    dropped: list[str] = []
    forwarder = Forwarder(there.url, on_drop=dropped.append)
    forwarder.start()
    forwarder.post({"a": 1})
    forwarder.post({"b": 2})
    for _ in range(2):
        assert there.arrived.acquire(timeout=10)
    forwarder.stop(1)
    assert dropped == ["the controller that alerts answered 400"]


def test_what_comes_after_the_end_is_dropped(alerts: list[Alerts]) -> None:
    alerts.append(there := Alerts())
    dropped: list[str] = []
    forwarder = Forwarder(there.url, on_drop=dropped.append)
    forwarder.start()
    forwarder.stop(1)
    forwarder.post({"late": True})
    assert len(dropped) == 1


@pytest.mark.parametrize("address", ["", "alerts:80", "ftp://alerts/", "http://"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(KsealError):
        Forwarder(address, on_drop=lambda _: None)
