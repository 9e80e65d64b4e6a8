"""Tenants under lock-down: namespaces with a service account of few rights each, and what they try.

The controller itself may do everything in the cluster, so whatever a tenant is refused is refused because the
controller asks in the tenant's name, or not at all.
"""

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import git_repository, kustomization
from tests.kit.flux import HOME, OurController, user_of
from tests.kit.fluxground import FluxGround
from tests.kit.fluxobjects import install_definitions
from tests.kit.leaks import Place
from tests.kit.process import Nest
from tests.kit.workcopy import Host, WorkCopy

CONTROLLER: Final = user_of("kseal")
FLAGS: Final = (
    "--lockdown",
    "--allow-networks=127.0.0.1/32",
    "--requeue-dependency=1s",
    "--max-objects=60",
    "--http-retry=0",
    "--feature-gates=ExternalArtifact=true",
    "--log-format=json",
)
"""Repositories of tests are on this machine, which lock-down does not dial else; 127.0.0.2 stays forbidden."""
FORBIDDEN: Final = "127.0.0.2"
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
EDITOR: Final = ({"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]},)


class Tenant(FluxGround):
    """One namespace, one repository, and a service account `deployer` that may do everything in that namespace."""

    def __init__(self, plane: ControlPlane, host: Host, folder: Path) -> None:
        namespace = plane.create_namespace("tenant")
        super().__init__(plane, WorkCopy(host, folder / namespace, namespace), namespace)
        self.give_account("deployer", EDITOR)

    def give_account(self, name: str, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Have a service account that may do this in the namespace."""
        self.plane.api.ensure(f"/api/v1/namespaces/{self.namespace}/serviceaccounts", {"metadata": {"name": name}})
        if rules:
            subject = {"kind": "ServiceAccount", "namespace": self.namespace, "name": name}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            folder = f"{_RBAC}/namespaces/{self.namespace}"
            self.plane.api.ensure(f"{folder}/roles", {"metadata": {"name": name}, "rules": list(rules)})
            binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
            self.plane.api.ensure(f"{folder}/rolebindings", binding)

    def user(self, account: str = "deployer") -> str:
        """How a service account is called."""
        return f"system:serviceaccount:{self.namespace}:{account}"

    def push(self, files: Mapping[str, str]) -> None:
        """Have these files in the repository."""
        self.repository.write_all(files)
        self.repository.push()

    def deliver_files(self, files: Mapping[str, str], *, account: str | None = "deployer", **spec: Any) -> None:
        """Push files below `app`, and have them delivered by the Kustomization `app`."""
        self.push({f"app/{path}": text for path, text in files.items()})
        self.apply(git_repository(self.repository, self.namespace), self.app(account=account, **spec))

    def app(self, name: str = "app", path: str = "./app", *, account: str | None = "deployer", **spec: Any) -> Any:
        """A Kustomization under an account, of the own namespace; what is None is left out."""
        given = {"retryInterval": "2s", "serviceAccountName": account, "targetNamespace": self.namespace, **spec}
        told = {field: value for field, value in given.items() if value is not None}
        return kustomization(name, self.namespace, path, **told)

    def wait_failed(self, kind: str, name: str, *, containing: str = "", limit_seconds: float = 20.0) -> str:
        """As for everybody, but sooner given up."""
        return super().wait_failed(kind, name, containing=containing, limit_seconds=limit_seconds)

    def config_map(self, name: str) -> dict[str, Any] | None:
        """A ConfigMap of the namespace."""
        return self.find(f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")

    def write_status(self, kind: str, name: str, status: Mapping[str, Any]) -> None:
        """Merge this into a status, as somebody with rights on it can."""
        path = f"{self.path(kind, name)}/status"
        self.plane.api.text("PATCH", path, {"status": status}, content_type="application/merge-patch+json")


class LockedDown:
    """A control plane with an audit log and the real controller, locked down. A context manager."""

    def __init__(self, plane: ControlPlane, flags: Sequence[str] = ()) -> None:
        self.plane = plane
        self.nest = Nest("locked-down")
        self.controller = OurController(self.nest, plane, flags=[*FLAGS, *flags])

    def __enter__(self) -> Self:
        install_definitions(self.plane)
        self.nest.__enter__()
        try:
            self.controller.start()
        except BaseException:
            self.nest.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.controller.stop()
        finally:
            self.nest.__exit__(kind, error, trace)

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """What the controller has logged, under one name where given."""
        found = (json.loads(line) for line in self.controller.log.splitlines() if line.startswith("{"))
        return [line for line in found if not event or event in (line.get("event"), line.get("msg"))]

    def requests(self, namespace: str) -> Iterator[tuple[str, str, str, str]]:
        """What the controller has asked of objects in a namespace: as whom, verb, resource, name."""
        for event in self.plane.audit_events(user=CONTROLLER):
            reference = event.get("objectRef") or {}
            if reference.get("namespace") == namespace:
                acting = (event.get("impersonatedUser") or {}).get("username", "")
                resource = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
                yield acting, event["verb"], resource, reference.get("name", "")

    def shown(self) -> Iterator[Place]:
        """Everything in which people and programs see what the controller says."""
        yield Place("the log", self.controller.log.encode())
        for path in (
            "/api/v1/events",
            "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
            "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
            f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases",
        ):
            yield Place(path, self.plane.api.text("GET", path).encode())


class Tripwire:
    """A port at an address that must not be dialled: counts who does it all the same. A context manager."""

    def __init__(self, address: str = FORBIDDEN) -> None:
        self._socket = socket.create_server((address, 0))
        self.address = address
        self.port: int = self._socket.getsockname()[1]
        self.touched = 0
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        for one in self._held:
            one.close()

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def _accept(self) -> None:
        """Take whoever comes, and never say a word."""
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self.touched += 1
            self._held.append(one)


@contextmanager
def untouched() -> Iterator[Tripwire]:
    """A trip wire that nobody may have touched in the end."""
    with Tripwire() as wire:
        yield wire
        assert wire.touched == 0, "an address was dialled that is forbidden"


def config_map(name: str, **more: Any) -> str:
    """The text of a ConfigMap; JSON is YAML."""
    metadata = {"name": name, **more.pop("metadata", {})}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}) + "\n"
