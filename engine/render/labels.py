"""Labels and annotations that a kustomization puts on all of its objects, and on what selects them.

Source: kubernetes-sigs/kustomize api/filters, api/internal/konfig/builtinpluginconsts (5.8.1).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.render.base import Unusual
from engine.render.fieldspec import FieldSpec, spec, visit
from engine.render.resources import OWN_ANNOTATIONS, Resource


def _pods(*paths: str, create: bool, kinds: dict[str, str] | None = None) -> list[FieldSpec]:
    """Places in the templates of pods, by the kinds that have one and their groups."""
    kinds = {"Deployment": "apps", "StatefulSet": "apps"} if kinds is None else kinds
    return [
        FieldSpec(tuple(path.split("/")), kind, group, create=create) for kind, group in kinds.items() for path in paths
    ]


_OF_TEMPLATES: Final = (
    ("spec/template/metadata/", "ReplicationController", "", "v1"),
    ("spec/template/metadata/", "Deployment", "", ""),
    ("spec/template/metadata/", "ReplicaSet", "", ""),
    ("spec/template/metadata/", "DaemonSet", "", ""),
    ("spec/template/metadata/", "Job", "batch", ""),
    ("spec/jobTemplate/metadata/", "CronJob", "batch", ""),
    ("spec/jobTemplate/spec/template/metadata/", "CronJob", "batch", ""),
)
_METADATA_LABELS: Final = (spec("metadata/labels"),)
_TEMPLATE_LABELS: Final = (
    *_METADATA_LABELS,
    *(spec(f"{path}labels", kind, group, version) for path, kind, group, version in _OF_TEMPLATES),
    spec("spec/template/metadata/labels", "StatefulSet", "apps"),
    spec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", "apps"),
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
    spec("spec/selector", "Service", version="v1"),
    spec("spec/selector", "ReplicationController", version="v1"),
    *(spec("spec/selector/matchLabels", kind) for kind in ("Deployment", "ReplicaSet", "DaemonSet")),
    spec("spec/selector/matchLabels", "StatefulSet", "apps"),
    *_pods(*_AFFINE, "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels", create=False),
    spec("spec/selector/matchLabels", "Job", "batch", create=False),
    spec("spec/jobTemplate/spec/selector/matchLabels", "CronJob", "batch", create=False),
    spec("spec/selector/matchLabels", "PodDisruptionBudget", "policy", create=False),
    *(
        spec(f"spec/{field}podSelector/matchLabels", "NetworkPolicy", "networking.k8s.io", create=False)
        for field in ("", "ingress/from/", "egress/to/")
    ),
)
_ANNOTATIONS: Final = (
    spec("metadata/annotations"),
    *(spec(f"{path}annotations", kind, group, version) for path, kind, group, version in _OF_TEMPLATES),
    spec("spec/template/metadata/annotations", "StatefulSet"),
)


def add_labels(resources: Sequence[Resource], labels: Mapping[str, str], *, selectors: bool, templates: bool) -> None:
    """Put labels on all objects; also on templates of pods, or on these and on all that selects them.

    Raises: Unusual.
    """
    specs = _ALL_LABELS if selectors else _TEMPLATE_LABELS if templates else _METADATA_LABELS
    _put_pairs(resources, labels, specs)


def add_annotations(resources: Sequence[Resource], annotations: Mapping[str, str]) -> None:
    """Put annotations on all objects and on templates of pods. Raises: Unusual."""
    if any(own in key for key in annotations for own in OWN_ANNOTATIONS):
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
