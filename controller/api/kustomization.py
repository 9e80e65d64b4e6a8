"""Kustomization, `kustomize.toolkit.fluxcd.io/v1`: a folder of a source that is built, applied, healed and pruned.

Source: flux.md section 4.1; fluxcd/kustomize-controller api/v1/kustomization_types.go.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api.resource import CustomResource
from controller.api.toolkit import (
    AGE,
    ANNOTATIONS,
    DURATION,
    NOT_OBSERVED,
    OBJECT_NAME,
    READY,
    STATUS,
    Condition,
    LocalReference,
    ObjectReference,
    rule,
)
from engine.kube.refs import Resource

_AFFIX: Final[dict[str, Any]] = {"minLength": 1, "maxLength": 200}
_ONE_KUBECONFIG: Final = "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"


class Selector(Struct, frozen=True):
    """Objects of the build: those that fit all that is said. Names are whole regular expressions."""

    group: Annotated[str | UnsetType, Meta(description="The API group.")] = UNSET
    version: Annotated[str | UnsetType, Meta(description="The API version.")] = UNSET
    kind: Annotated[str | UnsetType, Meta(description="The kind.")] = UNSET
    namespace: Annotated[str | UnsetType, Meta(description="The namespace.")] = UNSET
    name: Annotated[str | UnsetType, Meta(description="The name.")] = UNSET
    labelSelector: Annotated[str | UnsetType, Meta(description="A label selector.")] = UNSET
    annotationSelector: Annotated[str | UnsetType, Meta(description="The same over annotations.")] = UNSET


class Patch(Struct, frozen=True):
    """A change to objects of the build."""

    patch: Annotated[str, Meta(description="A strategic merge patch, or a list of JSON 6902 operations, in YAML.")]
    target: Annotated[
        Selector | UnsetType, Meta(description="What is changed; what the patch itself names when absent.")
    ] = UNSET


class Image(Struct, frozen=True):
    """Another place, tag or digest for an image."""

    name: Annotated[str, Meta(description="The image as the manifests name it, without a tag.")]
    newName: Annotated[str | UnsetType, Meta(description="The name instead.")] = UNSET
    newTag: Annotated[str | UnsetType, Meta(description="The tag instead.")] = UNSET
    digest: Annotated[str | UnsetType, Meta(description="The digest instead; newTag does not count then.")] = UNSET


class CommonMetadata(Struct, frozen=True):
    """What each object gets."""

    annotations: Annotated[dict[str, str] | UnsetType, Meta(description="Annotations for each object.")] = UNSET
    labels: Annotated[dict[str, str] | UnsetType, Meta(description="Labels for each object.")] = UNSET


class Decryption(Struct, frozen=True):
    """How encrypted files are opened."""

    provider: Annotated[str, Meta(description="What they are encrypted with.", extra_json_schema={"enum": ["sops"]})]
    secretRef: Annotated[
        LocalReference | UnsetType,
        Meta(description="The Secret of the keys, and of credentials for key services; these count first."),
    ] = UNSET
    serviceAccountName: Annotated[
        str | UnsetType, Meta(description="The ServiceAccount that key services of clouds know.")
    ] = UNSET


class Dependency(Struct, frozen=True):
    """A Kustomization that has to be ready first."""

    name: Annotated[str, Meta(description="Its name.")]
    namespace: Annotated[str | UnsetType, Meta(description="Its namespace; that of this object when absent.")] = UNSET
    readyExpr: Annotated[
        str | UnsetType,
        Meta(description="When it counts as ready, in CEL over dep and self; by its conditions when absent."),
    ] = UNSET


class HealthExpression(Struct, frozen=True):
    """How the health of a kind is told, in CEL over the fields of the object."""

    apiVersion: Annotated[str, Meta(description="The group and version.")]
    current: Annotated[str, Meta(description="True when it has become what is wanted.")]
    kind: Annotated[str | UnsetType, Meta(description="The kind; the whole group when absent.")] = UNSET
    inProgress: Annotated[str | UnsetType, Meta(description="True while it is on the way.")] = UNSET
    failed: Annotated[str | UnsetType, Meta(description="True when it will not become what is wanted.")] = UNSET


class IgnoreRule(Struct, frozen=True):
    """Fields of live objects that are nobody's business here."""

    paths: Annotated[list[str], Meta(description="JSON pointers to the fields.")]
    target: Annotated[Selector | UnsetType, Meta(description="Of which objects; of all when absent.")] = UNSET


class KubeConfigSecret(Struct, frozen=True):
    """The Secret that holds a kubeconfig."""

    name: Annotated[str, Meta(description="Its name.")]
    key: Annotated[str | UnsetType, Meta(description="The item; value or value.yaml when absent.")] = UNSET


class KubeConfig(Struct, frozen=True):
    """The cluster to apply to, when it is not this one."""

    configMapRef: Annotated[
        LocalReference | UnsetType,
        Meta(
            description="The ConfigMap that says how to get there: provider, cluster, address, ca.crt, audiences,"
            " serviceAccountName."
        ),
    ] = UNSET
    secretRef: Annotated[KubeConfigSecret | UnsetType, Meta(description="The Secret that holds a kubeconfig.")] = UNSET


class SubstituteReference(Struct, frozen=True):
    """A ConfigMap or a Secret whose items are variables."""

    kind: Annotated[str, Meta(description="ConfigMap or Secret.", extra_json_schema={"enum": ["Secret", "ConfigMap"]})]
    name: Annotated[str, Meta(description="Its name.", extra_json_schema=OBJECT_NAME)]
    optional: Annotated[
        bool | UnsetType, Meta(description="Whether it may be missing.", extra_json_schema={"default": False})
    ] = UNSET


class PostBuild(Struct, frozen=True):
    """What happens to the text of the built objects."""

    substitute: Annotated[dict[str, str] | UnsetType, Meta(description="Values of variables; they count last.")] = UNSET
    substituteFrom: Annotated[
        list[SubstituteReference] | UnsetType, Meta(description="Where further values come from; later ones win.")
    ] = UNSET
    substituteStrategy: Annotated[
        str | UnsetType,
        Meta(
            description="WithVariables, as when absent: only when there is a variable. Always: in any case.",
            extra_json_schema={"enum": ["WithVariables", "Always"]},
        ),
    ] = UNSET


class SourceReference(Struct, frozen=True):
    """The source of the manifests."""

    kind: Annotated[
        str,
        Meta(
            description="Its kind.",
            extra_json_schema={"enum": ["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"]},
        ),
    ]
    name: Annotated[str, Meta(description="Its name.")]
    apiVersion: Annotated[str | UnsetType, Meta(description="Its group and version.")] = UNSET
    namespace: Annotated[str | UnsetType, Meta(description="Its namespace; that of this object when absent.")] = UNSET


BuildOption = Annotated[
    str,
    Meta(
        description="What the build writes into annotations.",
        extra_json_schema={"enum": ["originAnnotations", "transformerAnnotations"]},
    ),
]


class KustomizationSpec(Struct, frozen=True):
    """What is applied, how, and how often."""

    interval: Annotated[
        str, Meta(description="How often all is checked, give or take some.", extra_json_schema=DURATION)
    ]
    prune: Annotated[bool, Meta(description="Delete what the manifests hold no more.")]
    sourceRef: Annotated[SourceReference, Meta(description="The source of the manifests.")]
    path: Annotated[str | UnsetType, Meta(description="The folder of the source; its root when absent.")] = UNSET
    retryInterval: Annotated[
        str | UnsetType,
        Meta(description="How soon after a failure; as interval when absent.", extra_json_schema=DURATION),
    ] = UNSET
    timeout: Annotated[
        str | UnsetType,
        Meta(description="For building, applying and becoming healthy.", extra_json_schema=DURATION),
    ] = UNSET
    dependsOn: Annotated[
        list[Dependency] | UnsetType, Meta(description="Kustomizations that have to be ready first.")
    ] = UNSET
    deletionPolicy: Annotated[
        str | UnsetType,
        Meta(
            description="What becomes of the objects when the Kustomization is deleted. MirrorPrune, as when absent:"
            " what prune says.",
            extra_json_schema={"enum": ["MirrorPrune", "Delete", "WaitForTermination", "Orphan"]},
        ),
    ] = UNSET
    force: Annotated[
        bool | UnsetType,
        Meta(description="Make objects anew where a field cannot be changed.", extra_json_schema={"default": False}),
    ] = UNSET
    wait: Annotated[
        bool | UnsetType, Meta(description="Wait for the health of all objects; healthChecks do not count then.")
    ] = UNSET
    healthChecks: Annotated[
        list[ObjectReference] | UnsetType, Meta(description="Objects whose health is waited for.")
    ] = UNSET
    healthCheckExprs: Annotated[
        list[HealthExpression] | UnsetType, Meta(description="How the health of kinds is told, where it is waited for.")
    ] = UNSET
    ignore: Annotated[
        list[IgnoreRule] | UnsetType, Meta(description="Fields of live objects that are left as they are.")
    ] = UNSET
    suspend: Annotated[bool | UnsetType, Meta(description="Leave everything alone for now.")] = UNSET
    serviceAccountName: Annotated[str | UnsetType, Meta(description="The ServiceAccount in whose name is applied.")] = (
        UNSET
    )
    kubeConfig: Annotated[
        KubeConfig | UnsetType,
        Meta(
            description="The cluster to apply to, when it is not this one.",
            extra_json_schema={
                "x-kubernetes-validations": [
                    rule("has(self.configMapRef) || has(self.secretRef)", _ONE_KUBECONFIG),
                    rule("!has(self.configMapRef) || !has(self.secretRef)", _ONE_KUBECONFIG),
                ]
            },
        ),
    ] = UNSET
    targetNamespace: Annotated[
        str | UnsetType,
        Meta(description="The namespace of all objects.", extra_json_schema={"minLength": 1, "maxLength": 63}),
    ] = UNSET
    namePrefix: Annotated[
        str | UnsetType, Meta(description="Put before the name of each object.", extra_json_schema=_AFFIX)
    ] = UNSET
    nameSuffix: Annotated[
        str | UnsetType, Meta(description="Put after the name of each object.", extra_json_schema=_AFFIX)
    ] = UNSET
    commonMetadata: Annotated[CommonMetadata | UnsetType, Meta(description="What each object gets.")] = UNSET
    patches: Annotated[list[Patch] | UnsetType, Meta(description="Changes to objects of the build.")] = UNSET
    images: Annotated[list[Image] | UnsetType, Meta(description="Other places, tags or digests for images.")] = UNSET
    components: Annotated[list[str] | UnsetType, Meta(description="Folders of kustomize components.")] = UNSET
    ignoreMissingComponents: Annotated[
        bool | UnsetType, Meta(description="Pass over components that the source does not have.")
    ] = UNSET
    buildMetadata: Annotated[
        list[BuildOption] | UnsetType, Meta(description="What the build writes into annotations.")
    ] = UNSET
    postBuild: Annotated[PostBuild | UnsetType, Meta(description="What happens to the text of the built objects.")] = (
        UNSET
    )
    decryption: Annotated[Decryption | UnsetType, Meta(description="How encrypted files are opened.")] = UNSET


class InventoryEntry(Struct, frozen=True):
    """One object that was applied."""

    id: Annotated[str, Meta(description="NAMESPACE_NAME_GROUP_KIND.")]
    v: Annotated[str, Meta(description="The API version.")]


class Inventory(Struct, frozen=True):
    """All that was applied."""

    entries: Annotated[list[InventoryEntry], Meta(description="One for each object.")]


class Snapshot(Struct, frozen=True):
    """What came of one set of manifests."""

    digest: Annotated[str, Meta(description="ALGORITHM:HEX of the manifests.")]
    firstReconciled: Annotated[datetime, Meta(description="When it was first seen.")]
    lastReconciled: Annotated[datetime, Meta(description="When it was last seen.")]
    lastReconciledDuration: Annotated[str, Meta(description="How long it took the last time.")]
    lastReconciledStatus: Annotated[str, Meta(description="What came of it.")]
    totalReconciliations: Annotated[int, Meta(description="How many times it was seen.")]
    metadata: Annotated[dict[str, str] | UnsetType, Meta(description="What else there is to say, as the revision.")] = (
        UNSET
    )


class KustomizationStatus(Struct, frozen=True):
    """What was applied last, and what came of it."""

    observedGeneration: Annotated[
        int | UnsetType, Meta(description="The metadata.generation that was dealt with last.")
    ] = UNSET
    conditions: Annotated[list[Condition] | UnsetType, Meta(description="What holds.")] = UNSET
    lastAppliedRevision: Annotated[str | UnsetType, Meta(description="The revision that was applied last.")] = UNSET
    lastAppliedOriginRevision: Annotated[
        str | UnsetType, Meta(description="The revision behind it, where the artifact names one.")
    ] = UNSET
    lastAttemptedRevision: Annotated[str | UnsetType, Meta(description="The revision that was tried last.")] = UNSET
    inventory: Annotated[Inventory | UnsetType, Meta(description="All that was applied.")] = UNSET
    history: Annotated[list[Snapshot] | UnsetType, Meta(description="What came of the last few manifests.")] = UNSET
    lastHandledReconcileAt: Annotated[
        str | UnsetType, Meta(description="The last request for a reconcile that was answered.")
    ] = UNSET


class Kustomization(Struct, frozen=True):
    """A folder of a source that is built, applied, healed and pruned."""

    spec: KustomizationSpec | UnsetType = UNSET
    status: Annotated[KustomizationStatus | UnsetType, Meta(extra_json_schema=NOT_OBSERVED)] = UNSET


KUSTOMIZATION = CustomResource(
    resource=Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization"),
    singular="kustomization",
    model=Kustomization,
    columns=(AGE, READY, STATUS),
    short_names=("ks",),
    categories=("all", "fluxcd", "fluxcd-appliers"),
    annotations=ANNOTATIONS,
    folder="flux",
)
