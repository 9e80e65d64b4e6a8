"""Events in a real API server: as `kubectl describe` shows them, counted, with no more rights than needed."""

import json
from typing import Any

import pytest

from controller.runtime.events import EventRecorder
from controller.runtime.outcome import Event
from engine.kube import config
from engine.kube.client import Cluster
from tests.kit.controlplane import ControlPlane
from tests.kit.door import put
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

FAILED = Event("Warning", "ErrUnsealFailed", "Failed to unseal: no key could decrypt secret (a)")


class Recorded:
    """A recorder that may only create and patch events, about one SealedSecret."""

    def __init__(self, plane: ControlPlane, namespace: str, *, verbs: tuple[str, ...] = ("create", "patch")) -> None:
        self._plane, self._namespace = plane, namespace
        account = plane.account(namespace, "recorder")
        allowed = [f"--verb={verb}" for verb in verbs]
        plane.kubectl("create", "role", "recorder", *allowed, "--resource=events", namespace=namespace)
        binding = ["--role=recorder", f"--serviceaccount={namespace}:recorder"]
        plane.kubectl("create", "rolebinding", "recorder", *binding, namespace=namespace)
        self.sealed_secret = put(plane, namespace, "db")
        self.dropped: list[tuple[str, str]] = []
        self.cluster = Cluster(config.load(kubeconfig=str(account.kubeconfig), environ={}))
        self.recorder = EventRecorder(
            self.cluster, on_drop=lambda why, error: self.dropped.append((why, str(error or "")))
        )
        self.recorder.start()

    def events(self) -> list[dict[str, Any]]:
        done = self._plane.kubectl("get", "events", "-o", "json", namespace=self._namespace)
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found

    def wait_counted(self, count: int) -> dict[str, Any]:
        wait_until(lambda: [event["count"] for event in self.events()] == [count], f"one event counts {count}")
        return self.events()[0]

    def close(self) -> None:
        self.recorder.stop(5.0)
        self.cluster.close()


def test_an_event_is_found_where_people_look(served: ControlPlane, namespace: str) -> None:
    recorded = Recorded(served, namespace)
    recorded.recorder.record(recorded.sealed_secret, FAILED)
    recorded.close()
    assert recorded.dropped == []
    described = served.kubectl("describe", "sealedsecret", "db", namespace=namespace).stdout
    (line,) = (line for line in described.splitlines() if "ErrUnsealFailed" in line)
    assert line.split()[0] == "Warning"
    assert "sealed-secrets" in line
    assert FAILED.message in line


def test_repetitions_are_counted_in_one_event_even_after_it_has_expired(served: ControlPlane, namespace: str) -> None:
    recorded = Recorded(served, namespace)
    for _ in range(3):
        recorded.recorder.record(recorded.sealed_secret, FAILED)
    event = recorded.wait_counted(3)
    assert event["lastTimestamp"] >= event["firstTimestamp"]
    assert event["involvedObject"]["uid"] == recorded.sealed_secret["metadata"]["uid"]
    served.kubectl("delete", "event", event["metadata"]["name"], namespace=namespace)
    recorded.recorder.record(recorded.sealed_secret, FAILED)
    assert recorded.wait_counted(4)["metadata"]["name"] != event["metadata"]["name"]
    recorded.close()
    assert recorded.dropped == []


def test_without_the_rights_events_are_dropped_and_the_reason_told(served: ControlPlane, namespace: str) -> None:
    recorded = Recorded(served, namespace, verbs=("list",))
    recorded.recorder.record(recorded.sealed_secret, FAILED)
    wait_until(lambda: bool(recorded.dropped), "the drop is told")
    recorded.close()
    ((why, error),) = recorded.dropped
    assert why == "refused"
    assert "forbidden" in error
    assert recorded.events() == []
