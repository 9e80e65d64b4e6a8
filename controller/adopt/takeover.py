"""The takeover and the way back, as a list of steps: stop the one controller, wait until it is gone, start the other.

Nothing is deleted, and what was there before is kept in annotations on the spot, so that the way back needs no memory
elsewhere. Each step looks at what is there, so a run that was ended half-way is simply run again.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from controller.adopt.installation import DEPLOYMENTS, Controller, Installation
from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.refs import SERVICES, ObjectRef, Resource

REPLICAS: Final = "kseal/replicas-before-adoption"
SELECTOR: Final = "kseal/selector-before-adoption"
GONE_SECONDS: Final = 120.0
"""For the Pods of a Deployment that was scaled down; each has 30 to end."""
READY_SECONDS: Final = 180.0
"""For the Pods of a Deployment that was scaled up: an image may have to be pulled."""

_PODS: Final = Resource("", "v1", "pods", "Pod")
_PAUSE_SECONDS: Final = 0.25
_FINISHED: Final = ("Succeeded", "Failed")


class Step(NamedTuple):
    """One change, in words and as what makes it."""

    ref: str
    change: str
    run: Callable[[Cluster], None]


def adoption(found: Installation) -> list[Step]:
    """What a takeover still has to do.

    Raises: KsealError where there is nothing that could take over.
    """
    original, ours = found.original, found.ours
    if ours is None:
        raise KsealError(
            "kseal's controller is not installed in the namespace of the keys",
            "install it beside the original with no replica, as docs/migrate-from-sealed-secrets.md shows",
        )
    steps = [_down(original)] if original is not None and original.replicas else []
    if not ours.replicas:
        steps.append(_up(ours, after=original))
    if original is not None and found.service is not None and _leads_to(found.service, original, ours):
        steps.append(_redirect(found.service, ours))
    return steps


def way_back(found: Installation) -> list[Step]:
    """What undoes a takeover.

    Raises: KsealError where there was none.
    """
    original, ours, service = found
    if original is None or REPLICAS not in original.annotations:
        raise KsealError(
            "there is no takeover to undo: no Deployment of the original was scaled down by one",
            "if kseal replaced it in place, apply the original's manifest again",
        )
    steps = [_down(ours)] if ours is not None and ours.replicas else []
    if service is not None and SELECTOR in (service["metadata"].get("annotations") or {}):
        steps.append(_restore(service))
    return [*steps, _up(original, after=ours)]


def _down(controller: Controller) -> Step:
    """Scale to zero."""
    return Step(
        controller.ref,
        f"replicas {controller.replicas} -> 0",
        lambda cluster: _scale(cluster, controller, 0, remember=str(controller.replicas)),
    )


def _up(controller: Controller, *, after: Controller | None) -> Step:
    """Scale to what was before, or to one, once no Pod of the other is left; wait until that many are available."""
    remembered = controller.annotations.get(REPLICAS, "")
    replicas = max(int(remembered), 1) if remembered.isdecimal() else 1

    def run(cluster: Cluster) -> None:
        if after is not None:
            _wait(lambda: not _pods(cluster, after), f"{after.ref}: its Pods have not ended", GONE_SECONDS)
        _scale(cluster, controller, replicas, remember=None)
        _wait_ready(cluster, controller)

    return Step(controller.ref, f"replicas {controller.replicas} -> {replicas}", run)


def _redirect(service: dict[str, Any], ours: Controller) -> Step:
    """Let the Service that clients know lead to our Pods, once they answer."""
    old, new = service["spec"].get("selector") or {}, ours.selector
    remembered = json.dumps(old, sort_keys=True)
    step = _selecting(service, f"leads to {ours.ref}", {**dict.fromkeys(old), **new}, remembered)

    def run(cluster: Cluster) -> None:
        _wait_ready(cluster, ours)
        step.run(cluster)

    return step._replace(run=run)


def _restore(service: dict[str, Any]) -> Step:
    old = json.loads(service["metadata"]["annotations"][SELECTOR])
    now = service["spec"].get("selector") or {}
    return _selecting(service, "leads to the original again", {**dict.fromkeys(now), **old}, None)


def _selecting(service: dict[str, Any], change: str, selector: dict[str, Any], remember: str | None) -> Step:
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    body = {"metadata": {"annotations": {SELECTOR: remember}}, "spec": {"selector": selector}}

    def run(cluster: Cluster) -> None:
        cluster.patch(SERVICES, namespace, name, body)

    return Step(str(ObjectRef("", "Service", namespace, name)), change, run)


def _leads_to(service: dict[str, Any], original: Controller, ours: Controller) -> bool:
    """Whether the Service selects the original's Pods and not ours."""
    selector = (service["spec"].get("selector") or {}).items()
    return bool(selector) and selector <= original.pod_labels.items() and not selector <= ours.pod_labels.items()


def _scale(cluster: Cluster, controller: Controller, replicas: int, *, remember: str | None) -> None:
    body = {"metadata": {"annotations": {REPLICAS: remember}}, "spec": {"replicas": replicas}}
    cluster.patch(DEPLOYMENTS, controller.namespace, controller.name, body)


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


def _wait_ready(cluster: Cluster, controller: Controller) -> None:
    def is_ready() -> bool:
        live = cluster.get(DEPLOYMENTS, controller.namespace, controller.name)
        status = live.get("status") or {}
        is_seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
        return bool(is_seen and status.get("availableReplicas", 0) >= live["spec"]["replicas"])

    _wait(is_ready, f"{controller.ref}: its Pods have not become available", READY_SECONDS)


def _wait(is_done: Callable[[], bool], what: str, limit_seconds: float) -> None:
    """Raises: KsealError when it takes too long."""
    deadline = time.monotonic() + limit_seconds
    while not is_done():
        if time.monotonic() > deadline:
            raise KsealError(
                f"{what} within {limit_seconds:.0f} s",
                "see to it and run the same again, or go back with kseal adopt sealed-secrets --undo",
            )
        time.sleep(_PAUSE_SECONDS)
