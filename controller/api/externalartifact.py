"""ExternalArtifact, `source.toolkit.fluxcd.io/v1`: an artifact that somebody else's controller has stored.

kseal only reads them. Source: flux.md section 3.5; fluxcd/source-controller api/v1/externalartifact_types.go.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api.resource import Column, CustomResource
from controller.api.toolkit import AGE, ANNOTATIONS, READY, STATUS, Artifact, Condition, ObjectReference
from engine.kube.refs import Resource


class ExternalArtifactSpec(Struct, frozen=True):
    """Where it comes from."""

    sourceRef: Annotated[
        ObjectReference | UnsetType, Meta(description="The object that the artifact was made for.")
    ] = UNSET


class ExternalArtifactStatus(Struct, frozen=True):
    """What was stored last."""

    artifact: Annotated[Artifact | UnsetType, Meta(description="What was stored last.")] = UNSET
    conditions: Annotated[list[Condition] | UnsetType, Meta(description="What holds.")] = UNSET


class ExternalArtifact(Struct, frozen=True):
    """An artifact that somebody else's controller has stored, for others to apply."""

    spec: ExternalArtifactSpec | UnsetType = UNSET
    status: ExternalArtifactStatus | UnsetType = UNSET


EXTERNAL_ARTIFACT = CustomResource(
    resource=Resource("source.toolkit.fluxcd.io", "v1", "externalartifacts", "ExternalArtifact"),
    singular="externalartifact",
    model=ExternalArtifact,
    columns=(AGE, READY, STATUS, Column("Source", "string", ".spec.sourceRef.name")),
    short_names=("ea",),
    categories=("all", "fluxcd", "fluxcd-sources"),
    annotations=ANNOTATIONS,
    folder="flux",
)
