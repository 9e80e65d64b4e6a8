"""What is installed: Flux's controllers with their Leases, kseal's Deployment for deliveries, the Services of both."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from controller.adopt.flux.roles import ROLES, Role, controller_of, role_of
from controller.adopt.installation import DEPLOYMENTS, Controller
from controller.runtime.leader import LEASES
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import Forbidden, NotFound
from engine.kube.refs import SERVICES, ObjectRef

OURS: Final = "kseal-deliveries"
_LABELS: Final = "app.kubernetes.io/name=kseal,app.kubernetes.io/component=deliveries"


class Original(NamedTuple):
    """A Deployment that runs a controller of Flux's."""

    controller: str
    deployment: Controller

    @property
    def role(self) -> Role | None:
        """What kseal would be in its place; None when it stays anyhow."""
        return role_of(self.controller)


class Lease(NamedTuple):
    """A Lease of a controller that kseal can be."""

    role: Role
    raw: dict[str, Any]

    @property
    def ref(self) -> str:
        metadata = self.raw["metadata"]
        return str(ObjectRef("coordination.k8s.io", "Lease", metadata["namespace"], metadata["name"]))

    @property
    def holder(self) -> str:
        """Who works, or did last; empty when it was given back."""
        return str((self.raw.get("spec") or {}).get("holderIdentity") or "")


class Installation(NamedTuple):
    """All of it."""

    namespace: str
    originals: tuple[Original, ...]
    ours: Controller | None
    leases: tuple[Lease, ...]
    services: tuple[dict[str, Any], ...]


def find(cluster: Cluster, namespace: str) -> Installation:
    """Raises: ApiError; KsealError where two Deployments could be kseal's."""
    deployments = [Controller(raw) for raw in cluster.list(DEPLOYMENTS, namespace)]
    originals = [Original(name, one) for one in deployments if (name := controller_of(one)) is not None]
    return Installation(
        namespace,
        tuple(sorted(originals, key=_place)),
        _ours(cluster, deployments),
        tuple(leases(cluster, namespace)),
        tuple(cluster.list(SERVICES, namespace)),
    )


def leases(cluster: Cluster, namespace: str) -> Iterator[Lease]:
    """The Leases of the controllers that kseal can be, as they are now. Raises: ApiError."""
    for raw in cluster.list(LEASES, namespace):
        role = next((role for role in ROLES if role.has_lease(raw["metadata"]["name"])), None)
        if role is not None:
            yield Lease(role, raw)


def _ours(cluster: Cluster, beside: list[Controller]) -> Controller | None:
    """By its name beside Flux, else by its labels wherever we may look."""
    named = next((one for one in beside if one.name == OURS), None)
    if named is not None:
        return named
    labelled: list[Controller] = []
    with suppress(Forbidden, NotFound):  # who may not look everywhere installs it beside Flux, under its name
        labelled = [Controller(raw) for raw in cluster.list(DEPLOYMENTS, label_selector=_LABELS)]
    if len(labelled) > 1:
        names = ", ".join(one.ref for one in labelled)
        raise KsealError(
            f"more than one Deployment could be kseal's: {names}", f"name the one that is meant {OURS}, beside Flux"
        )
    return labelled[0] if labelled else None


def _place(original: Original) -> tuple[int, str]:
    role = original.role
    return (ROLES.index(role) if role is not None else len(ROLES), original.deployment.name)
