"""The words of Flux: kinds, labels, annotations, finalizers and the names under which fields are owned.

Source: flux.md sections 1, 4.6, 5.
"""

from typing import Final, NamedTuple

from engine.kube.refs import Resource

KUSTOMIZE: Final = "kustomize.toolkit.fluxcd.io"
SOURCE: Final = "source.toolkit.fluxcd.io"
NOTIFICATION: Final = "notification.toolkit.fluxcd.io"

KUSTOMIZATIONS: Final = Resource(KUSTOMIZE, "v1", "kustomizations", "Kustomization")
GIT_REPOSITORIES: Final = Resource(SOURCE, "v1", "gitrepositories", "GitRepository")
OCI_REPOSITORIES: Final = Resource(SOURCE, "v1", "ocirepositories", "OCIRepository")
BUCKETS: Final = Resource(SOURCE, "v1", "buckets", "Bucket")
EXTERNAL_ARTIFACTS: Final = Resource(SOURCE, "v1", "externalartifacts", "ExternalArtifact")
RECEIVERS: Final = Resource(NOTIFICATION, "v1", "receivers", "Receiver")

SOURCES: Final = {found.kind: found for found in (GIT_REPOSITORIES, OCI_REPOSITORIES, BUCKETS, EXTERNAL_ARTIFACTS)}
"""What a Kustomization may take its manifests from, by kind."""

FINALIZER: Final = "finalizers.fluxcd.io"
REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
WATCHED_CONFIG: Final = "reconcile.fluxcd.io/watch"
"""The label by which a ConfigMap or Secret asks that its users are looked at when it changes."""

KUSTOMIZE_CONTROLLER: Final = "kustomize-controller"
SOURCE_CONTROLLER: Final = "source-controller"
NOTIFICATION_CONTROLLER: Final = "notification-controller"
"""Each is a field manager, an event source and the stem of a Lease."""


class Name(NamedTuple):
    """What goes through a queue: a name, nothing that could be stale."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def status_manager(controller: str) -> str:
    """The field manager of a controller's status. Source: fluxcd/pkg runtime, `gotk-` and the controller's name."""
    return f"gotk-{controller}"


def lease_of(controller: str) -> str:
    """The Lease by which replicas of a controller agree on one that works: whoever holds it, the other waits.

    Source: fluxcd/pkg runtime/leaderelection; each controller's main.go, LeaderElectionID.
    """
    return f"{controller}-leader-election"
