"""A front door of the controller alone, without the rest of it: what it tells, kept for assertions."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from controller.runtime.frontdoor import FrontDoor
from controller.sealed.observed import SEALED_SECRETS
from engine.kube import config
from engine.kube.client import Cluster
from engine.kube.discovery import serves
from tests.kit.controlplane import ControlPlane
from tests.kit.process import wait_until

PATH: Final = "/apis/bitnami.com/v1alpha1"


class Door:
    """An open front door. `told` has each event as (type, name), in order; `view` what a consumer would hold now."""

    def __init__(self, plane: ControlPlane, kubeconfig: Path, namespaces: Collection[str] | None) -> None:
        self._plane = plane
        self.told: list[tuple[str | None, str]] = []
        self.view: dict[str, dict[str, Any]] = {}
        self.problems: list[str] = []
        self.react: Callable[[str | None, dict[str, Any]], None] = lambda *_: None
        connection = config.load(kubeconfig=str(kubeconfig), environ={})
        self._cluster = Cluster(connection)
        self.door = FrontDoor(
            connection,
            SEALED_SECRETS,
            on_event=self._note,
            is_served=lambda: serves(self._cluster, SEALED_SECRETS),
            on_problem=lambda error: self.problems.append(str(error)),
            namespaces=namespaces,
        )

    def _note(self, kind: str | None, raw: dict[str, Any]) -> None:
        name = raw["metadata"]["name"]
        self.told.append((kind, name))
        if kind == "DELETED":
            self.view.pop(name, None)
        else:
            self.view[name] = raw
        self.react(kind, raw)

    def wait_told(self, *events: tuple[str | None, str], limit_seconds: float = 30.0) -> None:
        """Wait until each of these has been told."""
        wait_until(
            lambda: all(event in self.told for event in events), f"told of {events}", limit_seconds=limit_seconds
        )

    def wait_trouble(self, words: str | None, *, limit_seconds: float = 30.0) -> None:
        """Wait for a trouble with these words in it, or (None) for none."""

        def is_so() -> bool:
            trouble = self.door.trouble()
            return trouble is None if words is None else words in (trouble or "")

        wait_until(is_so, f"the trouble is {words}", limit_seconds=limit_seconds)

    def close(self) -> None:
        assert self.door.stop(5.0), "the front door does not end"
        self._cluster.close()


@contextmanager
def open_door(
    plane: ControlPlane, *, kubeconfig: Path | None = None, namespaces: Collection[str] | None = None
) -> Iterator[Door]:
    """Open a front door, as admin unless another kubeconfig is given; closed at the end."""
    door = Door(plane, kubeconfig or plane.kubeconfig, namespaces)
    door.door.start()
    try:
        yield door
    finally:
        door.close()


def put(plane: ControlPlane, namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    """Create a SealedSecret that nobody could open."""
    body = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": name, **metadata},
        "spec": {"encryptedData": {"a": "AgBy"}},
    }
    made: dict[str, Any] = plane.api.json("POST", f"{PATH}/namespaces/{namespace}/sealedsecrets", body)
    return made


def annotate(plane: ControlPlane, namespace: str, name: str, **annotations: str) -> None:
    """Change a SealedSecret."""
    body = {"metadata": {"annotations": annotations}}
    path = f"{PATH}/namespaces/{namespace}/sealedsecrets/{name}"
    plane.api.text("PATCH", path, body, content_type="application/merge-patch+json")


def remove(plane: ControlPlane, namespace: str, name: str) -> None:
    """Delete a SealedSecret."""
    plane.api.text("DELETE", f"{PATH}/namespaces/{namespace}/sealedsecrets/{name}")
