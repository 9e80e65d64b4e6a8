"""Objects that other tools applied before: whose fields become ours, and what stays theirs."""

import json
from typing import Any

import pytest

from engine.changes import Action
from engine.ownership import Foreign
from tests.cluster.engine.conftest import CONFIGS, CONTROL, Ground

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def managers(ground: Ground, name: str = "one") -> list[tuple[str, str]]:
    live = ground.get(CONFIGS, name)
    assert live is not None
    return sorted((entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"])


def data(ground: Ground, name: str = "one") -> dict[str, str]:
    live = ground.get(CONFIGS, name)
    assert live is not None
    return dict(live["data"])


def test_what_kubectl_applied_is_ours_and_what_the_manifest_lacks_goes_away(ground: Ground) -> None:
    text = json.dumps(ground.config(data={"k": "v", "old": "x"}))
    ground.plane.kubectl("apply", "-f", "-", input=text, namespace=ground.namespace)
    ground.deliver([ground.config(data={"k": "v"})])
    assert data(ground) == {"k": "v"}
    assert managers(ground) == [("deliverer", "Apply")]
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert LAST_APPLIED not in live["metadata"].get("annotations", {})


def test_what_kubectl_applied_on_the_server_side_is_ours(ground: Ground) -> None:
    text = json.dumps(ground.config(data={"k": "v", "old": "x"}))
    ground.plane.kubectl("apply", "--server-side", "-f", "-", input=text, namespace=ground.namespace)
    ground.deliver([ground.config()])
    assert data(ground) == {"k": "v"}
    assert managers(ground) == [("deliverer", "Apply")]


def test_two_foreign_managers_and_our_own_fields_become_one(ground: Ground) -> None:
    ground.deliver([ground.config(data={"k": "v", "ours": "1"})])
    text = json.dumps(ground.config(data={"k": "v", "theirs": "2"}))
    ground.plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)
    ground.plane.kubectl("patch", "configmap", "one", "--patch", '{"data":{"edited":"3"}}', namespace=ground.namespace)
    ground.deliver([ground.config()])
    assert data(ground) == {"k": "v"}
    assert managers(ground) == [("deliverer", "Apply")]


def test_an_object_of_a_former_controller_is_taken_over_whole(ground: Ground) -> None:
    ground.put(ground.config(data={"k": "v", "old": "x"}), manager="kustomize-controller")
    ownership = ground.ownership(foreign=(Foreign("kustomize-controller"),))
    ground.deliver([ground.config()], ownership=ownership)
    assert data(ground) == {"k": "v"}
    assert managers(ground) == [("deliverer", "Apply")]


def test_without_a_takeover_a_former_controller_would_keep_its_fields(ground: Ground) -> None:
    ground.put(ground.config(data={"k": "v", "old": "x"}), manager="kustomize-controller")
    ground.deliver([ground.config()])
    assert data(ground) == {"k": "v", "old": "x"}


def test_an_object_that_the_same_manager_applied_before_costs_no_write(ground: Ground) -> None:
    ground.deliver([ground.config()])
    ground.restart()
    progress = ground.deliver([ground.config()])
    assert [change.action for change in progress.changes] == [Action.UNCHANGED]
    assert ground.cluster.asked["PATCH"] == 0


def test_the_fields_of_the_kept_manager_stay(ground: Ground) -> None:
    ground.deliver([ground.config()])
    ground.patch(CONFIGS, "one", {"data": {"debug": "1"}}, manager="kubectl-kept")
    ground.deliver([ground.config()], ownership=ground.ownership(kept_manager="kubectl-kept"))
    assert data(ground) == {"k": "v", "debug": "1"}
    ground.deliver([ground.config()])
    assert data(ground) == {"k": "v"}


def test_with_merge_other_managers_keep_their_fields(ground: Ground) -> None:
    merged = {f"{CONTROL}/ssa": "merge"}
    ground.deliver([ground.config(annotations=merged)])
    ground.patch(CONFIGS, "one", {"data": {"theirs": "1"}}, manager="kubectl-edit")
    progress = ground.deliver([ground.config(annotations=merged)])
    assert data(ground) == {"k": "v", "theirs": "1"}
    assert [change.action for change in progress.changes] == [Action.UNCHANGED]


def test_a_status_written_by_a_foreign_manager_stays_its_own(ground: Ground) -> None:
    ground.deliver([ground.service()])
    body = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    path = f"/api/v1/namespaces/{ground.namespace}/services/web"
    ground.plane.api.json(
        "PATCH", path, {"spec": {"type": "LoadBalancer"}}, content_type="application/merge-patch+json"
    )
    ground.plane.api.json(
        "PATCH", f"{path}/status?fieldManager=kubectl", body, content_type="application/merge-patch+json"
    )
    ground.deliver([ground.service(type="LoadBalancer")])
    live = ground.plane.api.json("GET", path)
    assert live["status"] == body["status"] | {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}}
    assert ("kubectl", "status") in {
        (entry["manager"], entry.get("subresource")) for entry in live["metadata"]["managedFields"]
    }
