"""The manifests and the state that an older kseal left behind are taken over by today's, without a write to any of it.

`tests/vectors/upgrade` was made by the revision that first ran whole (904f52d): `manifests.yaml` is its base as
`kubectl kustomize` gave it, `state.json` what its controller left in a cluster with a SealedSecret of every sort. The
key in it was made for that and has never been anywhere else.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.process import Nest, wait_until
from tests.kit.running import RunningController
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster

NAME, HOME = "sealed-secrets-controller", "kube-system"
LEFT = ROOT / "tests" / "vectors" / "upgrade"
SECRETS = "/api/v1/namespaces/default/secrets"
SEALED = "/apis/bitnami.com/v1alpha1/namespaces/default/sealedsecrets"
USER = f"system:serviceaccount:{HOME}:{NAME}"
CHANGES = {"create", "update", "patch", "delete", "deletecollection"}


@pytest.fixture(scope="module")
def state() -> dict[str, list[dict[str, Any]]]:
    left: dict[str, list[dict[str, Any]]] = json.loads((LEFT / "state.json").read_text())
    return left


@pytest.fixture
def plane(new_control_plane: Callable[..., ControlPlane], state: dict[str, Any]) -> ControlPlane:
    """A cluster as the older controller left it, and then the base of today applied over its own."""
    plane = new_control_plane(audit=True)
    plane.kubectl("apply", "-f", str(LEFT / "manifests.yaml"))
    plane.wait_established()
    owners = {raw["metadata"]["name"]: _restored(plane, raw) for raw in state["sealed"]}
    for raw in state["secrets"]:
        owned = [{**one, "uid": owners[one["name"]]} for one in raw["metadata"].get("ownerReferences", [])]
        plane.api.json("POST", SECRETS, {**raw, "metadata": {**raw["metadata"], "ownerReferences": owned}})
    for raw in state["keys"]:
        plane.api.json("POST", f"/api/v1/namespaces/{HOME}/secrets", raw)
    for raw in state["leases"]:
        plane.api.json("POST", f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases", raw)
    plane.kubectl("apply", "-k", str(ROOT / "deploy" / "manifests"))
    return plane


def _restored(plane: ControlPlane, raw: dict[str, Any]) -> str:
    """Create a SealedSecret with the status that it had; its new uid."""
    made = plane.api.json("POST", SEALED, raw)
    plane.api.json("PUT", f"{SEALED}/{raw['metadata']['name']}/status", {**made, "status": raw["status"]})
    uid: str = made["metadata"]["uid"]
    return uid


def _listed(plane: ControlPlane, path: str) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in plane.api.json("GET", path)["items"]}


def test_todays_controller_goes_on_where_the_older_one_stopped(plane: ControlPlane, state: dict[str, Any]) -> None:
    before = _listed(plane, SECRETS), _listed(plane, SEALED)
    with Nest("upgraded") as nest:
        account = plane.account(HOME, NAME)
        flags = ["--key-size=2048", "--key-renew-period=0"]  # the key of the state grows old
        controller = RunningController(nest, account.kubeconfig, namespace=HOME, flags=flags).start()
        expected = state["keys"][0]["data"]["tls.crt"]
        wait_until(lambda: _looked_at(controller) >= len(state["sealed"]), "every SealedSecret is looked at")

        assert (_listed(plane, SECRETS), _listed(plane, SEALED)) == before
        assert _listed(plane, f"/api/v1/namespaces/{HOME}/secrets").keys() == {state["keys"][0]["metadata"]["name"]}
        assert _base64(controller.certificate()) == expected
        written = [_target(one) for one in plane.audit_events(user=USER) if one["verb"] in CHANGES]
        assert [what for what in written if what.startswith(("secrets/", "sealedsecrets/"))] == []

        plane.kubectl("delete", "secret", "plain", "templated")
        wait_until(lambda: {"plain", "templated"} <= _listed(plane, SECRETS).keys(), "what was deleted is back")
        again = _listed(plane, SECRETS)
        for name in ("plain", "templated"):
            assert again[name]["data"] == before[0][name]["data"]
        controller.stop()


def _looked_at(controller: RunningController) -> int:
    metric = "sealed_secrets_controller_unseal_requests_total "
    found = [line.split()[1] for line in controller.metrics().splitlines() if line.startswith(metric)]
    return int(float(found[0])) if found else 0


def _target(event: dict[str, Any]) -> str:
    return f"{event['objectRef']['resource']}/{event['objectRef'].get('name', '')}"


def _base64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
