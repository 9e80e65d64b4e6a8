"""plan_by_kind: what to apply and delete, in which order, with which waits. Data in, data out.

Source of stages and order: fluxcd/pkg ssa/{sort,manager_apply}.go.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from engine.desired import ref_of, version_of
from engine.inventory import Inventory, Member
from engine.kube.refs import ObjectRef

Object = dict[str, Any]

STAGE_SECONDS = 60.0
"""How long a stage waits for what it made. Source: fluxcd/pkg ssa/manager_apply.go, DefaultApplyOptions."""

# Source: fluxcd/pkg ssa/sort.go, ReconcileOrder. By kind alone, whatever its group.
_FIRST = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
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
)
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANKS: Mapping[str, int] = {
    **{kind: number - len(_FIRST) for number, kind in enumerate(_FIRST)},
    **{kind: number for number, kind in enumerate(_LAST, 1)},
}


class Gate(NamedTuple):
    """What ends a wave: all `refs` are as `kind` says, within `seconds`."""

    refs: tuple[ObjectRef, ...]
    kind: Literal["none", "exists", "established", "healthy", "gone", "served"]
    """`established` is as `healthy`, for what later waves stand on. `served` comes from the executor only: a kind whose
    definition has just been made."""
    seconds: float
    is_whole: bool = False
    """The refs are all that the plan applies: objects that are skipped do not count."""
    may_vanish: frozenset[ObjectRef] = frozenset()
    """Jobs that are removed after their end: being gone is as good as being done."""


class Apply(NamedTuple):
    """An object to be as it is here."""

    object: Object


class Prune(NamedTuple):
    """An object to be gone."""

    member: Member


Task = Apply | Prune


class Wave(NamedTuple):
    """What is done together, and what must hold before the next wave."""

    tasks: tuple[Task, ...]
    gate: Gate | None = None


class Plan(NamedTuple):
    """Waves in their order."""

    waves: tuple[Wave, ...]

    def applied(self) -> tuple[Object, ...]:
        """All objects to apply, in order."""
        return tuple(task.object for wave in self.waves for task in wave.tasks if isinstance(task, Apply))

    def without_objects(self) -> "Plan":
        """The same without what it applied, which may hold Secrets: enough for whoever only waits for the end."""
        return Plan(
            tuple(
                wave._replace(tasks=tuple(task for task in wave.tasks if isinstance(task, Prune)))
                for wave in self.waves
            )
        )

    def members(self) -> Inventory:
        """What will be members when all is applied, as the manifests have it."""
        return Inventory(Member(ref_of(obj), version_of(obj)) for obj in self.applied())


def plan_by_kind(
    objects: Iterable[Object],
    *,
    stale: Inventory | None = None,
    custom_stages: frozenset[str] = frozenset(),
    wait: Gate | None = None,
) -> Plan:
    """Definitions first, then classes, then the kinds of `custom_stages`, then the rest; each in Flux's order.

    Definitions (CustomResourceDefinitions, Namespaces, ClusterRoles) and classes are waited for. What is stale is
    deleted after all is applied, in reverse order. `wait` ends the plan, as a wave of its own; without refs it means
    all applied objects.
    `custom_stages` has entries as `GROUP/KIND`, or `KIND` for the core group.
    """
    stages: tuple[list[Object], ...] = ([], [], [], [])
    for obj in objects:
        stages[_stage(obj, custom_stages)].append(obj)
    waves = [
        _applying(sorted(stage, key=_order), is_awaited=number < 2) for number, stage in enumerate(stages) if stage
    ]
    if stale:
        members = sorted(stale, key=lambda member: order_of(member.ref), reverse=True)
        waves.append(Wave(tuple(Prune(member) for member in members)))
    if wait is not None:
        gate = _filled(wait, [obj for stage in stages for obj in stage])
        waves.append(Wave((), gate))
    return Plan(tuple(waves))


def order_of(ref: ObjectRef) -> tuple[int, str, str, str, str]:
    """The place of an object among others: sort by it to apply, in reverse to delete."""
    return _RANKS.get(ref.kind, 0), ref.group, ref.kind, ref.namespace, ref.name


def _order(obj: Object) -> tuple[int, str, str, str, str]:
    return order_of(ref_of(obj))


def _stage(obj: Object, custom_stages: Collection[str]) -> int:
    group, _, version = obj["apiVersion"].rpartition("/")
    kind = obj["kind"]
    match kind.lower():
        case "customresourcedefinition" if group == "apiextensions.k8s.io":
            return 0
        case "namespace" if (group, version) == ("", "v1"):
            return 0
        case "clusterrole" if group == "rbac.authorization.k8s.io":
            return 0
    if kind.endswith("Class"):
        return 1
    return 2 if (f"{group}/{kind}" if group else kind) in custom_stages else 3


def _applying(objects: list[Object], *, is_awaited: bool) -> Wave:
    gate = Gate(tuple(map(ref_of, objects)), "established", STAGE_SECONDS, is_whole=True) if is_awaited else None
    return Wave(tuple(map(Apply, objects)), gate)


def _filled(gate: Gate, objects: list[Object]) -> Gate:
    """A gate without refs means all objects. A Job with a time to live may be gone before it is seen as done."""
    vanishing = frozenset(ref_of(obj) for obj in objects if _is_job_with_an_end(obj))
    if not gate.refs:
        gate = gate._replace(refs=tuple(map(ref_of, sorted(objects, key=_order))), is_whole=True)
    return gate._replace(may_vanish=gate.may_vanish | vanishing)


def _is_job_with_an_end(obj: Object) -> bool:
    spec = obj.get("spec")
    is_job = obj["kind"] == "Job" and obj["apiVersion"].startswith("batch/")
    return is_job and isinstance(spec, Mapping) and spec.get("ttlSecondsAfterFinished") is not None
