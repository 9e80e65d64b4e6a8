"""A namespace with a controller of ours in it, and the few things that tests do there again and again.

Every value sealed here carries the run's planted value, and every controller is searched for it at its end: so each
test is also a test that nothing leaks.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sealer.certificates import Certificate
from sealer.scope import Scope
from sealer.sealedsecret import seal_secret
from tests.kit import leaks
from tests.kit.controlplane import ControlPlane
from tests.kit.leaks import CANARY, Place
from tests.kit.process import Nest, wait_until
from tests.kit.running import Running, RunningController
from tests.kit.tree import ROOT

PLANTED: Final = "planted"
"""The item that holds the planted value."""
# What tests wait for is asked again and again: a plain request costs a twentieth of a start of kubectl.
_KINDS: Final = {
    "configmap": ("/api/v1", "configmaps"),
    "lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "sealedsecret": ("/apis/bitnami.com/v1alpha1", "sealedsecrets"),
    "secret": ("/api/v1", "secrets"),
}


class Ground:
    """One namespace of a control plane, its controller (that namespace only), and sealing for it."""

    def __init__(
        self,
        plane: ControlPlane,
        nest: Nest,
        *,
        flags: Sequence[str] = (),
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.plane = plane
        self.namespace = plane.create_namespace()
        self.controller: Running = RunningController(
            nest,
            kubeconfig or plane.kubeconfig,
            namespace=self.namespace,
            flags=["--all-namespaces=false", "--key-size=2048", *flags],
            environment=environment,
        )

    def sealed(
        self,
        name: str,
        values: Mapping[str, bytes],
        *,
        scope: Scope | None = None,
        certificate: str | None = None,
        template: Mapping[str, Any] | None = None,
        **secret: Any,
    ) -> dict[str, Any]:
        """A SealedSecret for the controller's newest key; `template` is merged into spec.template.metadata."""
        values = {**values, PLANTED: CANARY.value}
        pem = (certificate or self.controller.certificate()).encode()
        raw = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self.namespace, **(template or {})},
            "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
            **secret,
        }
        public_key = Certificate.parse(pem, source="the controller").public_key
        return seal_secret(raw, public_key, scope=scope, allow_empty=True)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects as a person would."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(listed), namespace=self.namespace)

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object as it is now; None when there is none."""
        group, plural = _KINDS[kind]
        return self.plane.api.find(f"{group}/namespaces/{self.namespace}/{plural}/{name}")

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """An object that has to be there."""
        found = self.find(kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def values(self, name: str) -> dict[str, bytes] | None:
        """The plain values of a Secret but for the planted one; None when there is no such Secret."""
        found = self.find("secret", name)
        if found is None:
            return None
        data = {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}
        return {key: value for key, value in data.items() if key != PLANTED}

    def condition(self, name: str) -> dict[str, Any]:
        """The Synced condition that speaks of the present generation; empty while there is none."""
        found = self.get("sealedsecret", name)
        status = found.get("status") or {}
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return {}
        return next((one for one in status.get("conditions") or [] if one["type"] == "Synced"), {})

    def events(self, name: str) -> list[dict[str, Any]]:
        """The Events about a SealedSecret, oldest first."""
        selector = quote(f"involvedObject.kind=SealedSecret,involvedObject.name={name}")
        path = f"/api/v1/namespaces/{self.namespace}/events?fieldSelector={selector}"
        items: list[dict[str, Any]] = self.plane.api.json("GET", path)["items"]
        return items

    def wait_synced(self, name: str, *, limit_seconds: float = 30.0) -> None:
        """Wait until the controller reports success for the present generation."""
        wait_until(
            lambda: self.condition(name).get("status") == "True", f"{name} is synced", limit_seconds=limit_seconds
        )

    def wait_failed(self, name: str, *, containing: str = "", limit_seconds: float = 30.0) -> str:
        """Wait until the controller reports a failure whose text has these words; returns the text."""

        def failed() -> bool:
            condition = self.condition(name)
            return condition.get("status") == "False" and containing in condition.get("message", "")

        wait_until(failed, f"{name} fails with {containing!r}", limit_seconds=limit_seconds)
        message: str = self.condition(name)["message"]
        return message

    def places(self) -> Iterator[Place]:
        """Everything that people or programs without a right to read Secrets may see of the controller's work."""
        yield from leaks.files(self.controller.folder)
        yield from leaks.process(self.controller.process.pid)
        yield Place("metrics", self.controller.metrics().encode())
        yield Place("readiness", self.controller.get("/readyz")[1].encode())
        for kind in ("events", "sealedsecrets"):
            shown = self.plane.kubectl("get", kind, "-o", "json", namespace=self.namespace).stdout
            yield Place(kind, shown.encode())


@contextmanager
def open_ground(plane: ControlPlane, *flags: str, environment: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """A ground whose controller is not started yet; at the end nothing of the planted value may be found."""
    with Nest("controller") as nest:
        ground = Ground(plane, nest, flags=flags, environment=environment)
        yield ground
        leaks.assert_absent(ground.places())


def install_crd(plane: ControlPlane) -> None:
    """Install our CRD and wait until it is served."""
    plane.kubectl("apply", "-k", str(ROOT / "deploy" / "crds"))
    plane.wait_established()
