"""SealedSecret, `bitnami.com/v1alpha1`: the fields that the API server keeps, and how it checks them.

The CRD in `deploy/crds/` is written from these structs by `controller.api.schema`. Field names are the API's own. A
field that may be absent has the default UNSET; one that may be `null` too says so with `None`. Unsealing itself reads
the object as it came (`sealer.sealedsecret`): the template's metadata goes to the Secret whole, with unknown fields.

Source: sealed-secrets.md section 2.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api.resource import PRESERVE_UNKNOWN_FIELDS, Column, CustomResource
from engine.kube.refs import Resource


class TemplateMetadata(Struct, frozen=True):
    """Labels, annotations and other metadata of the Secret. Its name and namespace are always the SealedSecret's."""

    name: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    labels: dict[str, str] | UnsetType = UNSET
    annotations: dict[str, str] | UnsetType = UNSET
    finalizers: list[str] | UnsetType = UNSET


class Template(Struct, frozen=True):
    """What the Secret looks like around its sealed values."""

    metadata: Annotated[TemplateMetadata | UnsetType | None, Meta(extra_json_schema=PRESERVE_UNKNOWN_FIELDS)] = UNSET
    type: Annotated[str | UnsetType, Meta(description="The type of the Secret; Opaque when absent.")] = UNSET
    immutable: Annotated[
        bool | UnsetType,
        Meta(description="Makes the data of the Secret unchangeable. It counts only when the Secret is created."),
    ] = UNSET
    data: Annotated[
        dict[str, str] | UnsetType | None,
        Meta(
            description="Go text templates in plain text, one for each key of the Secret. They see the unsealed values"
            " by their keys, as in {{ .password }}. A sealed value of the same key wins."
        ),
    ] = UNSET


class SealedSecretSpec(Struct, frozen=True):
    """The sealed values, and the Secret that they become."""

    encryptedData: Annotated[
        dict[str, Any],
        Meta(
            description="One sealed value for each key of the Secret, in base64. Only the holder of the private key can"
            " open them; the scope that they were sealed with decides how far they may be moved.",
            # The API server refuses values of another type, but objects from before the schema may hold them, and
            # those must not stop the watch: the struct reads anything, the schema says string.
            extra_json_schema={"additionalProperties": {"type": "string"}, **PRESERVE_UNKNOWN_FIELDS},
        ),
    ]
    data: Annotated[
        str | UnsetType,
        Meta(
            description="Deprecated: a whole Secret sealed as one value. Use encryptedData.",
            extra_json_schema={"format": "byte"},
        ),
    ] = UNSET
    template: Template | UnsetType = UNSET


class SealedSecretCondition(Struct, frozen=True):
    """One statement about the SealedSecret, and since when it holds."""

    type: Annotated[str, Meta(description="What the statement is about. The controller writes Synced.")]
    status: Annotated[
        str,
        Meta(description="True when the Secret is as the SealedSecret asks, False when it is not, Unknown otherwise."),
    ]
    lastUpdateTime: Annotated[datetime | UnsetType, Meta(description="When this was last looked at.")] = UNSET
    lastTransitionTime: Annotated[datetime | UnsetType, Meta(description="When the status last changed.")] = UNSET
    reason: Annotated[str | UnsetType, Meta(description="The cause as one word.")] = UNSET
    message: Annotated[str | UnsetType, Meta(description="What went wrong, for people; empty when all is well.")] = (
        UNSET
    )


class SealedSecretStatus(Struct, frozen=True):
    """What the controller last did with the SealedSecret."""

    observedGeneration: Annotated[
        int | UnsetType, Meta(description="The metadata.generation that the conditions speak of.")
    ] = UNSET
    conditions: Annotated[
        list[SealedSecretCondition] | UnsetType, Meta(description="What holds at observedGeneration.")
    ] = UNSET


class SealedSecret(Struct, frozen=True):
    """A Secret whose values are encrypted for one cluster, so that it can lie in Git.

    The controller unseals it into a Secret of the same name and namespace.
    """

    spec: SealedSecretSpec
    status: SealedSecretStatus | UnsetType = UNSET


SEALED_SECRET = CustomResource(
    resource=Resource("bitnami.com", "v1alpha1", "sealedsecrets", "SealedSecret"),
    singular="sealedsecret",
    model=SealedSecret,
    columns=(
        Column("Status", "string", ".status.conditions[0].message"),
        Column("Synced", "string", ".status.conditions[0].status"),
        Column("Age", "date", ".metadata.creationTimestamp"),
    ),
)
