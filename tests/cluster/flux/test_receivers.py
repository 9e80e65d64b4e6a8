"""Receivers and their webhooks, on a real API server and over real HTTP."""

import hashlib
import hmac
import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from controller.flux.events import Teller
from controller.flux.filters import Cel
from controller.flux.halt import BACKOFF, NEVER
from controller.flux.hooks import BODY_LIMIT, Hooks
from controller.flux.names import (
    GIT_REPOSITORIES,
    NOTIFICATION_CONTROLLER,
    RECEIVERS,
    REQUESTED_AT,
    Name,
    status_manager,
)
from controller.flux.objects import Objects
from controller.flux.receiver import ReceiverReconciler
from controller.flux.statuses import Statuses
from controller.runtime.http import HttpServer
from controller.runtime.limiter import Limiter
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.discovery import Discovery
from engine.kube.refs import SECRETS
from tests.kit.controlplane import ControlPlane
from tests.kit.fluxobjects import git_repository
from tests.kit.sourceground import Told

pytestmark = pytest.mark.cluster
TOKEN = "webhook-token"
FLEET = {"kind": "GitRepository", "name": "fleet"}


class Door:
    """Receivers of one namespace, worked on step by step, and the server that answers for them."""

    def __init__(self, plane: ControlPlane, namespace: str, **options: Any) -> None:
        self.namespace = namespace
        self.cluster = Cluster(load(kubeconfig=str(plane.kubeconfig), environ={}))
        self.objects = Objects()
        self.told = Told()
        self.poked: list[dict[str, Any]] = []
        log = structlog.get_logger()
        manager = status_manager(NOTIFICATION_CONTROLLER)
        self.reconciler = ReceiverReconciler(
            self.cluster,
            self.objects,
            statuses=Statuses(self.cluster, RECEIVERS, manager=manager, on_written=self._written),
            teller=Teller(self.told, NOTIFICATION_CONTROLLER),
            filters=Cel(),
            log=log,
        )
        hooks = Hooks(
            self.cluster,
            self.objects,
            find=Discovery(self.cluster).find,
            filters=Cel(),
            poke=self.poked.append,
            log=log,
            now=lambda: datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
            **options,
        )
        self.server = HttpServer("127.0.0.1:0", hooks.routes(), observe=lambda *_: None, on_error=_fail)

    def _written(self, raw: dict[str, Any]) -> None:
        self.objects.put(raw)

    def secret(self, name: str = "token", token: str = TOKEN) -> None:
        body = {"metadata": {"name": name, "namespace": self.namespace}, "stringData": {"token": token}}
        self.cluster.create(SECRETS, {"apiVersion": "v1", "kind": "Secret", **body})

    def sources(self, *names: str, **labels: str) -> None:
        for name in names:
            body = git_repository(self.namespace, name)
            self.cluster.create(GIT_REPOSITORIES, {**body, "metadata": {**body["metadata"], "labels": labels}})

    def make(self, name: str = "hook", **spec: Any) -> str:
        """Create a Receiver and have it looked at; its path, or nothing."""
        asked = {"type": "generic", "resources": [FLEET], "secretRef": {"name": "token"}, **spec}
        body = {"metadata": {"name": name, "namespace": self.namespace}, "spec": asked}
        self.cluster.create(RECEIVERS, {"apiVersion": RECEIVERS.api_version, "kind": RECEIVERS.kind, **body})
        self.look(name)
        return str(self.status(name).get("webhookPath", ""))

    def look(self, name: str = "hook") -> Any:
        self.objects.put(self.cluster.get(RECEIVERS, self.namespace, name))
        return self.reconciler.reconcile(Name(self.namespace, name))

    def status(self, name: str = "hook") -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get(RECEIVERS, self.namespace, name)["status"]
        return found

    def conditions(self, name: str = "hook") -> dict[str, tuple[str, str, str]]:
        found = self.status(name).get("conditions", [])
        return {one["type"]: (one["status"], one["reason"], one["message"]) for one in found}

    def requested(self) -> dict[str, str]:
        """Which sources were asked to be looked at, and when."""
        listed = self.cluster.list(GIT_REPOSITORIES, self.namespace)
        annotated = {one["metadata"]["name"]: one["metadata"].get("annotations") or {} for one in listed}
        return {name: said[REQUESTED_AT] for name, said in annotated.items() if REQUESTED_AT in said}

    def call(self, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            assert answer.read() in (b"", b"method not allowed\n", b"not found\n")
            return answer.status
        finally:
            connection.close()


def _fail(error: Exception) -> None:
    raise AssertionError from error


@contextmanager
def opened(plane: ControlPlane, namespace: str, **options: Any) -> Iterator[Door]:
    door = Door(plane, namespace, **options)
    door.server.start()
    try:
        yield door
    finally:
        door.server.stop(1)
        door.cluster.close()


@pytest.fixture
def door(flux_plane: ControlPlane, namespace: str) -> Iterator[Door]:
    with opened(flux_plane, namespace) as door:
        yield door


def test_the_path_is_made_of_token_name_and_namespace_and_said_in_the_status(door: Door) -> None:
    door.secret()
    path = door.make()
    assert path == "/hook/" + hashlib.sha256(f"{TOKEN}hook{door.namespace}".encode()).hexdigest()
    assert door.conditions() == {"Ready": ("True", "Succeeded", f"Receiver initialized for path: {path}")}
    assert door.status()["observedGeneration"] == 1
    assert door.told.take() == [("Normal", "Succeeded", "Reconciliation finished, next run in 10m0s")]
    assert door.look().seconds == 600
    assert door.told.take() == []


def test_a_hit_asks_for_the_source_and_pokes_whoever_works_on_it(door: Door) -> None:
    door.secret()
    door.sources("fleet", "other")
    assert door.call(door.make()) == 200
    assert door.requested() == {"fleet": "2026-01-02T03:04:05.000678Z"}
    (raw,) = door.poked
    assert (raw["kind"], raw["metadata"]["name"]) == ("GitRepository", "fleet")
    assert raw["metadata"]["annotations"][REQUESTED_AT] == "2026-01-02T03:04:05.000678Z"


def test_a_signed_push_passes_and_a_forged_one_does_not(door: Door) -> None:
    door.secret()
    door.sources("fleet")
    path = door.make(type="github", events=["ping", "push"])
    body = b'{"ref":"refs/heads/main"}'
    good = hmac.new(TOKEN.encode(), body, "sha256").hexdigest()
    sent = {"Content_Type": "application/json", "X_GitHub_Event": "push"}
    assert door.call(path, body, X_Hub_Signature_256=f"sha256={'0' * 64}", **sent) == 400
    assert door.call(path, body, **sent) == 400
    assert door.requested() == {}
    assert door.call(path, body, X_Hub_Signature_256=f"sha256={good}", **sent) == 200
    assert [*door.requested()] == ["fleet"]


def test_only_post_to_a_path_that_a_receiver_has_is_answered(door: Door) -> None:
    door.secret()
    door.sources("fleet")
    path = door.make()
    assert door.call(path, method="GET") == 405
    assert door.call(path + "/") == 404
    assert door.call(path + "?a=b") == 404
    assert door.call(path[:-1] + ("0" if path[-1] != "0" else "1")) == 404
    assert door.call("/hook/") == 404
    assert door.call("/") == 404
    assert door.requested() == {}


def test_a_suspended_receiver_and_one_that_is_not_ready_refuse(door: Door) -> None:
    door.secret()
    door.sources("fleet")
    path = door.make()
    door.cluster.patch(RECEIVERS, door.namespace, "hook", {"spec": {"suspend": True}})
    assert door.look() == NEVER
    assert door.call(path) == 503
    assert door.requested() == {}


def test_a_missing_token_is_said_and_tried_again(door: Door) -> None:
    door.make()
    assert door.look() == BACKOFF
    found = door.conditions()
    assert found["Ready"][:2] == ("False", "TokenNotFound")
    assert found["Ready"][2].startswith(f"unable to read token from secret '{door.namespace}/token' error: ")
    assert found["Reconciling"] == ("True", "ProgressingWithRetry", "Reconciliation in progress")
    assert "webhookPath" not in door.status()
    door.secret()
    door.look()
    assert set(door.conditions()) == {"Ready"}


def test_an_empty_token_is_no_token(door: Door) -> None:
    door.secret(token="")
    door.make(type="github")
    assert door.conditions()["Ready"][:2] == ("False", "TokenNotFound")


@pytest.mark.parametrize("kind", ["gcr", "generic-oidc"])
def test_types_that_need_an_identity_provider_stall_and_say_so(door: Door, kind: str) -> None:
    door.secret()
    rules = [{"expression": "true", "message": "no"}]
    own: dict[str, Any] = {
        "secretRef": None,
        "oidcProviders": [{"issuerURL": "https://issuer.test", "validations": rules}],
    }
    door.make(type=kind, **(own if kind == "generic-oidc" else {}))
    assert door.look() == NEVER
    stalled = door.conditions()["Stalled"]
    assert stalled[:2] == ("True", "ValidationFailed")
    assert f"receivers of type {kind} are not supported by kseal" in stalled[2]
    assert door.conditions()["Ready"] == ("False", *stalled[1:])


def test_all_with_some_labels_are_meant_by_a_star(door: Door) -> None:
    door.secret()
    door.sources("a", "b", team="x")
    door.sources("c", team="y")
    path = door.make(resources=[{"kind": "GitRepository", "name": "*", "matchLabels": {"team": "x"}}])
    assert door.call(path) == 200
    assert sorted(door.requested()) == ["a", "b"]


def test_filters_choose_among_the_objects_by_the_body(door: Door) -> None:
    door.secret()
    door.sources("a", "b")
    resources = [{"kind": "GitRepository", "name": name} for name in ("a", "b")]
    path = door.make(resources=resources, resourceFilter="res.metadata.name == req.repository")
    sent = json.dumps({"repository": "b"}).encode()
    assert door.call(path, sent, Content_Type="application/json") == 200
    assert [*door.requested()] == ["b"]
    assert door.call(path, b"no json", Content_Type="application/json") == 500


@pytest.mark.parametrize("expression", ["res.metadata.name ==", "claims.sub == 'x'"])
def test_a_filter_that_is_none_stalls_the_receiver(door: Door, expression: str) -> None:
    door.secret()
    door.make(resources=[{**FLEET, "filter": expression}])
    found = door.conditions()["Stalled"]
    assert found[:2] == ("True", "InvalidCELExpression")
    assert found[2].startswith(
        "Reconciliation failed terminally due to configuration error: invalid filter expression for"
        ' resources[0] (kind="GitRepository", name="fleet"): '
    )


def test_one_object_that_is_missing_is_told_and_the_others_are_reached(door: Door) -> None:
    door.secret()
    door.sources("fleet")
    path = door.make(resources=[{"kind": "GitRepository", "name": "none"}, FLEET])
    assert door.call(path) == 500
    assert [*door.requested()] == ["fleet"]


def test_other_namespaces_are_reached_unless_that_is_forbidden(flux_plane: ControlPlane, namespace: str) -> None:
    elsewhere = flux_plane.create_namespace()
    for forbidden, status in ((True, 500), (False, 200)):
        with (
            opened(flux_plane, namespace, no_cross_namespace=forbidden) as door,
            opened(flux_plane, elsewhere) as other,
        ):
            if forbidden:
                door.secret()
                other.sources("fleet")
                path = door.make(resources=[{**FLEET, "namespace": elsewhere}])
            door.look()
            assert door.call(path) == status
            assert [*other.requested()] == ([] if forbidden else ["fleet"])


def test_each_path_answers_at_a_bounded_rate(flux_plane: ControlPlane, namespace: str) -> None:
    with opened(flux_plane, namespace, limiter=Limiter(0.001, 1)) as door:
        door.secret()
        door.sources("fleet")
        path = door.make()
        assert [door.call(path) for _ in range(3)] == [200, 200, 429]
        assert [door.call("/hook/" + "0" * 64) for _ in range(3)] == [404, 404, 429]


def test_a_body_above_the_limit_is_not_read(door: Door) -> None:
    door.secret()
    path = door.make()
    with socket.create_connection(("127.0.0.1", door.server.port), timeout=10) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_what_another_controller_left_does_not_hold_a_receiver(door: Door) -> None:
    door.secret()
    door.make()
    finalizers = {"metadata": {"finalizers": ["finalizers.fluxcd.io"]}}
    door.cluster.patch(RECEIVERS, door.namespace, "hook", finalizers)
    door.cluster.delete(RECEIVERS, door.namespace, "hook")
    assert door.look() == NEVER
    assert [*door.cluster.list(RECEIVERS, door.namespace)] == []
