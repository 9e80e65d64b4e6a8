"""Fields that name another object follow it when a build gives it another name or namespace.

Which fields these are is a table; which object is meant is decided by former names, kinds, namespaces and, between
several, by the prefixes and suffixes that both got. Where kustomize would find more than one, we raise Unusual.
Source: kubernetes-sigs/kustomize api/filters/nameref/nameref.go, api/internal/accumulator/namereferencetransformer.go,
api/resmap/reswrangler.go (SubsetThatCouldBeReferencedByResource), api/internal/konfig/builtinpluginconsts (5.8.1).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from engine.render.base import Unusual
from engine.render.fieldspec import FieldSpec, visit
from engine.render.resources import Resource


class _Target(NamedTuple):
    """What a field may refer to; empty means any."""

    kind: str
    group: str = ""
    version: str = ""


_TEMPLATE: Final = "spec/template/spec/"
_JOBS: Final = "spec/jobTemplate/spec/template/spec/"
_TEMPLATED: Final = dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"), _TEMPLATE)
_PODS: Final = {"Pod": "spec/", "PodTemplate": "template/spec/", **_TEMPLATED, "CronJob": _JOBS}
_PLAIN_PODS: Final = {
    "Pod": "spec/",
    **dict.fromkeys(("StatefulSet", "Deployment", "ReplicationController", "Job", "DaemonSet"), _TEMPLATE),
    "CronJob": _JOBS,
}
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"


def _in_pods(target: _Target, *fields: str, pods: dict[str, str], pod_version: str = "") -> Iterator[Any]:
    for kind, start in pods.items():
        for field in fields:
            yield target, kind, "", pod_version if kind == "Pod" else "", start + field


def _table() -> Iterator[tuple[_Target, str, str, str, str]]:
    """Target; kind, group and version of the one that refers; path."""
    for kind in ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"):
        yield _Target(kind), "HorizontalPodAutoscaler", "", "", "spec/scaleTargetRef/name"
    config, secret = _Target("ConfigMap", version="v1"), _Target("Secret", version="v1")
    yield from _in_pods(
        config,
        "volumes/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
        "volumes/projected/sources/configMap/name",
        pods=_PODS,
        pod_version="v1",
    )
    yield config, "Node", "", "", "spec/configSource/configMap"
    yield config, "Ingress", "", "", r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap"
    yield from _in_pods(
        secret,
        "volumes/secret/secretName",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
        "volumes/projected/sources/secret/name",
        pods=_PODS,
        pod_version="v1",
    )
    yield secret, "Ingress", "", "", "spec/tls/secretName"
    for name in ("ingress.kubernetes.io\\/auth-secret", "nginx.ingress.kubernetes.io\\/auth-secret"):
        yield secret, "Ingress", "", "", f"metadata/annotations/{name}"
    yield secret, "Ingress", "", "", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"
    yield secret, "ServiceAccount", "", "", "imagePullSecrets/name"
    for name in ("secretName", "adminSecretName", "userSecretName", "secretRef"):
        yield secret, "StorageClass", "", "", f"parameters/{name}"
    yield secret, "Service", "serving.knative.dev", "v1", _TEMPLATE + "containers/env/valueFrom/secretKeyRef/name"
    yield secret, "PersistentVolume", "", "", "spec/azureFile/secretName"
    for target in (config, secret):
        for kind in ("Role", "ClusterRole"):
            yield target, kind, "", "", "rules/resourceNames"
    service = _Target("Service", version="v1")
    yield service, "StatefulSet", "apps", "", "spec/serviceName"
    yield service, "Ingress", "", "", "spec/rules/http/paths/backend/serviceName"
    yield service, "Ingress", "", "", "spec/backend/serviceName"
    yield service, "Ingress", "", "", "spec/rules/http/paths/backend/service/name"
    yield service, "Ingress", "", "", "spec/defaultBackend/service/name"
    yield service, "APIService", "apiregistration.k8s.io", "", "spec/service/name"
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        yield service, kind, _ADMISSION, "", "webhooks/clientConfig/service"
    yield _Target("Role", _RBAC), "RoleBinding", _RBAC, "", "roleRef/name"
    account = _Target("ServiceAccount", version="v1")
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        yield _Target("ClusterRole", _RBAC), kind, _RBAC, "", "roleRef/name"
        yield account, kind, _RBAC, "", "subjects"
    yield from _in_pods(account, "serviceAccountName", pods=_PLAIN_PODS)
    claim = _Target("PersistentVolumeClaim", version="v1")
    yield from _in_pods(claim, "volumes/persistentVolumeClaim/claimName", pods=_PLAIN_PODS)
    volume = _Target("PersistentVolume", version="v1")
    yield volume, "PersistentVolumeClaim", "", "", "spec/volumeName"
    yield volume, "ClusterRole", "", "", "rules/resourceNames"
    storage = _Target("StorageClass", "storage.k8s.io", "v1")
    for kind in ("PersistentVolume", "PersistentVolumeClaim"):
        yield storage, kind, "", "", "spec/storageClassName"
    yield storage, "StatefulSet", "", "", "spec/volumeClaimTemplates/spec/storageClassName"
    yield from _in_pods(_Target("PriorityClass", "scheduling.k8s.io", "v1"), "priorityClassName", pods=_PLAIN_PODS)
    # The group is wrong there, and so nothing ever matches; kept as it is.
    yield _Target("IngressClass", "networking.k8s.io/v1", "v1"), "Ingress", "", "", "spec/ingressClassName"
    yield (
        _Target("ValidatingAdmissionPolicy", _ADMISSION),
        "ValidatingAdmissionPolicyBinding",
        _ADMISSION,
        "",
        ("spec/policyName"),
    )


# Kinds with a place of their own in kustomize's order, in which targets are tried one after the other.
_FIRST: Final = (
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_MAPPED: Final = frozenset(
    ("RoleBinding", "ClusterRoleBinding", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Node")
)
"""Kinds whose references carry a namespace, and so change even where no name does."""


def _split(path: str) -> tuple[str, ...]:
    return tuple(part.replace("\0", "/") for part in path.replace("\\/", "\0").split("/"))


def _order(target: _Target) -> tuple[int, str]:
    place = _FIRST.index(target.kind) - len(_FIRST) if target.kind in _FIRST else 0
    return place, f"{target.group or '~G'}_{target.version or '~V'}_{target.kind}"


def _by_referrer() -> dict[str, list[tuple[_Target, FieldSpec]]]:
    result: dict[str, list[tuple[_Target, FieldSpec]]] = {}
    for target, kind, group, version, path in sorted(_table(), key=lambda entry: _order(entry[0])):
        result.setdefault(kind, []).append((target, FieldSpec(_split(path), kind, group, version)))
    return result


_TABLE: Final = _by_referrer()


def fix_references(resources: Sequence[Resource]) -> None:
    """Let every reference follow what it refers to. Raises: Unusual."""
    moved = [resource for resource in resources if resource.previous]
    if not moved:
        return
    have_names_changed = any(name != resource.name for resource in moved for _, name, _ in resource.previous)
    by_name: dict[str, list[Resource]] = {}
    for resource in moved:
        for name in {name for _, name, _ in resource.previous}:
            by_name.setdefault(name, []).append(resource)
    for resource in resources:
        if have_names_changed or resource.kind in _MAPPED:
            entries = _TABLE.get(resource.kind)
            if entries:
                _Referrer(resource, by_name).fix(entries)


class _Referrer:
    """One object that may refer to others."""

    def __init__(self, resource: Resource, by_name: dict[str, list[Resource]]) -> None:
        self.resource = resource
        self.by_name = by_name
        self.namespaces = _namespaces_of(resource)

    def fix(self, entries: Sequence[tuple[_Target, FieldSpec]]) -> None:
        for target, spec in entries:
            self.target = target
            self.is_role = spec.path[-2:] == ("roleRef", "name")
            visit(self.resource, spec, self.set)

    def set(self, parent: Any, key: Any) -> None:
        value = parent[key]
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, list):
                    raise Unusual("a list in a list of references")
                if item is not None:
                    self.set(value, index)
        elif isinstance(value, dict):
            self.set_mapping(value)
        elif isinstance(value, str):
            found = self.find(self.by_name.get(value, ()))
            if found is not None:
                parent[key] = found.name
        elif value is not None:
            raise Unusual("a reference that is no string")

    def set_mapping(self, value: dict[str, Any]) -> None:
        name = value.get("name")
        if not isinstance(name, str):
            raise Unusual("a reference without a name")
        candidates: Sequence[Resource] = self.by_name.get(name, ())
        if "namespace" in value:
            namespace = value["namespace"]
            if not isinstance(namespace, str):
                raise Unusual("a namespace that is no string")
            candidates = self.in_namespace(candidates, namespace)
        found = self.find(candidates, with_namespace=True)
        if found is None or (found.name == name and not found.namespace):
            return
        value["name"] = found.name
        if found.namespace:
            value["namespace"] = found.namespace

    def in_namespace(self, candidates: Sequence[Resource], namespace: str) -> Sequence[Resource]:
        """By former namespaces where any object at all was in this one, else by present ones."""
        everyone = {id(one): one for many in self.by_name.values() for one in many}.values()
        if any(one.original_namespace == namespace for one in everyone if self.may_refer_to(one)):
            return [one for one in candidates if one.original_namespace == namespace]
        return [one for one in candidates if not one.is_cluster_scoped and one.effective_namespace == namespace]

    def may_refer_to(self, other: Resource) -> bool:
        mine = self.resource
        if mine.is_cluster_scoped or other.is_cluster_scoped:
            return True
        return other.effective_namespace == mine.effective_namespace or other.namespace in self.namespaces

    def find(self, candidates: Sequence[Resource], *, with_namespace: bool = False) -> Resource | None:
        """The one of the candidates that is meant. Raises: Unusual when several could be."""
        mine = self.resource
        found = [
            one
            for one in candidates
            if self.may_refer_to(one)
            and any(_selects(self.target, one, kind) for _, _, kind in one.previous)
            and (not self.is_role or self.is_role_of(one))
            and (
                mine.is_cluster_scoped
                or one.is_cluster_scoped
                or one.kind == "ServiceAccount"
                or one.effective_namespace == mine.effective_namespace
            )
        ]
        if len(found) > 1:
            found = [one for one in found if _agree(one, mine, allow_empty=True)]
            if len(found) > 1:
                found = [one for one in found if _agree(one, mine, allow_empty=False)]
        if len(found) > 1 and len({(one.name, one.namespace if with_namespace else "") for one in found}) > 1:
            raise Unusual("a reference that could mean several objects")
        return found[0] if found else None

    def is_role_of(self, other: Resource) -> bool:
        role = self.resource.obj.get("roleRef")
        if (
            not isinstance(role, dict)
            or not isinstance(role.get("apiGroup"), str)
            or not isinstance(role.get("kind"), str)
        ):
            raise Unusual("a roleRef without group or kind")
        return other.is_one_of(role["apiGroup"], "", role["kind"])


def _selects(target: _Target, other: Resource, kind: str) -> bool:
    return other.is_one_of(target.group, target.version, target.kind, kind)


def _namespaces_of(resource: Resource) -> frozenset[str]:
    """Other namespaces that a RoleBinding reaches into, by the accounts that it names."""
    subjects = resource.obj.get("subjects")
    if resource.kind != "RoleBinding" or not isinstance(subjects, list):
        return frozenset()
    if not all(isinstance(subject, dict) for subject in subjects):
        raise Unusual("a subject that is no mapping")
    found = [one["namespace"] for one in subjects if "namespace" in one and one.get("kind") == "ServiceAccount"]
    if not all(isinstance(one, str) for one in found):
        raise Unusual("a namespace that is no string")
    return frozenset(found)


def _agree(one: Resource, other: Resource, *, allow_empty: bool) -> bool:
    return _end_alike(one.prefixes, other.prefixes, allow_empty) and _end_alike(
        one.suffixes, other.suffixes, allow_empty
    )


def _end_alike(one: list[str], other: list[str], allow_empty: bool) -> bool:
    short, long = sorted((one, other), key=len)
    if not short:
        return allow_empty or not long
    return long[-len(short) :] == short
