"""What a kustomization does to all of its objects: namespace, names, labels, annotations, images, replicas.

Source: kubernetes-sigs/kustomize api/internal/builtins, api/filters, api/internal/konfig/builtinpluginconsts (5.8.1).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.kube.yaml_strings import is_string
from engine.render.base import BuildError, Unusual
from engine.render.fieldspec import FieldSpec, Leaf, visit
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


def _pods(*paths: str, create: bool, kinds: dict[str, str] | None = None) -> list[FieldSpec]:
    """Places in the templates of pods, by the kinds that have one and their groups."""
    kinds = {"Deployment": "apps", "StatefulSet": "apps"} if kinds is None else kinds
    return [
        FieldSpec(tuple(path.split("/")), kind, group, create=create) for kind, group in kinds.items() for path in paths
    ]


def _spec(path: str, kind: str = "", group: str = "", version: str = "", *, create: bool = True) -> FieldSpec:
    return FieldSpec(tuple(path.split("/")), kind, group, version, create)


_OF_TEMPLATES: Final = (
    ("spec/template/metadata/", "ReplicationController", "", "v1"),
    ("spec/template/metadata/", "Deployment", "", ""),
    ("spec/template/metadata/", "ReplicaSet", "", ""),
    ("spec/template/metadata/", "DaemonSet", "", ""),
    ("spec/template/metadata/", "Job", "batch", ""),
    ("spec/jobTemplate/metadata/", "CronJob", "batch", ""),
    ("spec/jobTemplate/spec/template/metadata/", "CronJob", "batch", ""),
)
_METADATA_LABELS: Final = (_spec("metadata/labels"),)
_TEMPLATE_LABELS: Final = (
    *_METADATA_LABELS,
    *(_spec(f"{path}labels", kind, group, version) for path, kind, group, version in _OF_TEMPLATES),
    _spec("spec/template/metadata/labels", "StatefulSet", "apps"),
    _spec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", "apps"),
)
_AFFINE: Final = tuple(
    f"spec/template/spec/affinity/{kind}/{field}labelSelector/matchLabels"
    for kind in ("podAffinity", "podAntiAffinity")
    for field in (
        "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/",
        "requiredDuringSchedulingIgnoredDuringExecution/",
    )
)
_ALL_LABELS: Final = (
    *_TEMPLATE_LABELS,
    _spec("spec/selector", "Service", version="v1"),
    _spec("spec/selector", "ReplicationController", version="v1"),
    *(_spec("spec/selector/matchLabels", kind) for kind in ("Deployment", "ReplicaSet", "DaemonSet")),
    _spec("spec/selector/matchLabels", "StatefulSet", "apps"),
    *_pods(*_AFFINE, "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels", create=False),
    _spec("spec/selector/matchLabels", "Job", "batch", create=False),
    _spec("spec/jobTemplate/spec/selector/matchLabels", "CronJob", "batch", create=False),
    _spec("spec/selector/matchLabels", "PodDisruptionBudget", "policy", create=False),
    *(
        _spec(f"spec/{field}podSelector/matchLabels", "NetworkPolicy", "networking.k8s.io", create=False)
        for field in ("", "ingress/from/", "egress/to/")
    ),
)
_ANNOTATIONS: Final = (
    _spec("metadata/annotations"),
    *(_spec(f"{path}annotations", kind, group, version) for path, kind, group, version in _OF_TEMPLATES),
    _spec("spec/template/metadata/annotations", "StatefulSet"),
)
_REPLICAS: Final = tuple(
    _spec("spec/replicas", kind) for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
)
_IMAGES: Final = tuple(
    _spec(f"spec/{template}{field}")
    for template in ("", "template/spec/")
    for field in ("containers[]/image", "initContainers[]/image", "volumes[]/image/reference")
)


def add_labels(resources: Sequence[Resource], labels: Mapping[str, str], *, selectors: bool, templates: bool) -> None:
    """Put labels on all objects; also on templates of pods, or on these and on all that selects them.

    Raises: Unusual.
    """
    specs = _ALL_LABELS if selectors else _TEMPLATE_LABELS if templates else _METADATA_LABELS
    _put_pairs(resources, labels, specs)


def add_annotations(resources: Sequence[Resource], annotations: Mapping[str, str]) -> None:
    """Put annotations on all objects and on templates of pods. Raises: Unusual."""
    if any("config.kubernetes.io/" in key or "config.k8s.io/" in key for key in annotations):
        raise Unusual("an annotation of kustomize's own")
    _put_pairs(resources, annotations, _ANNOTATIONS)


def _put_pairs(resources: Sequence[Resource], pairs: Mapping[str, str], specs: Sequence[FieldSpec]) -> None:
    def put(parent: dict[str, Any], name: str) -> None:
        if not isinstance(parent[name], dict):
            raise Unusual("labels or annotations that are no mapping")
        parent[name].update(pairs)

    if pairs:
        for resource in resources:
            for spec in specs:
                visit(resource, spec, put, dict)


def set_replicas(resources: Sequence[Resource], name: str, count: int) -> None:
    """Set the number of replicas of all that is, or was, called `name`. Raises: Unusual when nothing is."""

    def put(parent: dict[str, Any], field: str) -> None:
        if isinstance(parent[field], dict | list):
            raise Unusual("replicas that are no number")
        parent[field] = count

    is_found = False
    for spec in _REPLICAS:
        for resource in resources:
            names = {resource.name} | {former for _, former, kind in resource.previous if kind == spec.kind}
            if resource.kind == spec.kind and name in names:
                is_found = True
                visit(resource, spec, put, int)
    if not is_found:
        raise Unusual("nothing of that name has replicas")


_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9_./:@-]+")
_REST: Final = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?"


def set_image(resources: Sequence[Resource], image: Mapping[str, str]) -> None:
    """Give the containers that run an image another one. Raises: Unusual."""
    name = image.get("name", "")
    if not _IMAGE_NAME.fullmatch(name):
        raise Unusual("the name of an image that is a pattern")
    pattern = re.compile(name + _REST)

    def put(parent: dict[str, Any], field: str) -> None:
        value = parent[field]
        if not isinstance(value, str):
            raise Unusual("an image that is no string")
        if pattern.fullmatch(value):
            changed = _image(value, image)
            if not is_string(changed):
                raise Unusual("an image that is a number")
            parent[field] = changed

    for resource in resources:
        if resource.kind != "CustomResourceDefinition":
            _each_container(resource.obj, put)
    # In this order, because what was changed may match again.
    for resource in resources:
        if resource.kind != "CustomResourceDefinition":
            for spec in _IMAGES:
                visit(resource, spec, put)


def _each_container(node: Any, put: Leaf) -> None:
    """Call `put` for what looks like a list of containers, wherever it stands."""
    if isinstance(node, list):
        for item in node:
            _each_container(item, put)
    elif isinstance(node, dict):
        for key, value in node.items():
            _each_container(value, put)
            if key in ("containers", "initContainers") and isinstance(value, list):
                for item in value:
                    if not isinstance(item, dict) or ("image" in item and item["image"] is None):
                        raise Unusual("a container that is no mapping")
                    if "image" in item:
                        put(item, "image")


def _image(value: str, image: Mapping[str, str]) -> str:
    """Source: api/internal/image/image.go, Split; api/filters/imagetag/updater.go."""
    start = max(value.find("/"), 0)
    at, colon = value.find("@", start), value.find(":", start)
    if at >= 0 and (at < colon or colon < 0):
        name, tag, digest = value[:at], "", value[at + 1 :]
    elif colon >= 0:
        name, tag, digest = (
            value[:colon],
            value[colon + 1 : at if at >= 0 else None],
            value[at + 1 :] if at >= 0 else "",
        )
    else:
        name, tag, digest = value, "", ""
    name = image.get("newName") or name
    new_tag, new_digest = image.get("newTag", ""), image.get("digest", "")
    if new_tag or new_digest:
        tag, digest = new_tag, new_digest
    elif image.get("tagSuffix"):
        tag, digest = tag + image["tagSuffix"], ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
