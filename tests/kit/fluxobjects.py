"""Flux's kinds in a control plane: their definitions, objects, and statuses as a controller would write them."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from tests.kit.controlplane import ControlPlane
from tests.kit.tree import ROOT

FOLDER: Final = ROOT / "deploy" / "crds" / "flux"
PLURALS: Final = {
    "GitRepository": ("source.toolkit.fluxcd.io", "gitrepositories"),
    "ExternalArtifact": ("source.toolkit.fluxcd.io", "externalartifacts"),
    "Kustomization": ("kustomize.toolkit.fluxcd.io", "kustomizations"),
    "Receiver": ("notification.toolkit.fluxcd.io", "receivers"),
}
REQUESTED_AT: Final = "reconcile.fluxcd.io/requestedAt"
_MERGE: Final = "application/merge-patch+json"
_DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def install_definitions(plane: ControlPlane) -> None:
    """Let the API server serve the kinds."""
    files = sorted(path for path in FOLDER.glob("*_*.yaml"))
    for path in files:
        plane.api.ensure(_DEFINITIONS, yaml.safe_load(path.read_text()))
    for path in files:
        group, plural = path.stem.split("_")
        plane.wait_established(f"{plural}.{group}")


def git_repository(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A GitRepository of an address that nobody reads."""
    return _object(namespace, name, "GitRepository", {"interval": "1m", "url": "https://git.invalid/web.git", **spec})


def kustomization(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A Kustomization of the GitRepository `web`."""
    source = {"kind": "GitRepository", "name": "web"}
    return _object(
        namespace, name, "Kustomization", {"interval": "5m", "prune": True, "path": "./", "sourceRef": source, **spec}
    )


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """The URL path of an object, or of all of its kind in a namespace."""
    group, plural = PLURALS[kind]
    return f"/apis/{group}/v1/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def create(plane: ControlPlane, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Make an object; as the server has it then."""
    made: dict[str, Any] = plane.api.json("POST", path_of(obj["kind"], obj["metadata"]["namespace"]), obj)
    return made


def report(
    plane: ControlPlane, obj: Mapping[str, Any], *, ready: str, reason: str, message: str, **status: Any
) -> None:
    """Write a status as a controller does that has seen the object as it is now, and the request in it."""
    path = path_of(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
    now = plane.api.json("GET", path)["metadata"]
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": now["generation"],
    }
    requested = (now.get("annotations") or {}).get(REQUESTED_AT)
    body = {"observedGeneration": now["generation"], "conditions": [condition], **status}
    if requested:
        body["lastHandledReconcileAt"] = requested
    plane.api.text("PATCH", f"{path}/status", {"status": body}, content_type=_MERGE)


def _object(namespace: str, name: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": f"{PLURALS[kind][0]}/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
