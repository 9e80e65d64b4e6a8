"""The front door when the API server is away, forgets, refuses or knows no SealedSecrets: it says so and goes on."""

import base64
import gc
import http.client
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from controller.runtime import frontdoor
from tests.kit import kubeconfig
from tests.kit.controlplane import ControlPlane
from tests.kit.door import annotate, open_door, put, remove
from tests.kit.ground import install_crd
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

NewPlane = Callable[..., ControlPlane]


class Etcd:
    """The storage behind the API server's back, by etcd's JSON gateway: to change what no watch can have seen."""

    def __init__(self, url: str) -> None:
        self._url = url

    def delete(self, namespace: str, name: str) -> None:
        answer = self._call("deleterange", {"key": _base64(f"/registry/bitnami.com/sealedsecrets/{namespace}/{name}")})
        assert answer.get("deleted") == "1"

    def forget_history(self) -> None:
        """Make all older resource versions too old."""
        answer = self._call("put", {"key": _base64("/kseal-test"), "value": _base64("x")})
        self._call("compaction", {"revision": answer["header"]["revision"], "physical": True})

    def _call(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=10)
        try:
            connection.request("POST", f"/v3/kv/{verb}", json.dumps(body))
            answer: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return answer


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def plane(unsteady_control_plane: ControlPlane) -> ControlPlane:
    """A control plane with our CRD."""
    install_crd(unsteady_control_plane)
    return unsteady_control_plane


def test_what_vanished_while_the_history_was_lost_is_told_as_deleted(plane: ControlPlane) -> None:
    namespace = plane.create_namespace()
    for name in ("stays", "vanishes", "changes"):
        put(plane, namespace, name)
    with open_door(plane, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        plane.pause()
        door.wait_trouble("refused")
        etcd = Etcd(plane.etcd_url)
        etcd.delete(namespace, "vanishes")
        etcd.forget_history()
        plane.resume()
        annotate(plane, namespace, "changes", note="x")
        etcd.forget_history()
        door.wait_told(("DELETED", "vanishes"))
        wait_until(lambda: door.view["changes"]["metadata"].get("annotations") == {"note": "x"}, "the change is told")
        assert sorted(door.view) == ["changes", "stays"]
        assert door.told.count((None, "stays")) == 1, "what has not changed is no news"
        put(plane, namespace, "new")
        door.wait_told(("ADDED", "new"))
        door.wait_trouble(None)


def test_an_outage_is_told_once_and_ridden_out(plane: ControlPlane) -> None:
    namespace = plane.create_namespace()
    with open_door(plane, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        plane.pause()
        door.wait_trouble("connection refused")
        assert "127.0.0.1" in (door.door.trouble() or "")
        idle = door.door.idle_seconds
        wait_until(lambda: door.door.idle_seconds > idle + 1.5, "the silence grows")
        plane.resume()
        put(plane, namespace, "after")
        wait_until(lambda: "after" in door.view, "what came after it is told")
        assert door.door.trouble() is None
        assert door.door.idle_seconds < 10
        assert len(door.problems) <= 2, door.problems  # unreachable, then not ready yet


def test_a_missing_crd_is_waited_for(new_control_plane: NewPlane) -> None:
    plane = new_control_plane()
    namespace = plane.create_namespace()
    with open_door(plane) as door:
        door.wait_trouble("does not know")
        assert not door.door.wait_listed(0)
        install_crd(plane)
        assert door.door.wait_listed(30)
        put(plane, namespace, "db")
        door.wait_told(("ADDED", "db"))
        assert door.problems == ["sealedsecrets.bitnami.com: the API server does not know them"]


def test_a_crd_that_goes_takes_its_objects_along_and_may_come_back(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The API server leaves the watch of a kind that is gone open for a while, and silent.
    monkeypatch.setattr("controller.runtime.trimmedkopf.INACTIVITY_SECONDS", 3.0)
    namespace = plane.create_namespace()
    put(plane, namespace, "db")
    with open_door(plane) as door:
        assert door.door.wait_listed(30)
        plane.kubectl("delete", "crd", "sealedsecrets.bitnami.com")
        door.wait_told(("DELETED", "db"))
        door.wait_trouble("not served")
        install_crd(plane)
        put(plane, namespace, "again")
        wait_until(lambda: "again" in door.view, "the new object is told", limit_seconds=60)
        door.wait_trouble(None)
        assert sorted(door.view) == ["again"]


def test_missing_rights_are_named_once_and_waited_for(served: ControlPlane) -> None:
    namespace = served.create_namespace()
    account = served.account(namespace, "watcher")
    put(served, namespace, "db")
    with open_door(served, kubeconfig=account.kubeconfig) as door:
        door.wait_trouble("cannot list resource")
        flags = ["--verb=list", "--verb=watch", "--resource=sealedsecrets.bitnami.com"]
        served.kubectl("create", "clusterrole", namespace, *flags)
        binding = [f"--clusterrole={namespace}", f"--serviceaccount={namespace}:watcher"]
        served.kubectl("create", "clusterrolebinding", namespace, *binding)
        assert door.door.wait_listed(30)
        assert door.door.trouble() is None
        assert len(door.problems) == 1, door.problems


def test_a_token_that_is_renewed_on_disk_is_taken_up_after_a_refusal(served: ControlPlane, tmp_path: Path) -> None:
    namespace = served.create_namespace()
    token = tmp_path / "token"
    token.write_text("expired")
    user = {"tokenFile": str(token)}
    path = kubeconfig.write(tmp_path / "kubeconfig", served.server, served.ca, user)
    with open_door(served, kubeconfig=path, namespaces=[namespace]) as door:
        door.wait_trouble("unauthorized")
        token.write_text(served.token)
        assert door.door.wait_listed(30)
        assert door.door.trouble() is None


def test_a_client_certificate_opens_the_door_as_well(served: ControlPlane) -> None:
    with open_door(served, kubeconfig=served.certificate_kubeconfig) as door:
        assert door.door.wait_listed(30)


def test_a_watch_that_has_fallen_asleep_is_begun_anew(served: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = served.create_namespace()
    put(served, namespace, "db")
    monkeypatch.setattr(frontdoor, "_CHECK_SECONDS", 0.2)
    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        monkeypatch.setattr(frontdoor, "SILENCE_SECONDS", 0.1)
        wait_until(lambda: any("fell silent" in problem for problem in door.problems), "the silence is noticed")
        monkeypatch.setattr(frontdoor, "SILENCE_SECONDS", 60.0)
        remove(served, namespace, "db")
        put(served, namespace, "new")
        wait_until(lambda: sorted(door.view) == ["new"], "the view is complete again")
        door.wait_trouble(None)


def test_it_ends_at_once_in_every_state(plane: ControlPlane) -> None:
    def seconds_to_end(door: Any) -> float:
        started = time.monotonic()
        assert door.door.stop(5.0)
        return time.monotonic() - started

    with open_door(plane) as watching:
        assert watching.door.wait_listed(30)
        assert seconds_to_end(watching) < 1
        assert watching.door.trouble() == "sealedsecrets are not watched"
    with open_door(plane) as asking:
        assert asking.door.wait_listed(30)
        plane.pause()
        asking.wait_trouble("refused")
        assert seconds_to_end(asking) < 1
    with open_door(plane) as beginning:
        beginning.wait_trouble("refused")
        assert seconds_to_end(beginning) < 1


@pytest.mark.slow
def test_an_api_server_that_hangs_is_noticed_and_left_in_time(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.runtime.trimmedkopf.INACTIVITY_SECONDS", 3.0)
    monkeypatch.setattr("controller.runtime.apisession.ANSWER_SECONDS", 1.0)
    namespace = plane.create_namespace()
    with open_door(plane, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        plane.pause(freeze=True)
        try:
            door.wait_trouble("no answer in time", limit_seconds=60)
        finally:
            plane.resume()
        put(plane, namespace, "after")
        door.wait_told(("ADDED", "after"))
        door.wait_trouble(None)
        plane.pause(freeze=True)
        try:
            started = time.monotonic()
            assert door.door.stop(5.0)
            assert time.monotonic() - started < 1
        finally:
            plane.resume()
    with warnings.catch_warnings():  # who hangs takes no leave, so that connection was dropped as it was
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
