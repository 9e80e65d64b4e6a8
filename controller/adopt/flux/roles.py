"""Flux's controllers: which Deployment is which of them, and which of them kseal can be.

Source: fluxcd/flux2 manifests: names, labels, images and ports of the controllers; flux.md section 9 for shards.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from controller.adopt.installation import Controller, image_of
from controller.flux.names import KUSTOMIZE_CONTROLLER, NOTIFICATION_CONTROLLER, SOURCE_CONTROLLER, lease_of

HOME: Final = "flux-system"


class Role(NamedTuple):
    """A controller of Flux's that kseal can be."""

    controller: str
    part: str
    """The word of it in kseal's settings; the component is `flux-` and this."""
    port: tuple[str, int] | None = None
    """The port, by its name and number, at which it answers others; None when nobody asks it."""

    @property
    def component(self) -> str:
        """The word for `--components`."""
        return f"flux-{self.part}"

    def has_lease(self, name: str) -> bool:
        """Whether a Lease is one of this controller: its own, or that of a shard, which has a hash behind it."""
        own = lease_of(self.controller)
        return name == own or name.startswith(f"{own}-")


ROLES: Final = (
    Role(KUSTOMIZE_CONTROLLER, "kustomize"),
    Role(NOTIFICATION_CONTROLLER, "notification", ("http-webhook", 9292)),
    Role(SOURCE_CONTROLLER, "source", ("http", 9090)),
)
"""In the order in which they are stopped: first the one that writes to what others own."""
STAYING: Final = ("helm-controller", "image-automation-controller", "image-reflector-controller", "source-watcher")
"""Flux's other controllers."""
_NAMES: Final = (*(role.controller for role in ROLES), *STAYING)
_PART_OF: Final = "app.kubernetes.io/part-of"
_COMPONENT: Final = "app.kubernetes.io/component"


def controller_of(found: Controller) -> str | None:
    """Which of Flux's controllers a Deployment runs, a shard included; None for whatever else it is."""
    if found.is_ours:
        return None
    labels: Mapping[str, Any] = found.raw["metadata"].get("labels") or {}
    if found.name in _NAMES:
        return found.name
    if labels.get(_PART_OF) == "flux" and labels.get(_COMPONENT) in _NAMES:
        return str(labels[_COMPONENT])
    image = image_of(found.raw["spec"]["template"]["spec"]["containers"][0])
    return image if image in _NAMES else None


def role_of(controller: str) -> Role | None:
    """What kseal would be in place of a controller; None when that one stays anyhow."""
    return next((role for role in ROLES if role.controller == controller), None)
