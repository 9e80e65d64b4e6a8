"""Flux as its installation leaves it in a cluster, without Pods: Deployments, Services, Leases, the resources.

There is no kubelet: `Kubelet` says of each Deployment that as many Pods are available as are wanted.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from tests.kit import fluxobjects
from tests.kit.controlplane import ControlPlane
from tests.kit.process import wait_until

HOME: Final = "flux-system"
REPLACEABLE: Final = ("kustomize-controller", "notification-controller", "source-controller")
FOREIGN_KINDS: Final = {
    "HelmRepository": ("source.toolkit.fluxcd.io", "v1", "helmrepositories"),
    "Alert": ("notification.toolkit.fluxcd.io", "v1beta3", "alerts"),
}
"""Some of the kinds that kseal leaves to Flux; what is in them does not matter."""
_SERVICES: Final = {
    "source-controller": ("source-controller", "http"),
    "notification-controller": ("notification-controller", "http"),
    "webhook-receiver": ("notification-controller", "http-webhook"),
}
_MERGE: Final = "application/merge-patch+json"
_DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/{namespace}/deployments"


class FluxInstallation:
    """Flux in one namespace of a control plane, and kseal beside it."""

    def __init__(self, plane: ControlPlane, namespace: str = HOME) -> None:
        self.plane = plane
        self.namespace = namespace

    def install(self, *controllers: str, manager: str = "kubectl", **changes: Any) -> None:
        """Apply Deployments and Services of some of Flux's controllers, or of those that kseal can be."""
        wanted = controllers or REPLACEABLE
        self.apply(*(deployment(name, self.namespace, **changes) for name in wanted), manager=manager)
        self.apply(*(raw for raw in services(self.namespace) if raw["spec"]["selector"]["app"] in wanted))

    def install_ours(self, *flags: str, replicas: int = 0, name: str = "kseal-deliveries") -> None:
        """Apply kseal's Deployment."""
        self.apply(ours(self.namespace, *flags, replicas=replicas, name=name))

    def apply(self, *objects: Mapping[str, Any], manager: str = "kubectl") -> None:
        """Apply objects in the name of a field manager."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        flags = ["--server-side", "--force-conflicts", f"--field-manager={manager}"]
        self.plane.kubectl("apply", *flags, "-f", "-", input=json.dumps(listed))

    def give_inventory(self, kustomization: str, *ids: str) -> None:
        """Have a Kustomization of this namespace say that it has applied objects, as it stands now."""
        path = fluxobjects.path_of("Kustomization", self.namespace, kustomization)
        raw = self.plane.api.json("GET", path)
        entries = [{"id": found, "v": "v1"} for found in ids]
        fluxobjects.report(
            self.plane,
            raw,
            ready="True",
            reason="ReconciliationSucceeded",
            message="Applied revision: main@sha1:1eabc9a4",
            inventory={"entries": entries},
        )

    def hold(self, controller: str, holder: str, *, seconds: int = 3600) -> None:
        """Have somebody hold the Lease of a controller; nobody for an empty holder."""
        metadata = {"name": f"{controller}-leader-election", "namespace": self.namespace}
        spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds}
        self.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})

    def read(self, name: str) -> dict[str, Any]:
        """A Deployment."""
        found: dict[str, Any] = self.plane.api.json("GET", f"{self._deployments}/{name}")
        return found

    def replicas(self) -> dict[str, int]:
        """The replicas that are wanted, of each Deployment."""
        items = self.plane.api.json("GET", self._deployments)["items"]
        return {one["metadata"]["name"]: one["spec"]["replicas"] for one in items}

    def leads_to(self, service: str) -> tuple[dict[str, str], str | int]:
        """Whom a Service leads to, and at which port."""
        path = f"/api/v1/namespaces/{self.namespace}/services/{service}"
        spec = self.plane.api.json("GET", path)["spec"]
        (port,) = spec["ports"]
        return spec["selector"], port["targetPort"]

    @property
    def _deployments(self) -> str:
        return _DEPLOYMENTS.format(namespace=self.namespace)


def bootstrap(plane: ControlPlane) -> FluxInstallation:
    """Flux at work in its usual namespace, with the Kustomization that holds Flux itself."""
    fluxobjects.install_definitions(plane)
    plane.api.ensure("/api/v1/namespaces", {"metadata": {"name": HOME}})
    flux = FluxInstallation(plane)
    flux.install(*REPLACEABLE, "helm-controller", manager="kustomize-controller")
    flux.apply(
        fluxobjects.git_repository(HOME, "flux-system"),
        fluxobjects.kustomization(HOME, "flux-system", path="./clusters/production"),
    )
    flux.give_inventory("flux-system", *(f"{HOME}_{name}_apps_Deployment" for name in REPLACEABLE))
    return flux


class Kubelet:
    """Pretends, in a thread, that every Deployment of a namespace has the Pods it wants."""

    def __init__(self, plane: ControlPlane, namespace: str = HOME) -> None:
        self._plane = plane
        self._path = _DEPLOYMENTS.format(namespace=namespace)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.2):
            for one in self._plane.api.json("GET", self._path)["items"]:
                status = _status(one)
                if status.items() - {**(one.get("status") or {})}.items():
                    path = f"{self._path}/{one['metadata']['name']}/status"
                    self._plane.api.text("PATCH", path, {"status": status}, content_type=_MERGE)


def install_foreign_kinds(plane: ControlPlane) -> None:
    """Have the API server serve the kinds that kseal leaves to Flux."""
    for kind, (group, version, plural) in FOREIGN_KINDS.items():
        plane.api.ensure(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _definition(kind, group, version, plural)
        )
        plane.wait_established(f"{plural}.{group}")
        path = f"/apis/{group}/{version}/{plural}"
        wait_until(partial(plane.api.answers, path), f"{kind} is served")


def foreign(kind: str, namespace: str, name: str) -> dict[str, Any]:
    """An object of a kind that kseal leaves to Flux."""
    group, version, _ = FOREIGN_KINDS[kind]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": metadata, "spec": {}}


def deployment(
    name: str, namespace: str = HOME, *, replicas: int = 1, flags: Iterable[str] = (), **metadata: Any
) -> dict[str, Any]:
    """One of Flux's, with its labels, image and flags."""
    labels = {"app.kubernetes.io/component": name, "app.kubernetes.io/part-of": "flux", "control-plane": "controller"}
    arguments = ["--watch-all-namespaces=true", "--log-level=info", "--enable-leader-election", *flags]
    container = {"name": "manager", "image": f"registry.example/fluxcd/{name}:v1.9.0", "args": arguments}
    named = {"name": name, "namespace": namespace, "labels": labels, **metadata}
    return _deployment(named, {"app": name}, container, replicas)


def ours(
    namespace: str = HOME, *flags: str, replicas: int = 0, name: str = "kseal-deliveries", **metadata: Any
) -> dict[str, Any]:
    """kseal's, for deliveries alone unless the flags say otherwise."""
    labels = {"app.kubernetes.io/name": "kseal", "app.kubernetes.io/component": "deliveries"}
    components = () if any(flag.startswith("--components") for flag in flags) else ("--components=flux",)
    container = {
        "name": "kseal",
        "image": "localhost/kseal:0.1.0",
        "command": ["kseal", "controller"],
        "args": [*components, *flags],
        "env": [{"name": "RUNTIME_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "artifacts", "containerPort": 9090}],
    }
    named = {"name": name, "namespace": namespace, "labels": labels, **metadata}
    return _deployment(named, labels, container, replicas)


def services(namespace: str = HOME) -> list[dict[str, Any]]:
    """Flux's Services."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": controller}, "ports": [{"name": "http", "port": 80, "targetPort": port}]},
        }
        for name, (controller, port) in _SERVICES.items()
    ]


def _deployment(
    metadata: Mapping[str, Any], labels: Mapping[str, str], container: Mapping[str, Any], replicas: int
) -> dict[str, Any]:
    pod = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [dict(container)]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(metadata),
        "spec": {"replicas": replicas, "selector": {"matchLabels": dict(labels)}, "template": pod},
    }


def _definition(kind: str, group: str, version: str, plural: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def _status(raw: Mapping[str, Any]) -> dict[str, int]:
    wanted = raw["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
    return {**counts, "observedGeneration": raw["metadata"]["generation"]}
