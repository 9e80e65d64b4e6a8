"""The namespace and the names that a kustomization gives to all of its objects.

Source: kubernetes-sigs/kustomize api/internal/builtins, api/filters, api/internal/konfig/builtinpluginconsts (5.8.1).
"""

from collections.abc import Sequence
from typing import Any, Final

from engine.kube.yaml_strings import is_string
from engine.render.base import BuildError, Unusual
from engine.render.fieldspec import FieldSpec, visit
from engine.render.resources import Resource

_ROLE_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
_SERVICE_NAMESPACE: Final = FieldSpec(
    ("spec", "service", "namespace"), "APIService", "apiregistration.k8s.io", create=True
)
_CONVERSION_NAMESPACE: Final = FieldSpec(
    ("spec", "conversion", "webhook", "clientConfig", "service", "namespace"),
    "CustomResourceDefinition",
    "apiextensions.k8s.io",
)


def set_namespace(resources: Sequence[Resource], namespace: str) -> None:
    """Put every object that has a namespace into one. Raises: BuildError when two become the same, Unusual."""

    def put(parent: dict[str, Any], name: str) -> None:
        if isinstance(parent[name], dict | list):
            raise Unusual("a namespace that is no string")
        parent[name] = namespace

    count: dict[Any, int] = {}
    for resource in resources:
        count[resource.identity] = count.get(resource.identity, 0) + 1
    for resource in resources:
        count[resource.identity] -= 1
        resource.remember()
        if not resource.is_cluster_scoped:
            resource.obj["metadata"]["namespace"] = namespace
        if resource.kind in _ROLE_BINDINGS:
            _set_default_subjects(resource, namespace)
        if resource.kind == "Namespace" and resource.api_version == "v1":
            resource.name = namespace
        elif resource.kind == "APIService":
            visit(resource, _SERVICE_NAMESPACE, put, str)
        elif resource.kind == "CustomResourceDefinition":
            visit(resource, _CONVERSION_NAMESPACE, put)
        count[resource.identity] = count.get(resource.identity, 0) + 1
        if count[resource.identity] > 1:
            raise BuildError(
                f'{resource.origin}: {resource}: there twice once all is in namespace "{namespace}"',
                "give one of them another name, or leave one out",
            )


def _set_default_subjects(resource: Resource, namespace: str) -> None:
    subjects = resource.obj.get("subjects")
    if subjects is None:
        return
    if not isinstance(subjects, list):
        raise Unusual("subjects that are no list")
    for subject in subjects:
        if not isinstance(subject, dict):
            raise Unusual("a subject that is no mapping")
        if subject.get("name") == "default":
            subject["namespace"] = namespace


def add_prefix(resources: Sequence[Resource], prefix: str) -> None:
    """Put a prefix before all names but those that mean something elsewhere. Raises: Unusual."""
    _rename(resources, prefix, "")


def add_suffix(resources: Sequence[Resource], suffix: str) -> None:
    """The same behind them. Raises: Unusual."""
    _rename(resources, "", suffix)


def _rename(resources: Sequence[Resource], prefix: str, suffix: str) -> None:
    if "," in prefix + suffix:
        raise Unusual("a comma in a name")
    for resource in resources:
        kind = resource.original[2]
        if kind in ("CustomResourceDefinition", "Namespace"):
            continue
        if kind == "APIService" and resource.group == "apiregistration.k8s.io":
            continue
        if prefix:
            resource.prefixes.append(prefix)
        if suffix:
            resource.suffixes.append(suffix)
        resource.remember()
        name = prefix + resource.name + suffix
        if not is_string(name) or "," in name:
            raise Unusual("a name that is a number or a list")
        resource.name = name
