"""judge: the verdict on one live object by the rules of kstatus, as Flux has them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.health import conditions, network, storage, workloads
from engine.health.fields import Misshapen, Object
from engine.health.verdict import Health, Verdict

_RULES: dict[tuple[str, str], Callable[[Object], Verdict]] = {
    ("", "ConfigMap"): conditions.always_ready,
    ("", "PersistentVolumeClaim"): storage.volume_claim,
    ("", "Secret"): conditions.always_ready,
    ("", "Service"): network.service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): conditions.definition,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("batch", "CronJob"): conditions.always_ready,
    ("extensions", "DaemonSet"): workloads.daemon_set,
    ("extensions", "Deployment"): workloads.deployment,
    ("extensions", "ReplicaSet"): workloads.replica_set,
    ("policy", "PodDisruptionBudget"): workloads.disruption_budget,
}

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_METADATA_IS_ENOUGH = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Endpoints"),
        ("", "LimitRange"),
        ("", "PodTemplate"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("apps", "ControllerRevision"),
        ("batch", "CronJob"),
        ("coordination.k8s.io", "Lease"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("node.k8s.io", "RuntimeClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "StorageClass"),
        (_ADMISSION, "MutatingWebhookConfiguration"),
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"),
        (_ADMISSION, "ValidatingWebhookConfiguration"),
        (_RBAC, "ClusterRole"),
        (_RBAC, "ClusterRoleBinding"),
        (_RBAC, "Role"),
        (_RBAC, "RoleBinding"),
    }
)
"""Kinds whose status has neither an observed generation nor conditions that a rule reads, or that have no status.

A Namespace has conditions only while it is being deleted, which its metadata say first.
"""


def needs_whole(group: str, kind: str) -> bool:
    """Whether the verdict on this kind needs more than metadata. With less, the data of a Secret never come to us."""
    return (group, kind) not in _METADATA_IS_ENOUGH


def judge(obj: dict[str, Any], *, now: datetime | None = None) -> Verdict:
    """The verdict on an object as the server has it; `now` matters to Pods without a node only.

    Never raises: an object that a rule cannot read is UNKNOWN, with the field in the message.
    """
    group, _, _ = str(obj.get("apiVersion") or "").rpartition("/")
    kind = (group, conditions.kind_of(obj))
    try:
        if kind == ("batch", "Job"):  # Flux's rule for Jobs stands alone, without the generic ones
            return workloads.job(obj)
        if (verdict := conditions.generic(obj)) is not None:
            return verdict
        if kind == ("", "Pod"):
            return workloads.pod(obj, now or datetime.now(UTC))
        return _RULES.get(kind, conditions.ready)(obj)
    except Misshapen as error:
        return Verdict(Health.UNKNOWN, str(error))
