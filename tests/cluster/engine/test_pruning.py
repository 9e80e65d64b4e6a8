"""What is deleted when it leaves the source, and what never is."""

from typing import Any

import pytest

from engine.changes import Action
from engine.execute import PruneFailed
from engine.inventory import Inventory, Member
from engine.kube.refs import ObjectRef, Resource
from tests.cluster.engine.conftest import CONFIGS, CONTROL, DEPLOYMENTS, Ground
from tests.kit.apicalls import Refused
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
ADMISSION = "admissionregistration.k8s.io"
POLICIES = Resource(ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False)
BINDINGS = POLICIES._replace(plural="validatingadmissionpolicybindings", kind="ValidatingAdmissionPolicyBinding")


def test_what_left_the_source_is_deleted(ground: Ground) -> None:
    ground.deliver([ground.config(), ground.config("two")])
    progress = ground.deliver([ground.config()], before=ground.inventory)
    assert progress.changes.changed().lines() == f"ConfigMap/{ground.namespace}/two deleted"
    assert ground.get(CONFIGS, "two") is None
    assert [member.ref for member in ground.inventory] == [ground.ref()]


def test_stale_objects_go_in_reverse_order_after_all_is_applied(ground: Ground) -> None:
    ground.deliver([ground.config(), ground.deployment(), ground.service()])
    progress = ground.deliver([ground.config("new")], before=ground.inventory)
    assert [f"{change.ref.kind} {change.action.value}" for change in progress.changes] == [
        "ConfigMap created",
        "Deployment deleted",
        "Service deleted",
        "ConfigMap deleted",
    ]


@pytest.mark.parametrize("mark", [{"prune": "Disabled"}, {"reconcile": "disabled"}, {"ssa": "ignore"}])
@pytest.mark.parametrize("place", ["labels", "annotations"])
def test_what_is_protected_stays_and_leaves_the_inventory(ground: Ground, mark: dict[str, str], place: str) -> None:
    ground.deliver([ground.config()])
    marks = {f"{CONTROL}/{key}": value for key, value in mark.items()}
    ground.patch(CONFIGS, "one", {"metadata": {place: marks}})
    progress = ground.deliver([], before=ground.inventory)
    assert [change.action for change in progress.changes] == [Action.SKIPPED]
    assert ground.get(CONFIGS, "one") is not None
    assert list(ground.inventory) == []


@pytest.mark.parametrize("labels", [None, {f"{CONTROL}/name": "other"}, {f"{CONTROL}/namespace": None}])
def test_what_does_not_carry_our_labels_is_never_deleted(ground: Ground, labels: dict[str, str | None] | None) -> None:
    ground.deliver([ground.config()])
    ground.patch(CONFIGS, "one", {"metadata": {"labels": labels}})
    progress = ground.deliver([], before=ground.inventory)
    assert [change.action for change in progress.changes] == [Action.SKIPPED]
    assert ground.get(CONFIGS, "one") is not None


def test_what_is_gone_already_is_no_member_any_more(ground: Ground) -> None:
    ground.deliver([ground.config()])
    ground.delete(CONFIGS, "one")
    progress = ground.deliver([], before=ground.inventory)
    assert progress.is_done
    assert list(ground.inventory) == []


def test_an_object_moves_when_the_new_owner_is_first(ground: Ground) -> None:
    ground.deliver([ground.config()], owner="a")
    old = ground.inventory
    ground.deliver([ground.config()], owner="b")
    moved = ground.get(CONFIGS, "one")
    progress = ground.deliver([], owner="a", before=old)
    assert [change.action for change in progress.changes] == [Action.SKIPPED]
    assert ground.get(CONFIGS, "one") == moved


def test_an_object_moves_when_the_old_owner_is_first(ground: Ground) -> None:
    ground.watch(("", "ConfigMap"), owner="b")
    ground.deliver([ground.config()], owner="a")
    ground.deliver([], owner="a", before=ground.inventory)
    ground.deliver([ground.config()], owner="b")
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["metadata"]["labels"][f"{CONTROL}/name"] == "b"


def test_an_object_that_is_taken_over_between_our_look_and_our_deletion_stays(ground: Ground) -> None:
    ground.deliver([ground.config()], owner="a")
    delete = ground.cluster.delete

    def late(*arguments: Any, **options: Any) -> None:
        ground.put(ground.config(labels=dict(ground.ownership("b").labels)), manager="deliverer")
        delete(*arguments, **options)

    ground.cluster.delete = late  # type: ignore[method-assign]
    progress = ground.deliver([], owner="a", before=ground.inventory)
    assert [change.action for change in progress.changes] == [Action.SKIPPED]
    assert ground.get(CONFIGS, "one") is not None


def test_an_object_that_the_watch_has_not_told_of_yet_is_deleted_all_the_same(ground: Ground) -> None:
    ground.watch(("", "ConfigMap"))
    ground.deliver([ground.config()])
    ground.observer.get = lambda _: None  # type: ignore[method-assign]
    ground.deliver([], before=ground.inventory)
    assert ground.get(CONFIGS, "one") is None


def test_a_refused_deletion_leaves_a_member_and_the_others_go(ground: Ground) -> None:
    deletions = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    held = f"oldObject.metadata.namespace != '{ground.namespace}' || oldObject.metadata.name != 'two'"
    rule = {
        "matchConstraints": {"resourceRules": [deletions]},
        "validations": [{"expression": held, "message": "it is held"}],
    }
    name = f"hold-{ground.namespace}"
    ground.plane.api.text("POST", POLICIES.path(), {"metadata": {"name": name}, "spec": rule})
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    ground.plane.api.text("POST", BINDINGS.path(), binding)
    ground.deliver([ground.config(), ground.config("two")])
    before = ground.inventory
    while ground.get(CONFIGS, "two"):  # the policy holds a moment later
        progress = ground.deliver([ground.config("three")], before=before)
        if progress.failed:
            break
        ground.deliver([ground.config(), ground.config("two")])
    assert isinstance(progress.failed, PruneFailed)
    assert str(progress.failed).startswith(f"delete failed, errors: ConfigMap/{ground.namespace}/two delete failed: ")
    assert str(progress.failed).endswith(";")
    assert [member.ref.name for member in ground.inventory] == ["three", "two"]
    assert ground.get(CONFIGS, "one") is None
    ground.plane.api.text("DELETE", BINDINGS.path(name=name))


def test_a_member_under_a_namespace_that_its_kind_has_not_is_not_stale(ground: Ground) -> None:
    name = f"{ground.namespace}-role"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [],
    }
    ground.deliver([role])
    ref = ObjectRef("rbac.authorization.k8s.io", "ClusterRole", ground.namespace, name)
    progress = ground.deliver([role], before=Inventory([Member(ref, "v1")]))
    assert [change.action for change in progress.changes] == [Action.UNCHANGED, Action.SKIPPED]
    assert [member.ref for member in ground.inventory] == [ref._replace(namespace="")]


def test_members_of_a_kind_that_is_gone_are_gone(ground: Ground) -> None:
    member = Member(ObjectRef("nowhere.example.org", "Widget", ground.namespace, "x"), "v1")
    progress = ground.deliver([], before=Inventory([member]))
    assert progress.is_done
    assert list(ground.inventory) == []


def test_members_of_a_kind_whose_own_server_is_away_stay_members(ground: Ground) -> None:
    group = f"{ground.namespace}.example.org"
    spec = {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": "nobody", "namespace": ground.namespace},
    }
    services = "/apis/apiregistration.k8s.io/v1/apiservices"
    ground.plane.api.text("POST", services, {"metadata": {"name": f"v1.{group}"}, "spec": spec})
    wait_until(lambda: _status(ground, f"/apis/{group}/v1") == 503, "the group is known")
    member = Member(ObjectRef(group, "Widget", ground.namespace, "x"), "v1")
    progress = ground.deliver([], before=Inventory([member]))
    ground.plane.api.text("DELETE", f"{services}/v1.{group}")
    assert isinstance(progress.failed, PruneFailed)
    assert list(ground.inventory) == [member]


def _status(ground: Ground, path: str) -> int:
    try:
        ground.plane.api.text("GET", path)
    except Refused as error:
        return error.status
    return 200


def test_dependents_are_left_to_the_garbage_collector(ground: Ground) -> None:
    ground.deliver([ground.deployment()])
    ground.deliver([], before=ground.inventory)
    assert ground.get(DEPLOYMENTS, "web") is None
