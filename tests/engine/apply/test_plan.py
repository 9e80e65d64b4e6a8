"""What comes in which order, and what is waited for in between."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.inventory import Inventory, Member
from engine.kube.refs import ObjectRef
from engine.plan import Apply, Gate, Plan, Prune, order_of, plan_by_kind

Object = dict[str, Any]


def obj(kind: str, api_version: str = "v1", name: str = "x", **more: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "n"}, **more}


CRD = obj("CustomResourceDefinition", "apiextensions.k8s.io/v1")
SPACE = obj("Namespace")
ROLE = obj("ClusterRole", "rbac.authorization.k8s.io/v1")
CLASS = obj("StorageClass", "storage.k8s.io/v1")
WIDGET = obj("Widget", "example.org/v1")


def kinds(plan: Plan) -> list[list[str]]:
    return [
        [
            task.object["kind"] if isinstance(task, Apply) else f"-{task.member.ref.kind}/{task.member.ref.name}"
            for task in wave.tasks
        ]
        for wave in plan.waves
    ]


def member(kind: str, group: str = "", name: str = "x") -> Member:
    return Member(ObjectRef(group, kind, "n", name), "v1")


def test_definitions_come_first_then_classes_then_custom_stages_then_the_rest() -> None:
    plan = plan_by_kind(
        [WIDGET, obj("ConfigMap"), obj("Gadget", "example.org/v1"), CLASS, ROLE, SPACE, CRD],
        custom_stages=frozenset({"example.org/Widget"}),
    )
    assert kinds(plan) == [
        ["CustomResourceDefinition", "Namespace", "ClusterRole"],
        ["StorageClass"],
        ["Widget"],
        ["ConfigMap", "Gadget"],
    ]


def test_a_custom_stage_of_the_core_group_is_named_by_its_kind() -> None:
    plan = plan_by_kind([obj("ConfigMap"), obj("Secret")], custom_stages=frozenset({"Secret"}))
    assert kinds(plan) == [["Secret"], ["ConfigMap"]]


def test_definitions_and_classes_are_waited_for_and_nothing_else() -> None:
    plan = plan_by_kind([WIDGET, CLASS, CRD], custom_stages=frozenset({"example.org/Widget"}))
    gates = [wave.gate and (wave.gate.kind, len(wave.gate.refs), wave.gate.seconds) for wave in plan.waves]
    assert gates == [("established", 1, 60.0), ("established", 1, 60.0), None]


def test_kinds_that_only_sound_like_definitions_are_none() -> None:
    plan = plan_by_kind([obj("Namespace", "example.org/v1"), obj("ClusterRole", "example.org/v1"), obj("ConfigMap")])
    assert len(plan.waves) == 1


def test_the_order_in_a_stage_is_that_of_flux() -> None:
    every = ["Alpha", "ConfigMap", "CronJob", "Deployment", "LimitRange", "MutatingWebhookConfiguration", "Zeta"]
    every += ["PodDisruptionBudget", "ResourceQuota", "Role", "RoleBinding", "Secret", "Service", "ServiceAccount"]
    every += ["StatefulSet", "ValidatingWebhookConfiguration", "ClusterRoleBinding"]
    (wave,) = kinds(plan_by_kind([obj(kind) for kind in every]))
    assert wave == [
        "ClusterRoleBinding",
        "ResourceQuota",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Secret",
        "Service",
        "LimitRange",
        "Deployment",
        "StatefulSet",
        "CronJob",
        "PodDisruptionBudget",
        "Alpha",
        "Zeta",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ]


def test_the_rest_is_ordered_by_group_kind_namespace_and_name() -> None:
    refs = [
        ObjectRef("b", "A", "n", "x"),
        ObjectRef("a", "B", "n", "x"),
        ObjectRef("a", "A", "n", "y"),
        ObjectRef("a", "A", "n", "x"),
        ObjectRef("a", "A", "m", "z"),
    ]
    assert sorted(refs, key=order_of) == refs[::-1]


def test_stale_objects_are_deleted_last_and_in_reverse() -> None:
    stale = Inventory(
        [member("Namespace"), member("Deployment", "apps"), member("ConfigMap"), member("ConfigMap", name="y")]
    )
    plan = plan_by_kind([CRD, WIDGET], stale=stale, wait=Gate((), "healthy", 5.0))
    assert kinds(plan) == [
        ["CustomResourceDefinition"],
        ["Widget"],
        ["-Deployment/x", "-ConfigMap/y", "-ConfigMap/x", "-Namespace/x"],
        [],
    ]
    assert plan.waves[-1].gate is not None


def test_a_wait_without_refs_means_all_that_is_applied() -> None:
    plan = plan_by_kind([WIDGET, CRD], stale=Inventory([member("ConfigMap")]), wait=Gate((), "healthy", 5.0))
    gate = plan.waves[-1].gate
    assert gate is not None
    assert [ref.kind for ref in gate.refs] == ["CustomResourceDefinition", "Widget"]
    assert gate.is_whole


def test_a_wait_with_refs_means_these() -> None:
    ref = ObjectRef("apps", "Deployment", "n", "other")
    gate = plan_by_kind([WIDGET], wait=Gate((ref,), "healthy", 5.0)).waves[-1].gate
    assert gate is not None
    assert gate.refs == (ref,)
    assert not gate.is_whole


def test_a_job_that_removes_itself_may_vanish() -> None:
    jobs = [obj("Job", "batch/v1", "a", spec={"ttlSecondsAfterFinished": 0}), obj("Job", "batch/v1", "b", spec={})]
    gate = plan_by_kind(jobs, wait=Gate((), "healthy", 5.0)).waves[-1].gate
    assert gate is not None
    assert {ref.name for ref in gate.may_vanish} == {"a"}


def test_nothing_to_do_is_an_empty_plan() -> None:
    assert plan_by_kind([]) == Plan(())


@given(st.permutations([CRD, SPACE, ROLE, CLASS, WIDGET, obj("ConfigMap"), obj("Secret"), obj("Job", "batch/v1")]))
def test_the_order_of_what_comes_in_does_not_matter(objects: list[Object]) -> None:
    assert plan_by_kind(objects) == plan_by_kind(sorted(objects, key=str))


@given(
    st.lists(st.sampled_from([CRD, SPACE, ROLE, CLASS, WIDGET]), max_size=5), st.lists(st.integers(0, 9), max_size=5)
)
def test_every_object_and_every_stale_member_is_in_the_plan_once(objects: list[Object], numbers: list[int]) -> None:
    stale = Inventory(member("ConfigMap", name=str(number)) for number in numbers)
    plan = plan_by_kind(objects, stale=stale)
    tasks = [task for wave in plan.waves for task in wave.tasks]
    assert sorted(str(task.object) for task in tasks if isinstance(task, Apply)) == sorted(map(str, objects))
    assert {task.member for task in tasks if isinstance(task, Prune)} == set(stale)
    assert len(tasks) == len(objects) + len(stale)
