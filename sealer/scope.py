"""How far a sealed value may move: strict, namespace-wide or cluster-wide, and the label that binds it.

Source: sealed-secrets' annotations and its label rule; only the exact text "true" counts, and cluster-wide wins.
"""

from collections.abc import Mapping
from enum import Enum

PREFIX = "sealedsecrets.bitnami.com/"
NAMESPACE_WIDE = PREFIX + "namespace-wide"
CLUSTER_WIDE = PREFIX + "cluster-wide"


class Scope(Enum):
    """What a sealed value is bound to. The value of each member is the word of the `--scope` flag."""

    STRICT = "strict"
    """One name in one namespace."""
    NAMESPACE = "namespace-wide"
    """Any name in one namespace."""
    CLUSTER = "cluster-wide"
    """Any name in any namespace."""

    @property
    def flag(self) -> str:
        """The word that the command line uses for it."""
        return self.value

    @property
    def annotation(self) -> str | None:
        """The annotation that declares it, None for strict, which is declared by the absence of the others."""
        return {Scope.NAMESPACE: NAMESPACE_WIDE, Scope.CLUSTER: CLUSTER_WIDE}.get(self)


def of(annotations: Mapping[str, object]) -> Scope:
    """The scope that an object's own annotations declare."""
    if annotations.get(CLUSTER_WIDE) == "true":
        return Scope.CLUSTER
    if annotations.get(NAMESPACE_WIDE) == "true":
        return Scope.NAMESPACE
    return Scope.STRICT


def label(scope: Scope, namespace: str, name: str) -> bytes:
    """The OAEP label: `namespace/name`, `namespace`, or nothing. UTF-8."""
    if scope is Scope.CLUSTER:
        return b""
    if scope is Scope.NAMESPACE:
        return namespace.encode()
    return f"{namespace}/{name}".encode()


def annotate(annotations: Mapping[str, str], scope: Scope) -> dict[str, str]:
    """A copy of the annotations that declares this scope and no other."""
    rest = {key: value for key, value in annotations.items() if key not in (NAMESPACE_WIDE, CLUSTER_WIDE)}
    if scope.annotation is not None:
        rest[scope.annotation] = "true"
    return rest
