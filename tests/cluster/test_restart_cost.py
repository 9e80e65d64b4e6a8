"""A restart over many SealedSecrets that need nothing costs next to nothing, and keeps nobody waiting."""

from collections import Counter
from collections.abc import Callable

import pytest

from engine.kube.client import Cluster
from engine.kube.refs import SECRETS
from sealer.scope import Scope
from tests.kit import crowd
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd
from tests.kit.process import Nest, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

MANY = 1000


def test_a_restart_over_a_thousand_writes_nothing(new_control_plane: Callable[..., ControlPlane]) -> None:
    plane = new_control_plane(audit=True)
    install_crd(plane)
    with crowd.admin(plane) as cluster, Nest("controller") as nest:
        ground = Ground(plane, nest, kubeconfig=plane.certificate_kubeconfig)
        controller = ground.controller.start()
        names = [f"db-{number:04}" for number in range(MANY)]
        sealed = ground.sealed("pattern", dict.fromkeys("abcd", b"1"), scope=Scope.CLUSTER)
        crowd.create(cluster, crowd.copies(sealed, names))
        wait_until(lambda: len(crowd.synced(cluster, ground.namespace)) == MANY, "all are synced", limit_seconds=120)
        assert controller.stop() == 0
        before = sum(1 for _ in plane.audit_events(user="kseal-admin-by-certificate"))
        versions = all_versions(cluster, ground.namespace)

        controller.start()
        crowd.create(cluster, crowd.copies(sealed, ["newcomer"]))
        wait_until(lambda: is_synced(cluster, ground.namespace, "newcomer"), "the newcomer is synced")
        waiting = number(controller.metrics(), "queue_depth")
        assert waiting > 0, "the newcomer was served before those that were there"
        wait_until(lambda: looked_at(controller.metrics()) > MANY, "all are looked at", limit_seconds=60)
        assert controller.is_ready()
        now = all_versions(cluster, ground.namespace)
        assert {key: now.get(key) for key in versions} == versions, "nothing that was right is written"
        events = list(plane.audit_events(user="kseal-admin-by-certificate"))[before:]

    calls = Counter((event["verb"], event.get("objectRef", {}).get("resource", "-")) for event in events)
    pages = {"secrets": -(-MANY // 500) + 1, "sealedsecrets": -(-MANY // 500) + 1}
    lists = {resource: calls.pop(("list", resource), 0) for resource in pages}
    assert all(lists[resource] <= pages[resource] + 1 for resource in pages), lists
    assert calls.total() <= 20, calls


def all_versions(cluster: Cluster, namespace: str) -> dict[tuple[str, str], str]:
    """The resource version of each Secret and SealedSecret."""
    return {
        (resource.kind, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
        for resource in (SECRETS, crowd.SEALED_SECRETS)
        for one in cluster.list(resource, namespace)
    }


def is_synced(cluster: Cluster, namespace: str, name: str) -> bool:
    """Whether one SealedSecret is reported as synced."""
    conditions = (cluster.get(crowd.SEALED_SECRETS, namespace, name).get("status") or {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("Synced", "True") for one in conditions)


def looked_at(metrics: str) -> float:
    """How many SealedSecrets this run of the controller has worked on."""
    return number(metrics, "unseal_requests_total")


def number(metrics: str, name: str) -> float:
    """A metric without labels on the controller's page."""
    (line,) = [line for line in metrics.splitlines() if line.startswith(f"sealed_secrets_controller_{name} ")]
    return float(line.split()[1])
