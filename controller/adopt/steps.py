"""The steps of which takeovers and ways back are made: Deployments scaled down and up, Services led elsewhere.

Nothing is deleted, and what was there before is kept in annotations on the spot, so that the way back needs no memory
elsewhere. Each step looks at what is there, so a run that was ended half-way is simply run again.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from controller.adopt.installation import DEPLOYMENTS, Controller
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.refs import SERVICES, ObjectRef, Resource

REPLICAS: Final = "kseal/replicas-before-adoption"
SELECTOR: Final = "kseal/selector-before-adoption"
PORTS: Final = "kseal/ports-before-adoption"

_PODS: Final = Resource("", "v1", "pods", "Pod")
_PAUSE_SECONDS: Final = 0.25
_FINISHED: Final = ("Succeeded", "Failed")


class Step(NamedTuple):
    """One change, in words and as what makes it."""

    ref: str
    change: str
    run: Callable[[Cluster], None]


class Patience(NamedTuple):
    """How long steps wait, in seconds, and for which verb's sake."""

    system: str
    """The word after `kseal adopt`."""
    gone: float = 120.0
    """For the Pods of a Deployment that was scaled down; each has 30 to end."""
    ready: float = 180.0
    """For the Pods of a Deployment that was scaled up: an image may have to be pulled."""


Look = Callable[[Cluster], str]
"""Says what is still waited for, as the beginning of a sentence; empty when nothing is."""


def down(controller: Controller) -> Step:
    """Scale to zero."""
    return Step(
        controller.ref,
        f"replicas {controller.replicas} -> 0",
        lambda cluster: _scale(cluster, controller, 0, remember=str(controller.replicas)),
    )


def up(controller: Controller, *, after: Sequence[Controller], patience: Patience, look: Look | None = None) -> Step:
    """Scale to what was before, or to one, once no Pod of the others is left and `look` finds nothing either; wait
    until that many are available."""
    remembered = controller.annotations.get(REPLICAS, "")
    replicas = max(int(remembered), 1) if remembered.isdecimal() else 1

    def run(cluster: Cluster) -> None:
        _wait(lambda now: "; ".join(filter(None, (_left(now, one) for one in after))), cluster, patience.gone, patience)
        if look is not None:
            _wait(look, cluster, patience.gone, patience)
        _scale(cluster, controller, replicas, remember=None)
        wait_ready(cluster, controller, patience)

    return Step(controller.ref, f"replicas {controller.replicas} -> {replicas}", run)


def redirect(service: dict[str, Any], to: Controller, patience: Patience, *, port: int | None = None) -> Step:
    """Let a Service that clients know lead to other Pods, once they answer; at a port of theirs, where it is another
    than the one that the Service names."""
    old, new = service["spec"].get("selector") or {}, to.selector
    annotations: dict[str, str | None] = {SELECTOR: json.dumps(old, sort_keys=True)}
    spec: dict[str, Any] = {"selector": {**dict.fromkeys(old), **new}}
    if port is not None:
        ports = service["spec"].get("ports") or []
        annotations[PORTS] = json.dumps(ports, sort_keys=True)
        spec["ports"] = [{**one, "targetPort": port} for one in ports]
    step = _changing(service, f"leads to {to.ref}", annotations, spec)

    def run(cluster: Cluster) -> None:
        wait_ready(cluster, to, patience)
        step.run(cluster)

    return step._replace(run=run)


def restore(service: dict[str, Any]) -> Step:
    """Let a Service lead where it led before."""
    annotations = service["metadata"]["annotations"]
    now = service["spec"].get("selector") or {}
    spec: dict[str, Any] = {"selector": {**dict.fromkeys(now), **json.loads(annotations[SELECTOR])}}
    if PORTS in annotations:
        spec["ports"] = json.loads(annotations[PORTS])
    return _changing(service, "leads to the original again", dict.fromkeys((SELECTOR, PORTS)), spec)


def is_redirected(service: dict[str, Any]) -> bool:
    """Whether a takeover has led it elsewhere."""
    return SELECTOR in (service["metadata"].get("annotations") or {})


def leads_to(service: dict[str, Any], original: Controller, ours: Controller) -> bool:
    """Whether a Service selects the original's Pods and not ours."""
    selector = (service["spec"].get("selector") or {}).items()
    return bool(selector) and selector <= original.pod_labels.items() and not selector <= ours.pod_labels.items()


def wait_ready(cluster: Cluster, controller: Controller, patience: Patience) -> None:
    """Wait until as many Pods are available as are wanted. Raises: KsealError when that takes too long."""

    def look(cluster: Cluster) -> str:
        live = cluster.get(DEPLOYMENTS, controller.namespace, controller.name)
        status = live.get("status") or {}
        is_seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
        is_ready = is_seen and status.get("availableReplicas", 0) >= live["spec"]["replicas"]
        return "" if is_ready else f"{controller.ref}: its Pods have not become available"

    _wait(look, cluster, patience.ready, patience)


def _changing(service: dict[str, Any], change: str, annotations: dict[str, str | None], spec: dict[str, Any]) -> Step:
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    body = {"metadata": {"annotations": annotations}, "spec": spec}

    def run(cluster: Cluster) -> None:
        cluster.patch(SERVICES, namespace, name, body)

    return Step(str(ObjectRef("", "Service", namespace, name)), change, run)


def _scale(cluster: Cluster, controller: Controller, replicas: int, *, remember: str | None) -> None:
    body = {"metadata": {"annotations": {REPLICAS: remember}}, "spec": {"replicas": replicas}}
    cluster.patch(DEPLOYMENTS, controller.namespace, controller.name, body)


def _left(cluster: Cluster, controller: Controller) -> str:
    left = _pods(cluster, controller)
    return f"{controller.ref}: its Pods have not ended ({', '.join(left)})" if left else ""


def _pods(cluster: Cluster, controller: Controller) -> list[str]:
    """The Pods of a Deployment that still run, known by the name of its ReplicaSets."""
    labels = ",".join(f"{name}={value}" for name, value in sorted(controller.selector.items()))
    found = []
    for pod in cluster.list(_PODS, controller.namespace, label_selector=labels):
        metadata = pod["metadata"]
        made_by = f"{controller.name}-{(metadata.get('labels') or {}).get('pod-template-hash', '')}"
        is_its = any(owner.get("name") == made_by for owner in metadata.get("ownerReferences") or [])
        if is_its and (pod.get("status") or {}).get("phase") not in _FINISHED:
            found.append(metadata["name"])
    return found


def _wait(look: Look, cluster: Cluster, limit_seconds: float, patience: Patience) -> None:
    """Raises: KsealError when it takes too long."""
    deadline = time.monotonic() + limit_seconds
    while what := look(cluster):
        if time.monotonic() > deadline:
            raise KsealError(
                f"{what} within {limit_seconds:.0f} s",
                f"see to it and run the same again, or go back with kseal adopt {patience.system} --undo",
            )
        time.sleep(_PAUSE_SECONDS)
