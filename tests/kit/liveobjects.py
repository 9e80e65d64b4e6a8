"""Live objects of each kind that has a rule of health, in all states that the rules tell apart, and broken ones."""

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

Object = dict[str, Any]

_API_VERSIONS = {
    "ConfigMap": "v1",
    "CronJob": "batch/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "PersistentVolumeClaim": "v1",
    "Pod": "v1",
    "PodDisruptionBudget": "policy/v1",
    "ReplicaSet": "apps/v1",
    "Secret": "v1",
    "Service": "v1",
    "StatefulSet": "apps/v1",
    "Thing": "example.org/v1alpha1",
}
KINDS = tuple(_API_VERSIONS)

_REASONS = ("", "Installing", "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "Unschedulable", "Other")
_CONDITIONS = (
    "Ready", "Reconciling", "Stalled", "Progressing", "Available", "ReplicaFailure", "PodScheduled", "Complete",
    "Failed", "NamesAccepted", "Established", "Initialized",
)  # fmt: skip
_COUNTS = (
    "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas", "fullyLabeledReplicas",
    "desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady",
    "active", "succeeded", "failed",
)  # fmt: skip
_LONG_AGO = "2020-01-01T00:00:00Z"
_WRONG: tuple[Any, ...] = (None, "text", 7, 1.5, True, [], [1], {}, {"a": 1}, [None], [{"type": 1}], "")


def generated(kind: str, count: int, *, seed: int = 0) -> Iterator[Object]:
    """Some of the many states of a kind; the same ones for the same seed."""
    dice = random.Random(f"{kind} {seed}")  # noqa: S311  objects for tests
    for _ in range(count):
        obj = _drawn(kind, dice)
        if dice.random() < 0.15:
            _break(obj, dice)
        yield obj


def deployments() -> Iterator[Object]:
    """All small rollouts of a Deployment."""
    for wanted, there, updated, ready in product((None, 0, 1, 2), (0, 1, 2), (0, 1, 2), (0, 2)):
        for conditions in ([], [_condition("Available", "True")], [_condition("Available", "False")]):
            obj = _bare("Deployment")
            obj["spec"] = {} if wanted is None else {"replicas": wanted}
            obj["status"] = {"replicas": there, "updatedReplicas": updated, "readyReplicas": ready,
                             "availableReplicas": ready, "conditions": conditions}  # fmt: skip
            yield obj


def _bare(kind: str) -> Object:
    metadata: Object = {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 2}
    return {"apiVersion": _API_VERSIONS[kind], "kind": kind, "metadata": metadata | {"creationTimestamp": _LONG_AGO}}


def _condition(type_: str, status: str, reason: str = "", message: str = "why") -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def _drawn(kind: str, dice: random.Random) -> Object:
    obj = _bare(kind)
    if dice.random() < 0.05:
        obj["metadata"]["deletionTimestamp"] = _LONG_AGO
    if dice.random() < 0.1:
        del obj["metadata"]["generation"]
    obj["spec"] = _spec(dice)
    if dice.random() < 0.95:
        obj["status"] = _status(dice)
    return obj


def _spec(dice: random.Random) -> Object:
    spec: Object = {}
    if dice.random() < 0.8:
        spec["replicas"] = dice.choice((0, 1, 1, 2))
    if dice.random() < 0.3:
        spec["progressDeadlineSeconds"] = dice.choice((600, 2**31 - 1))
    if dice.random() < 0.3:
        spec["updateStrategy"] = dice.choice(
            ({"type": "OnDelete"}, {"type": "RollingUpdate"}, {"rollingUpdate": {"partition": dice.choice((0, 1))}})
        )
    if dice.random() < 0.3:
        spec |= {"type": dice.choice(("LoadBalancer", "ClusterIP"))}
    if dice.random() < 0.3:
        spec |= {"clusterIP": dice.choice(("", "10.0.0.1", "None"))}
    for field in ("parallelism", "completions"):
        if dice.random() < 0.3:
            spec[field] = dice.choice((1, 3))
    if dice.random() < 0.15:
        spec["suspend"] = dice.choice((True, True, False, "true"))
    return spec


def _status(dice: random.Random) -> Object:
    status: Object = {field: dice.choice((0, 1, 1, 1, 2)) for field in _COUNTS if dice.random() < 0.85}
    if dice.random() < 0.85:
        status["observedGeneration"] = dice.choice((2, 2, 2, 2, 1))
    if dice.random() < 0.8:
        drawn = dice.sample(_CONDITIONS, dice.choice((0, 1, 2, 3)))
        status["conditions"] = [
            _condition(name, dice.choice(("True", "True", "False", "Unknown", "odd")), dice.choice(_REASONS))
            for name in drawn
        ]
        if dice.random() < 0.2:
            status["conditions"].append({"type": "Ready", "status": "False"})
    if dice.random() < 0.7:
        status["phase"] = dice.choice(("Pending", "Running", "Running", "Succeeded", "Failed", "Bound", "Odd", ""))
    if dice.random() < 0.5:
        status["containerStatuses"] = [
            {"name": name, "state": dice.choice(({}, {"waiting": {"reason": "CrashLoopBackOff"}}, {"running": {}}))}
            for name in dice.sample(("one", "two"), dice.choice((0, 1, 2)))
        ]
    if dice.random() < 0.5:
        status["startTime"] = _LONG_AGO
    for field in ("currentRevision", "updateRevision"):
        if dice.random() < 0.6:
            status[field] = dice.choice(("a", "b"))
    return status


def _break(obj: Object, dice: random.Random) -> None:
    """Give one field a type that nobody expects."""
    places: list[tuple[Object, str]] = [(obj, "status"), (obj, "spec"), (obj["metadata"], "generation")]
    if isinstance(obj.get("status"), dict):
        places += [(obj["status"], field) for field in ("observedGeneration", "conditions", "replicas", "phase")]
        places += [(one, "status") for one in obj["status"].get("conditions") or ()]
    holder, field = dice.choice(places)
    holder[field] = dice.choice(_WRONG)
