"""Which namespaces a controller works in."""

from collections.abc import Iterator

import pytest

from sealer.scope import Scope
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import Nest, wait_until
from tests.kit.running import RunningController

pytestmark = pytest.mark.cluster


@pytest.fixture
def others(served: ControlPlane) -> list[str]:
    """Two namespaces without a controller of their own."""
    return [served.create_namespace(), served.create_namespace()]


@pytest.fixture
def ground(served: ControlPlane, others: list[str]) -> Iterator[Ground]:
    """A controller that works in its own namespace, the first of `others`, and one that does not exist."""
    with open_ground(served, "--all-namespaces=true", f"--additional-namespaces={others[0]},no-such-namespace") as it:
        it.controller.start()
        yield it


def put(ground: Ground, namespace: str, name: str) -> None:
    sealed = ground.sealed(name, {"a": b"1"}, scope=Scope.CLUSTER)
    sealed["metadata"]["namespace"] = sealed["spec"]["template"]["metadata"]["namespace"] = namespace
    ground.plane.api.text("POST", f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets", sealed)


def is_there(ground: Ground, namespace: str, name: str) -> bool:
    return ground.plane.api.answers(f"/api/v1/namespaces/{namespace}/secrets/{name}")


def test_it_works_in_its_own_and_the_additional_ones_only(ground: Ground, others: list[str]) -> None:
    additional, foreign = others
    put(ground, foreign, "db")
    put(ground, additional, "db")
    put(ground, ground.namespace, "db")
    wait_until(lambda: is_there(ground, additional, "db"), "the additional namespace is worked on")
    wait_until(lambda: is_there(ground, ground.namespace, "db"), "and its own")
    ground.plane.kubectl("delete", "secret", "db", namespace=additional)
    wait_until(lambda: is_there(ground, additional, "db"), "Secrets are watched there, too")
    assert not is_there(ground, foreign, "db")


def test_a_namespace_that_does_not_exist_is_named_and_skipped(ground: Ground) -> None:
    assert ground.controller.logs.count("namespace=no-such-namespace") == 1
    assert ground.controller.is_ready()


def test_with_rights_in_these_namespaces_only(served: ControlPlane, others: list[str]) -> None:
    """As the documents say: a Role in each namespace, nothing that is valid in the whole cluster."""
    with open_ground(served) as ground, Nest("narrow") as nest:
        account = served.account(ground.namespace, "narrow")
        rules = [
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "update"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        ]
        subject = {"kind": "ServiceAccount", "namespace": ground.namespace, "name": "narrow"}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "narrow"}
        for namespace in (ground.namespace, others[0]):
            path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
            served.api.ensure(f"{path}/roles", {"metadata": {"name": "narrow"}, "rules": rules})
            binding = {"metadata": {"name": "narrow"}, "subjects": [subject], "roleRef": reference}
            served.api.ensure(f"{path}/rolebindings", binding)
        flags = [f"--additional-namespaces={others[0]}", "--key-size=2048"]
        ground.controller = RunningController(nest, account.kubeconfig, namespace=ground.namespace, flags=flags)
        ground.controller.start()
        put(ground, others[0], "db")
        wait_until(lambda: is_there(ground, others[0], "db"), "the additional namespace is worked on")
