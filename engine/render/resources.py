"""One object on its way through a build: what it is now, and what it was called before.

Identities are kustomize's: two objects are one when group, version, kind, name and effective namespace are equal, where
no namespace means `default` and kinds that certainly belong to the cluster have none. Only kinds that kustomize's own
copy of the OpenAPI document calls so count; a custom kind counts as namespaced.
Source: kubernetes-sigs/kustomize api/resource/resource.go, kyaml/resid, kyaml/openapi (precomputed scopes, 5.8.1).
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.render.base import Unusual

OWN_ANNOTATIONS: Final = ("config.kubernetes.io/", "config.k8s.io/")
"""Parts of the names of annotations that kustomize itself reads, writes or removes."""
_NO_NAMESPACE: Final = "_non_namespaceable_"
_CLUSTER_SCOPED: Final = frozenset(
    (f"{group}/{version}" if group else version, kind)
    for group, versions, kinds in (
        ("admissionregistration.k8s.io", "v1 v1beta1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "v1 v1beta1", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "v1 v1beta1", "APIService"),
        ("certificates.k8s.io", "v1 v1beta1", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io", "v1beta1", "FlowSchema PriorityLevelConfiguration"),
        ("networking.k8s.io", "v1 v1beta1", "IngressClass"),
        ("node.k8s.io", "v1 v1beta1", "RuntimeClass"),
        ("policy", "v1beta1", "PodSecurityPolicy"),
        ("rbac.authorization.k8s.io", "v1 v1beta1", "ClusterRole ClusterRoleBinding"),
        ("scheduling.k8s.io", "v1 v1beta1", "PriorityClass"),
        ("storage.k8s.io", "v1 v1beta1", "CSIDriver StorageClass VolumeAttachment"),
        ("storage.k8s.io", "v1", "CSINode"),
        ("", "v1", "ComponentStatus Namespace Node NodeProxyOptions PersistentVolume"),
    )
    for version in versions.split()
    for kind in kinds.split()
)

Identity = tuple[str, str, str, str, str]
"""Group, version, kind, effective namespace, name."""


class Resource:
    """An object that the build owns and changes in place."""

    __slots__ = (
        "api_version",
        "group",
        "kind",
        "needs_digest",
        "obj",
        "origin",
        "prefixes",
        "previous",
        "suffixes",
        "version",
    )

    def __init__(self, obj: dict[str, Any], origin: str) -> None:
        """`origin` is the file that it comes from, for messages."""
        self.obj = obj
        self.origin = origin
        self.previous: list[tuple[str, str, str]] = []
        """Effective namespace, name and kind, the oldest first."""
        self.prefixes: list[str] = []
        self.suffixes: list[str] = []
        self.needs_digest = False
        """Whether a digest of its content is to be a part of its name."""
        self.kind: str = obj["kind"]
        self.api_version: str = obj["apiVersion"]
        group, slash, version = self.api_version.partition("/")
        self.group: str = group if slash else ""
        self.version: str = version if slash else group

    @property
    def name(self) -> str:
        name: str = self.obj["metadata"]["name"]
        return name

    @name.setter
    def name(self, name: str) -> None:
        self.obj["metadata"]["name"] = name

    @property
    def namespace(self) -> str:
        namespace: str = self.obj["metadata"].get("namespace", "")
        return namespace

    @property
    def is_cluster_scoped(self) -> bool:
        return (self.api_version, self.kind) in _CLUSTER_SCOPED

    @property
    def effective_namespace(self) -> str:
        return _NO_NAMESPACE if self.is_cluster_scoped else self.namespace or "default"

    @property
    def identity(self) -> Identity:
        return self.group, self.version, self.kind, self.effective_namespace, self.name

    @property
    def original(self) -> tuple[str, str, str]:
        """Effective namespace, name and kind before anything changed."""
        if self.previous:
            return self.previous[0]
        return self.effective_namespace, self.name, self.kind

    @property
    def original_namespace(self) -> str:
        """The effective one; "" where there is none."""
        namespace = self.original[0]
        return "" if namespace == _NO_NAMESPACE or self.is_cluster_scoped else namespace

    def remember(self) -> None:
        """Note what it is called now, since that is about to change."""
        self.previous.append((self.effective_namespace, self.name, self.kind))

    def is_one_of(self, group: str, version: str, kind: str, own_kind: str | None = None) -> bool:
        """Whether a selector means it; what is empty there means anything. `own_kind` stands for a former kind."""
        return (
            (not kind or kind == (own_kind or self.kind))
            and (not group or group == self.group)
            and (not version or version == self.version)
        )

    def __str__(self) -> str:
        namespace = self.namespace
        return f"{self.kind}/{namespace}/{self.name}" if namespace else f"{self.kind}/{self.name}"


def check_pairs(metadata: Mapping[str, Any]) -> None:
    """Labels and annotations are such that kustomize leaves them as they are. Raises: Unusual."""
    for field in ("labels", "annotations"):
        pairs = metadata.get(field)
        if field in metadata and not (isinstance(pairs, dict) and all(isinstance(one, str) for one in pairs.values())):
            raise Unusual("labels or annotations that are no strings")
    if any(own in key for key in metadata.get("annotations", ()) for own in OWN_ANNOTATIONS):
        raise Unusual("an annotation of kustomize's own")
