"""Two replicas: one writes, both serve, and a leader that has lost its time writes nothing."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from sealer.scope import Scope
from tests.kit import crowd
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground
from tests.kit.process import Nest, wait_until
from tests.kit.running import RunningController
from tests.kit.sealingkeys import a_key, certificate, key_names, key_secret

pytestmark = pytest.mark.cluster

LEADS = "sealed_secrets_controller_leader 1.0\n"
PERIOD = timedelta(hours=1)
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
TAKEOVER_SECONDS = 30.0


@pytest.fixture(scope="module")
def audited() -> Iterator[ControlPlane]:
    with ControlPlane(audit=True) as plane:
        install_crd(plane)
        yield plane


class Pair:
    """Two replicas on one ground, `first` started first, each with an account of its own."""

    def __init__(self, ground: Ground, nest: Nest, *flags: str) -> None:
        self.ground = ground
        self.first, self.second = (self._replica(nest, name, flags) for name in ("first", "second"))

    def _replica(self, nest: Nest, name: str, flags: tuple[str, ...]) -> RunningController:
        plane, namespace = self.ground.plane, self.ground.namespace
        account = plane.account(namespace, name)
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        binding = {"metadata": {"name": f"{namespace}-{name}"}, "subjects": [subject], "roleRef": role}
        plane.api.ensure("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        common = ["--all-namespaces=false", "--key-size=2048"]
        return RunningController(nest, account.kubeconfig, namespace=namespace, flags=[*common, *flags])

    def writes(self, name: str) -> list[dict[str, Any]]:
        """What a replica has written so far, its Lease excepted."""
        user = f"system:serviceaccount:{self.ground.namespace}:{name}"
        return [
            event
            for event in self.ground.plane.audit_events(user=user)
            if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"
        ]

    def lease(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.ground.get("lease", "sealed-secrets-controller")["spec"]
        return spec


@contextmanager
def pair(plane: ControlPlane, *flags: str) -> Iterator[Pair]:
    """Both are ready, and the first one leads."""
    with Nest("replicas") as nest:
        ground = Ground(plane, nest)
        ground.apply(key_secret("old", a_key()))
        both = Pair(ground, nest, *flags)
        both.first.start()
        wait_until(lambda: LEADS in both.first.metrics(), "the first replica leads")
        both.second.start()
        ground.controller = both.second
        yield both


@contextmanager
def served_throughout(controller: RunningController) -> Iterator[None]:
    """Fail when the certificate could not be had at some moment."""
    statuses: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            statuses.append(controller.get("/v1/cert.pem")[0])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
    assert set(statuses) == {200}


def test_only_the_leader_writes_and_both_serve(audited: ControlPlane) -> None:
    with pair(audited, "--key-renew-period=0") as both:
        ground = both.ground
        ground.apply(ground.sealed("db", {"a": b"1"}))
        ground.wait_synced("db")
        assert both.first.certificate() == both.second.certificate()
        assert LEADS not in both.second.metrics()
        assert "condition_info{" not in both.second.metrics()
        assert both.writes("first")
        assert both.writes("second") == []
        assert both.lease()["holderIdentity"] == f"controller-{both.first.port}"


def test_a_leader_that_ends_hands_over_at_once(audited: ControlPlane) -> None:
    with pair(audited, "--key-renew-period=0") as both:
        ground = both.ground
        ground.apply(ground.sealed("before", {"a": b"1"}))
        ground.wait_synced("before")
        with served_throughout(both.second):
            assert both.first.stop() == 0
            wait_until(lambda: LEADS in both.second.metrics(), "the second replica leads", limit_seconds=8)
        ground.apply(ground.sealed("after", {"a": b"1"}))
        ground.wait_synced("after")
        assert [event["objectRef"]["name"] for event in both.writes("second") if event["verb"] == "update"] == ["after"]
        assert both.lease()["leaseTransitions"] == 1


def test_a_new_key_is_served_by_every_replica(audited: ControlPlane) -> None:
    with pair(audited, "--key-renew-period=0") as both:
        before = both.second.certificate()
        both.first.process.signal(signal.SIGUSR1)
        wait_until(lambda: both.second.certificate() != before, "the other replica serves it")
        both.second.process.signal(signal.SIGUSR1)
        wait_until(lambda: "does not lead" in both.second.logs, "the one that does not lead makes none")
        assert len(key_names(both.ground)) == 2


@pytest.mark.slow
def test_a_leader_is_killed_while_a_key_is_due(audited: ControlPlane) -> None:
    with Nest("replicas") as nest:
        ground = Ground(audited, nest)
        due = a_key(PERIOD - timedelta(seconds=15))
        ground.apply(key_secret("old", due))
        both = Pair(ground, nest, f"--key-renew-period={PERIOD.seconds}s")
        both.first.start()
        both.second.start()
        ground.controller = both.second
        assert key_names(ground) == ["old"]
        with served_throughout(both.second):
            both.first.kill()
            wait_until(lambda: len(key_names(ground)) == 2, "a key is made", limit_seconds=60)
            wait_until(lambda: both.second.certificate() != certificate(due), "and served")
        ground.apply(ground.sealed("db", {"a": b"1"}))
        ground.wait_synced("db")
        both.first.start()
        assert len(key_names(ground)) == 2


@pytest.mark.slow
def test_a_leader_that_was_stopped_and_continues_writes_nothing(audited: ControlPlane) -> None:
    """It is stopped in the middle of work, with writes of many objects under way, and a key comes due meanwhile."""
    with Nest("replicas") as nest, crowd.admin(audited) as cluster:
        ground = Ground(audited, nest)
        due = a_key(PERIOD - timedelta(seconds=12))
        ground.apply(key_secret("old", due))
        both = Pair(ground, nest, f"--key-renew-period={PERIOD.seconds}s")
        both.first.start()
        both.second.start()
        ground.controller = both.second
        sealed = ground.sealed("pattern", {"a": b"1"}, scope=Scope.CLUSTER)
        names = [f"db-{number:03}" for number in range(150)]
        arriving = threading.Thread(target=crowd.create, args=(cluster, crowd.copies(sealed, names)))
        arriving.start()
        wait_until(lambda: len(both.writes("first")) > 20, "it is at work")
        both.first.process.freeze()
        arriving.join()
        with served_throughout(both.second):
            wait_until(lambda: LEADS in both.second.metrics(), "the other one leads", limit_seconds=TAKEOVER_SECONDS)
            wait_until(lambda: len(key_names(ground)) == 2, "it makes the key that is due")
            wait_until(lambda: crowd.synced(cluster, ground.namespace) >= set(names), "and ends the work")
            before = both.writes("first")
            both.first.process.signal(signal.SIGCONT)
            wait_until(lambda: "not leading" in both.first.logs, "the first one notices")
            wait_until(lambda: LEADS not in both.first.metrics(), "and says so")
            ground.apply(ground.sealed("later", {"a": b"1"}))
            ground.wait_synced("later")
            wait_until(both.first.is_ready, "it serves again")
        assert both.writes("first") == before, "nothing after it continued"
        assert len(key_names(ground)) == 2
        assert both.first.certificate() == both.second.certificate()


def test_without_the_right_to_leases_it_is_alone_says_so_once_and_works(served: ControlPlane) -> None:
    with open_ground(served) as ground:
        account = served.account(ground.namespace, "no-leases")
        rules = [
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "update"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        ]
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ground.namespace}"
        served.api.ensure(f"{roles}/roles", {"metadata": {"name": "original"}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "original"}
        subject = {"kind": "ServiceAccount", "namespace": ground.namespace, "name": "no-leases"}
        binding = {"metadata": {"name": "original"}, "subjects": [subject], "roleRef": reference}
        served.api.ensure(f"{roles}/rolebindings", binding)
        with Nest("alone") as nest:
            flags = ["--all-namespaces=false", "--key-size=2048"]
            ground.controller = RunningController(nest, account.kubeconfig, namespace=ground.namespace, flags=flags)
            ground.controller.start()
            ground.apply(ground.sealed("db", {"a": b"1"}))
            ground.wait_synced("db")
            assert ground.controller.logs.count("no election of a leader") == 1
            assert LEADS in ground.controller.metrics()
            assert ground.find("lease", "sealed-secrets-controller") is None
            assert ground.controller.stop() == 0


def test_a_lease_taken_by_hand_stops_all_writing(served: ControlPlane) -> None:
    """A person may stop a controller by taking its Lease, and it goes on when the Lease is given back."""
    with open_ground(served) as ground:
        ground.controller.start()
        ground.apply(ground.sealed("before", {"a": b"1"}))
        ground.wait_synced("before")

        def hold(identity: str) -> None:
            spec = {"holderIdentity": identity, "leaseDurationSeconds": 3600}
            patch = json.dumps({"spec": spec})
            lease = "sealed-secrets-controller"
            served.kubectl("patch", "lease", lease, "--type=merge", "-p", patch, namespace=ground.namespace)

        hold("a-person")
        wait_until(lambda: LEADS not in ground.controller.metrics(), "it leads no more")
        ground.apply(ground.sealed("meanwhile", {"a": b"1"}))
        served.kubectl("delete", "secret", "before", namespace=ground.namespace)
        hold("")
        ground.wait_synced("meanwhile")
        wait_until(lambda: ground.values("before") is not None, "what was left undone is done")
