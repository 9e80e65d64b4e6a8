"""A namespace for Flux's resources, a repository to deliver, and what tests do with both again and again."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.kit.controlplane import ControlPlane
from tests.kit.deliveries import REQUESTED, Names, git_repository, kustomizations, reference
from tests.kit.process import wait_until
from tests.kit.workcopy import WorkCopy

_PATHS: Final = {
    "gitrepository": "/apis/source.toolkit.fluxcd.io/v1",
    "kustomization": "/apis/kustomize.toolkit.fluxcd.io/v1",
}
_SHOWN: Final = 3
Judgement = Callable[[Mapping[str, Any]], bool]
_MERGE: Final = "application/merge-patch+json"


class FluxGround:
    """Flux's resources in one namespace of a control plane, whoever works on them."""

    def __init__(self, plane: ControlPlane, repository: WorkCopy, namespace: str) -> None:
        self.plane = plane
        self.repository = repository
        self.namespace = namespace

    @property
    def names(self) -> Names:
        """The namespaces of the reference scenario."""
        return Names(f"{self.namespace}-staging", f"{self.namespace}-production")

    def begin(self, files: Mapping[str, str] | None = None, **infrastructure: Any) -> None:
        """Push the reference scenario, or these files, and apply the objects that deliver it.

        `infrastructure` are more fields of the first Kustomization's spec.
        """
        self.repository.write_all(reference(self.names) if files is None else files)
        self.repository.push("the reference scenario")
        self.apply(git_repository(self.repository, self.namespace), *kustomizations(self.namespace, **infrastructure))

    def give_secret(self, name: str, values: Mapping[str, str]) -> None:
        """Have a Secret beside the resources, for them to name."""
        secret = {"metadata": {"name": name}, "stringData": dict(values)}
        self.plane.api.text("POST", f"/api/v1/namespaces/{self.namespace}/secrets", secret)

    def find(self, path: str) -> dict[str, Any] | None:
        """Any object by its path at the API server; None when there is none."""
        return self.plane.api.find(path)

    def web(self, namespace: str) -> dict[str, Any]:
        """The Deployment of the scenario in one of its namespaces."""
        found = self.find(f"/apis/apps/v1/namespaces/{namespace}/deployments/web")
        assert found is not None, f"there is no Deployment web in {namespace}"
        return found

    def level(self, namespace: str) -> str:
        """What that Deployment's container gets as LEVEL."""
        (container,) = self.web(namespace)["spec"]["template"]["spec"]["containers"]
        (variable,) = container["env"]
        return str(variable["value"])

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply objects as a person would."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(listed))

    def path(self, kind: str, name: str) -> str:
        """Where the API server has a GitRepository or a Kustomization."""
        return f"{_PATHS[kind]}/namespaces/{self.namespace}/{_plural(kind)}/{name}"

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One of them, as it is now."""
        found = self.plane.api.find(self.path(kind, name))
        assert found is not None, f"there is no {kind} {name}"
        return found

    def ready(self, kind: str, name: str) -> dict[str, Any]:
        """The condition Ready that speaks of the present generation; empty while there is none."""
        return ready(self.get(kind, name))

    def revision(self, kind: str, name: str) -> str:
        """What it says it has: the artifact's revision, or the one that was applied last."""
        return revision(self.get(kind, name))

    def wait_ready(self, kind: str, *names: str, at: str | None = None, limit_seconds: float = 60.0) -> None:
        """Wait until all are ready, at the repository's newest revision unless another one is given."""
        wanted = self.repository.revision if at is None else at

        def is_ready(one: Mapping[str, Any]) -> bool:
            return ready(one).get("status") == "True" and revision(one) == wanted

        self._wait(is_ready, kind, names, f"ready at {wanted}", limit_seconds)

    def wait_handled(self, kind: str, *names: str, value: str, limit_seconds: float = 60.0) -> None:
        """Wait until a pass that was asked for is over."""

        def is_handled(one: Mapping[str, Any]) -> bool:
            handled = (one.get("status") or {}).get("lastHandledReconcileAt")
            return handled == value and ready(one).get("status") in {"True", "False"}

        self._wait(is_handled, kind, names, f"handled at {value}", limit_seconds)

    def wait_failed(self, kind: str, name: str, *, containing: str = "", limit_seconds: float = 60.0) -> str:
        """Wait until it reports a failure whose text has these words; returns the text."""

        def has_failed(one: Mapping[str, Any]) -> bool:
            found = ready(one)
            return found.get("status") == "False" and containing in found.get("message", "")

        self._wait(has_failed, kind, (name,), f"failed with {containing!r}", limit_seconds)
        return str(self.ready(kind, name)["message"])

    def request(self, kind: str, *names: str, value: str = "") -> str:
        """Ask for a pass, as `flux reconcile` does, without waiting for it; returns what was written."""
        value = value or f"{time.time_ns()}"
        for name in names:
            self.patch(kind, name, {"metadata": {"annotations": {REQUESTED: value}}})
        return value

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into it."""
        self.plane.api.text("PATCH", self.path(kind, name), change, content_type=_MERGE)

    def suspend(self) -> None:
        """Have nobody work on the resources of the namespace any more."""
        for kind in _PATHS:
            for one in self._all(kind):
                self.patch(kind, one["metadata"]["name"], {"spec": {"suspend": True}})

    def delete(self, kind: str, name: str) -> None:
        """Delete it and return at once: its finalizer may hold it."""
        self.plane.api.text("DELETE", self.path(kind, name))

    def wait_gone(self, path: str, *, limit_seconds: float = 60.0) -> None:
        """Wait until the API server has no object at a path."""
        wait_until(lambda: self.plane.api.find(path) is None, f"{path} is gone", limit_seconds=limit_seconds)

    def deliver(self, message: str = "change") -> str:
        """Push what was changed and have the source fetched now; returns the commit."""
        commit = self.repository.push(message)
        self.request("gitrepository", "fleet")
        return commit

    def _all(self, kind: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.plane.api.json("GET", self.path(kind, "").rstrip("/"))["items"]
        return items

    def _wait(self, is_done: Judgement, kind: str, names: Sequence[str], what: str, limit_seconds: float) -> None:
        """Wait until it holds for all of the names. What does not hold for is shown in the error."""
        missing: dict[str, Any] = {}

        def are_done() -> bool:
            found = {one["metadata"]["name"]: one for one in self._all(kind)}
            missing.clear()
            missing.update({name: found.get(name) for name in names if name not in found or not is_done(found[name])})
            return not missing

        whose = names[0] if len(names) == 1 else f"{len(names)} {kind}s"
        try:
            wait_until(are_done, f"{whose}: {what}", limit_seconds=limit_seconds, every_seconds=0.1)
        except TimeoutError as error:
            for name, one in [*missing.items()][:_SHOWN]:
                error.add_note(f"{kind} {name}: {json.dumps(one and one.get('status'))[:2000]}")
            raise


def ready(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The condition Ready of a resource of Flux's, if it speaks of the present generation; else empty.

    Its own generation counts: that of the status stays behind where the first pass failed.
    """
    conditions = (raw.get("status") or {}).get("conditions") or []
    generation = raw["metadata"]["generation"]
    return next((one for one in conditions if (one["type"], one["observedGeneration"]) == ("Ready", generation)), {})


def revision(raw: Mapping[str, Any]) -> str:
    """What a resource says it has: the artifact's revision, or the one that was applied last."""
    status = raw.get("status") or {}
    return str(status.get("lastAppliedRevision") or (status.get("artifact") or {}).get("revision", ""))


def _plural(kind: str) -> str:
    return "gitrepositories" if kind == "gitrepository" else f"{kind}s"


def suspend_everything(plane: ControlPlane) -> None:
    """Have nobody work on any resource of a control plane any more: the controllers of the next test would begin with
    those of this one, and the real ones spend minutes on what never becomes healthy."""
    for kind, path in _PATHS.items():
        for one in plane.api.json("GET", f"{path}/{_plural(kind)}")["items"]:
            metadata = one["metadata"]
            where = f"{path}/namespaces/{metadata['namespace']}/{_plural(kind)}/{metadata['name']}"
            plane.api.text("PATCH", where, {"spec": {"suspend": True}}, content_type=_MERGE)
