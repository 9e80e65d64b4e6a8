"""Which of Flux's controllers are taken over, what stands in the way, and the steps: as data."""

from typing import Any

import pytest

from controller.adopt.flux.installation import Installation, Original
from controller.adopt.flux.plan import Plan, adoption, way_back
from controller.adopt.flux.roles import ROLES, controller_of
from controller.adopt.flux.survey import Survey, judged
from controller.adopt.installation import Controller, settings_of
from controller.adopt.steps import REPLICAS, SELECTOR, Patience
from engine.errors import KsealError
from tests.kit.fluxinstallation import HOME, REPLACEABLE, deployment, foreign, ours, services

PATIENCE = Patience("flux")
PARTS = frozenset({"source", "kustomize", "notification"})
EVENTS = "--events-addr=http://notification-controller.flux-system.svc.cluster.local./"


def _found(
    *flags: str, replicas: int = 0, flux: dict[str, Any] | None = None, more: tuple[str, ...] = (), **changes: Any
) -> Installation:
    originals = [Controller(deployment(name, **(flux or {}))) for name in (*REPLACEABLE, *more)]
    own = Controller(ours(HOME, *flags, replicas=replicas))
    found = Installation(HOME, tuple(Original(one.name, one) for one in originals), own, (), tuple(services()))
    return found._replace(**changes)


def _seen(*objects: dict[str, Any]) -> Survey:
    kinds = {raw["kind"] for raw in objects}
    by_kind = {kind: tuple(raw for raw in objects if raw["kind"] == kind) for kind in kinds}
    return Survey(by_kind, judged(by_kind, external_artifacts=False))


def _plan(found: Installation, *objects: dict[str, Any]) -> Plan:
    settings = settings_of(found.ours, HOME).flux if found.ours is not None else None
    return adoption(found, _seen(*objects), settings, PATIENCE)


def _said(plan: Plan) -> list[str]:
    return [f"{step.ref.rpartition('/')[2]}: {step.change}" for step in plan.steps]


def _replaced(plan: Plan) -> list[str]:
    return [one.original.controller for one in plan.verdicts if one.is_replaced]


def _git(**spec: Any) -> dict[str, Any]:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    metadata = {"name": "web", "namespace": "shop"}
    return {
        "kind": "GitRepository",
        "metadata": metadata,
        "spec": {"interval": "1m", "url": "https://git.example/web", **spec},
        "status": ready,
    }


def _holder(*ids: str, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Kustomization",
        "metadata": {"name": "flux-system", "namespace": HOME, "generation": 3},
        "spec": {"interval": "1m", "path": "./clusters/prod", "sourceRef": {"kind": "GitRepository"}, **spec},
        "status": {
            "inventory": {"entries": [{"id": found, "v": "v1"} for found in ids]},
            "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 3}],
        },
    }


SELF = _holder("flux-system_kustomize-controller_apps_Deployment")


@pytest.mark.parametrize(
    ("raw", "controller"),
    [
        (deployment("source-controller"), "source-controller"),
        (deployment("helm-controller"), "helm-controller"),
        ({**deployment("web"), "metadata": {"name": "web", "namespace": HOME}}, None),
        (ours(), None),
        (ours(name="kustomize-controller"), None),
    ],
)
def test_a_deployment_is_known_by_its_name_unless_kseal_runs_in_it(raw: dict[str, Any], controller: str | None) -> None:
    raw["spec"]["template"]["spec"]["containers"][0].setdefault("image", "web")
    if controller is None:
        raw["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/other:1"
    assert controller_of(Controller(raw)) == controller


def test_a_shard_is_known_by_its_labels_or_its_image() -> None:
    shard = deployment("source-controller")
    shard["metadata"]["name"] = "source-controller-shard1"
    assert controller_of(Controller(shard)) == "source-controller"
    del shard["metadata"]["labels"]
    assert controller_of(Controller(shard)) == "source-controller"


def test_leases_of_shards_are_those_of_the_controller() -> None:
    source = next(role for role in ROLES if role.part == "source")
    assert source.has_lease("source-controller-leader-election")
    assert source.has_lease("source-controller-leader-election-1a2b3c4d")
    assert not source.has_lease("kustomize-controller-leader-election")


def test_all_that_kseal_can_be_is_replaced_the_writer_first() -> None:
    plan = _plan(_found(more=("helm-controller", "image-automation-controller")))
    assert _replaced(plan) == [*REPLACEABLE]
    assert _said(plan) == [
        "kustomize-controller: replicas 1 -> 0",
        "notification-controller: replicas 1 -> 0",
        "source-controller: replicas 1 -> 0",
        "kseal-deliveries: replicas 0 -> 1",
        "source-controller: leads to Deployment/flux-system/kseal-deliveries",
        "webhook-receiver: leads to Deployment/flux-system/kseal-deliveries",
    ]
    assert (plan.components, plan.obstacles, plan.lost, plan.patch) == ("--components=flux", (), (), "")


@pytest.mark.parametrize(
    ("raw", "stays", "flags"),
    [
        (foreign("HelmRepository", "shop", "a"), "source-controller", "--components=flux-kustomize,flux-notification"),
        (_git(recurseSubmodules=True), "source-controller", "--components=flux-kustomize,flux-notification"),
        (
            foreign("Alert", "shop", "a"),
            "notification-controller",
            f"--components=flux-source,flux-kustomize {EVENTS}",
        ),
    ],
)
def test_who_is_needed_stays_and_kseal_is_told_what_to_be(raw: dict[str, Any], stays: str, flags: str) -> None:
    plan = _plan(_found(), raw)
    assert stays not in _replaced(plan)
    assert plan.components == flags
    assert f"it is set to be {stays} too, which has to stay" in plan.obstacles[0].cause
    assert plan.obstacles[0].cure == f"set {flags}"
    assert not _plan(_found(*flags.split()), raw).obstacles


def test_what_kseal_is_not_set_to_be_stays() -> None:
    plan = _plan(_found("--components=flux-kustomize"))
    assert _replaced(plan) == ["kustomize-controller"]
    assert _said(plan) == ["kustomize-controller: replicas 1 -> 0", "kseal-deliveries: replicas 0 -> 1"]
    assert "flux-source is missing in its --components" in plan.verdicts[2].why


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (("--components=sealed",), "it is set to be nothing that can be replaced here"),
        (("--runtime-namespace=elsewhere",), "it takes its Leases in namespace elsewhere, Flux in flux-system"),
        (("--watch-label-selector=a=b",), "it works on resources of a=b only"),
    ],
)
def test_a_kseal_that_is_set_otherwise_is_in_the_way(flags: tuple[str, ...], cause: str) -> None:
    assert cause in [one.cause for one in _plan(_found(*flags)).obstacles]


@pytest.mark.parametrize(
    ("flag", "cause"),
    [
        ("--watch-all-namespaces=false", "it works on its own namespace only"),
        ("--no-remote-bases", "it refuses remote bases"),
        ("--no-cross-namespace-refs=true", "it refuses references to other namespaces"),
        ("--default-service-account=a", "it acts as ServiceAccount a by default"),
    ],
)
def test_a_restriction_that_would_be_lost_is_in_the_way(flag: str, cause: str) -> None:
    obstacles = _plan(_found(flux={"flags": [flag]})).obstacles
    assert len(obstacles) == len(REPLACEABLE)
    assert cause in obstacles[0].cause


def test_lockdown_restricts_as_much() -> None:
    flags = ["--no-remote-bases", "--no-cross-namespace-refs", "--default-service-account=default"]
    assert not _plan(_found("--lockdown", flux={"flags": flags})).obstacles


def test_a_service_leads_to_no_other_namespace() -> None:
    plan = _plan(
        _found("--runtime-namespace=flux-system", ours=Controller(ours("kseal", "--runtime-namespace=flux-system")))
    )
    assert not plan.obstacles
    assert {one.why for one in plan.lost} == {"Deployment/kseal/kseal-deliveries is in another namespace"}


def test_a_kustomization_that_holds_flux_is_in_the_way() -> None:
    plan = _plan(_found(), SELF)
    assert [one.ref for one in plan.obstacles] == ["Deployment/flux-system/kustomize-controller"]
    assert "Kustomization/flux-system/flux-system would bring it back" in plan.obstacles[0].cause
    assert "./clusters/prod/flux-system/kustomization.yaml" in plan.obstacles[0].cure
    assert "value: 0" in plan.patch


@pytest.mark.parametrize("spec", [{"suspend": True}, {"kubeConfig": {"secretRef": {"name": "other"}}}], ids=str)
def test_one_that_nobody_applies_here_is_not(spec: dict[str, Any]) -> None:
    raw = {**SELF, "spec": {**SELF["spec"], **spec}}
    assert not _plan(_found(), raw).obstacles


def test_one_that_leaves_the_deployments_alone_is_not() -> None:
    annotations = {"kustomize.toolkit.fluxcd.io/reconcile": "Disabled"}
    assert not _plan(_found(flux={"annotations": annotations}), SELF).obstacles


@pytest.mark.parametrize(("manager", "is_in_the_way"), [("kustomize-controller", False), ("kubectl", True)])
def test_whose_0_it_is_decides(manager: str, is_in_the_way: bool) -> None:
    fields = {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    found = _found(flux={"replicas": 0, "managedFields": [fields]})
    assert bool(_plan(found, SELF).obstacles) is is_in_the_way


def test_both_at_work_are_in_the_way() -> None:
    (obstacle,) = _plan(_found(replicas=1)).obstacles
    assert "both are scaled up" in obstacle.cause


@pytest.mark.parametrize(("value", "count"), [("enabled", 1), ("Disabled", 0)])
def test_an_operator_that_keeps_flux_up_is_in_the_way(value: str, count: int) -> None:
    annotations = {"fluxcd.controlplane.io/reconcile": value}
    raw = {"kind": "FluxInstance", "metadata": {"name": "flux", "namespace": HOME, "annotations": annotations}}
    plan = _plan(_found(), raw)
    assert [one.ref for one in plan.obstacles] == ["FluxInstance/flux-system/flux"] * count
    assert plan.patch == ""


def test_the_way_back_is_the_other_order() -> None:
    found = _found(replicas=1, flux={"replicas": 0, "annotations": {REPLICAS: "2"}})
    led = services()[2]
    led["metadata"]["annotations"] = {SELECTOR: '{"app": "notification-controller"}'}
    plan = way_back(found._replace(services=(led,)), [], PARTS, PATIENCE)
    assert _said(plan) == [
        "kseal-deliveries: replicas 1 -> 0",
        "source-controller: replicas 0 -> 2",
        "notification-controller: replicas 0 -> 2",
        "kustomize-controller: replicas 0 -> 2",
        "webhook-receiver: leads to the original again",
    ]


def test_where_git_has_flux_at_0_there_is_no_way_back_yet() -> None:
    found = _found(replicas=1, flux={"replicas": 0, "annotations": {REPLICAS: "1"}})
    (obstacle,) = way_back(found, [SELF], PARTS, PATIENCE).obstacles
    assert "would scale it down again" in obstacle.cause


@pytest.mark.parametrize("replicas", [0, 1])
def test_without_a_takeover_there_is_no_way_back(replicas: int) -> None:
    with pytest.raises(KsealError, match="there is no takeover to undo"):
        way_back(_found(flux={"replicas": replicas}), [], PARTS, PATIENCE)


@pytest.mark.parametrize(("parts", "is_undone"), [(PARTS, True), (frozenset({"notification"}), False)])
def test_the_way_back_from_both_at_work_is_the_end_of_kseal(parts: frozenset[str], is_undone: bool) -> None:
    found = _found(replicas=1)
    found = found._replace(originals=found.originals[:1])
    if is_undone:
        assert _said(way_back(found, [], parts, PATIENCE)) == ["kseal-deliveries: replicas 1 -> 0"]
    else:
        with pytest.raises(KsealError, match="there is no takeover to undo"):
            way_back(found, [], parts, PATIENCE)
