"""How the objects of a Kustomization are told from others, and what of earlier tools is taken off them. Pure.

Source: flux.md section 4.6; fluxcd/kustomize-controller internal/controller/kustomization_controller.go, apply.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from controller.flux.names import KUSTOMIZE, KUSTOMIZE_CONTROLLER, Name
from engine.ownership import Foreign, Ownership

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_FOREIGN: Final = (
    Foreign("kubectl", "Apply"),
    Foreign("kubectl", "Update"),
    Foreign("before-first-apply", "Update"),
    Foreign(KUSTOMIZE_CONTROLLER, "Update"),
)


def ownership_of(
    name: Name,
    *,
    common_labels: Mapping[str, str] | None = None,
    common_annotations: Mapping[str, str] | None = None,
    overridden: Iterable[str] = (),
    migrates_versions: bool = False,
) -> Ownership:
    """The ownership of one Kustomization; `overridden` are more field managers whose edits are undone."""
    more = (Foreign(manager, operation) for manager in overridden for operation in ("Apply", "Update"))
    return Ownership(
        manager=KUSTOMIZE_CONTROLLER,
        labels={f"{KUSTOMIZE}/name": name.name, f"{KUSTOMIZE}/namespace": name.namespace},
        control=KUSTOMIZE,
        foreign=(*_FOREIGN, *more),
        kept_manager="flux-client-side-apply",
        dropped_annotations=(_LAST_APPLIED, f"{KUSTOMIZE}/checksum", "fluxcd.io/sync-checksum"),
        dropped_labels=("fluxcd.io/sync-gc-mark",),
        common_labels=common_labels or {},
        common_annotations=common_annotations or {},
        migrates_versions=migrates_versions,
    )
