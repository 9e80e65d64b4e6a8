"""Receiver, `notification.toolkit.fluxcd.io/v1`: a webhook that has other objects looked at when it is called.

Source: flux.md section 7.2; fluxcd/notification-controller api/v1/receiver_types.go.
"""

from typing import Annotated, Final

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
    rule,
)
from engine.kube.refs import Resource

TYPES: Final = (
    "generic",
    "generic-hmac",
    "generic-oidc",
    "github",
    "gitlab",
    "bitbucket",
    "harbor",
    "dockerhub",
    "quay",
    "gcr",
    "nexus",
    "acr",
    "cdevents",
)
KINDS: Final = (
    "Bucket",
    "GitRepository",
    "Kustomization",
    "HelmRelease",
    "HelmChart",
    "HelmRepository",
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "OCIRepository",
    "ArtifactGenerator",
    "ExternalArtifact",
)


class ReceiverResource(Struct, frozen=True):
    """One object, or all of a kind that have some labels."""

    kind: Annotated[str, Meta(description="The kind.", extra_json_schema={"enum": list(KINDS)})]
    name: Annotated[
        str, Meta(description="The name, or * for all that have matchLabels.", extra_json_schema=OBJECT_NAME)
    ]
    apiVersion: Annotated[
        str | UnsetType, Meta(description="The group and version; of Flux's sources it need not be said.")
    ] = UNSET
    namespace: Annotated[
        str | UnsetType,
        Meta(description="The namespace; that of the Receiver when absent.", extra_json_schema=OBJECT_NAME),
    ] = UNSET
    matchLabels: Annotated[
        dict[str, str] | UnsetType, Meta(description="Labels, all of which an object must have; with the name * only.")
    ] = UNSET
    filter: Annotated[
        str | UnsetType,
        Meta(
            description="A CEL expression over res, the metadata of the object, and req, the body of the request. Only"
            " where it is true the object is looked at."
        ),
    ] = UNSET


class OIDCVariable(Struct, frozen=True):
    """A value with a name, for the expressions that follow."""

    name: Annotated[str, Meta(description="Its name, read as vars.NAME.")]
    expression: Annotated[str, Meta(description="Its value, in CEL over claims.")]


class OIDCValidation(Struct, frozen=True):
    """One demand on the claims of a token."""

    expression: Annotated[str, Meta(description="What must be true, in CEL over claims and vars.")]
    message: Annotated[str, Meta(description="What the caller is told when it is not.")]


class OIDCProvider(Struct, frozen=True):
    """An issuer of tokens, and who among its holders may call."""

    issuerURL: Annotated[str, Meta(description="The iss of the tokens.", extra_json_schema={"pattern": "^https?://"})]
    validations: Annotated[
        list[OIDCValidation],
        Meta(description="What the claims must satisfy, all of it.", extra_json_schema={"minItems": 1}),
    ]
    audience: Annotated[
        str | UnsetType, Meta(description="The aud of the tokens; notification-controller when absent.")
    ] = UNSET
    variables: Annotated[
        list[OIDCVariable] | UnsetType, Meta(description="Values for the validations, each may use those before it.")
    ] = UNSET


class ReceiverSpec(Struct, frozen=True):
    """Who may call, and what is looked at then."""

    type: Annotated[
        str,
        Meta(
            description="Who calls, which decides how a request proves where it comes from.",
            extra_json_schema={"enum": list(TYPES)},
        ),
    ]
    resources: Annotated[list[ReceiverResource], Meta(description="What is looked at.")]
    interval: Annotated[
        str | UnsetType,
        Meta(description="How often the Secret is read again.", extra_json_schema={"default": "10m", **DURATION}),
    ] = UNSET
    events: Annotated[
        list[str] | UnsetType, Meta(description="The kinds of event that count, in the words of the caller.")
    ] = UNSET
    resourceFilter: Annotated[
        str | UnsetType, Meta(description="A CEL expression as filter of resources, for all of them.")
    ] = UNSET
    secretRef: Annotated[
        LocalReference | UnsetType, Meta(description="The Secret of the token; for all types but generic-oidc.")
    ] = UNSET
    oidcProviders: Annotated[
        list[OIDCProvider] | UnsetType,
        Meta(
            description="Whose tokens are accepted; for the type generic-oidc.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["issuerURL"]},
        ),
    ] = UNSET
    suspend: Annotated[bool | UnsetType, Meta(description="Answer no requests for now.")] = UNSET


class ReceiverStatus(Struct, frozen=True):
    """Where it answers."""

    observedGeneration: Annotated[
        int | UnsetType, Meta(description="The metadata.generation that was dealt with last.")
    ] = UNSET
    conditions: Annotated[list[Condition] | UnsetType, Meta(description="What holds.")] = UNSET
    webhookPath: Annotated[
        str | UnsetType, Meta(description="The path: /hook/ and the SHA-256 of token, name and namespace.")
    ] = UNSET
    lastHandledReconcileAt: Annotated[
        str | UnsetType, Meta(description="The last request for a reconcile that was answered.")
    ] = UNSET


class Receiver(Struct, frozen=True):
    """A webhook that has other objects looked at when it is called."""

    spec: Annotated[
        ReceiverSpec | UnsetType,
        Meta(
            extra_json_schema={
                "x-kubernetes-validations": [
                    rule(
                        "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
                        "generic-oidc receivers must define at least one oidcProvider",
                    ),
                    rule(
                        "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
                        "oidcProviders can only be set when type is generic-oidc",
                    ),
                    rule(
                        "self.type != 'generic-oidc' || !has(self.secretRef)",
                        "secretRef cannot be set when type is generic-oidc",
                    ),
                    rule(
                        "self.type == 'generic-oidc' || has(self.secretRef)",
                        "secretRef is required when type is not generic-oidc",
                    ),
                ]
            }
        ),
    ] = UNSET
    status: Annotated[ReceiverStatus | UnsetType, Meta(extra_json_schema=NOT_OBSERVED)] = UNSET


RECEIVER = CustomResource(
    resource=Resource("notification.toolkit.fluxcd.io", "v1", "receivers", "Receiver"),
    singular="receiver",
    model=Receiver,
    columns=(AGE, READY, STATUS),
    categories=("all", "fluxcd", "fluxcd-notifications"),
    annotations=ANNOTATIONS,
    folder="flux",
)
