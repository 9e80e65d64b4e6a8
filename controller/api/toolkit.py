"""What the kinds of Flux have in common: references, artifacts, conditions, and how their definitions look.

A field that may be absent has the default UNSET. Patterns, bounds and defaults are the API server's to check and to
fill in, so they stand in the schema and not in the types: an object from before a rule must still be readable.
Source: fluxcd/pkg apis/meta; flux.md section 1.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api.resource import Column

DURATION: Final[dict[str, Any]] = {"pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"}
SHORT_DURATION: Final[dict[str, Any]] = {"pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"}
"""Of a source's timeout: no hours."""
NOT_OBSERVED: Final[dict[str, Any]] = {"default": {"observedGeneration": -1}}
"""The status of an object that no controller has seen yet: kstatus takes it for one that is being worked on."""
OBJECT_NAME: Final[dict[str, Any]] = {"minLength": 1, "maxLength": 253}
ANNOTATIONS: Final = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
"""On each definition: descriptions hold `${...}`, which post-build substitution would take for variables."""

AGE: Final = Column("Age", "date", ".metadata.creationTimestamp")
READY: Final = Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status')
STATUS: Final = Column("Status", "string", '.status.conditions[?(@.type=="Ready")].message')

_CONDITION_TYPE: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)


def rule(expression: str, message: str) -> dict[str, str]:
    """One rule that the API server checks in CEL."""
    return {"rule": expression, "message": message}


class LocalReference(Struct, frozen=True):
    """Another object of a known kind in the same namespace."""

    name: Annotated[str, Meta(description="Its name.")]


class ObjectReference(Struct, frozen=True):
    """An object of any kind."""

    kind: Annotated[str, Meta(description="Its kind.")]
    name: Annotated[str, Meta(description="Its name.")]
    apiVersion: Annotated[
        str | UnsetType, Meta(description="Its group and version; the server's preferred one when absent.")
    ] = UNSET
    namespace: Annotated[str | UnsetType, Meta(description="Its namespace; that of this object when absent.")] = UNSET


class Artifact(Struct, frozen=True):
    """What a source has stored for others to fetch: one archive of one revision."""

    path: Annotated[str, Meta(description="Where the file stands below the root of the store.")]
    url: Annotated[str, Meta(description="Where it is to be had over HTTP.")]
    revision: Annotated[str, Meta(description="What it was made from, in the words of the source: main@sha1:HASH.")]
    digest: Annotated[
        str,
        Meta(
            description="ALGORITHM:HEX of the file.",
            extra_json_schema={"pattern": "^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"},
        ),
    ]
    lastUpdateTime: Annotated[datetime, Meta(description="When it was made.")]
    size: Annotated[int | UnsetType, Meta(description="Bytes of the file.")] = UNSET
    metadata: Annotated[
        dict[str, str] | UnsetType, Meta(description="What the origin says of it, as annotations of an OCI image.")
    ] = UNSET


class Condition(Struct, frozen=True):
    """One statement about the object, and since when it holds."""

    type: Annotated[
        str,
        Meta(
            description="What the statement is about.",
            extra_json_schema={"maxLength": 316, "pattern": _CONDITION_TYPE},
        ),
    ]
    status: Annotated[
        str, Meta(description="Whether it holds.", extra_json_schema={"enum": ["True", "False", "Unknown"]})
    ]
    lastTransitionTime: Annotated[datetime, Meta(description="When the status last changed.")]
    reason: Annotated[
        str,
        Meta(
            description="The cause as one word.",
            extra_json_schema={
                "minLength": 1,
                "maxLength": 1024,
                "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            },
        ),
    ]
    message: Annotated[str, Meta(description="The same for people.", extra_json_schema={"maxLength": 32768})]
    observedGeneration: Annotated[
        int | UnsetType,
        Meta(description="The metadata.generation that it speaks of.", extra_json_schema={"minimum": 0}),
    ] = UNSET
