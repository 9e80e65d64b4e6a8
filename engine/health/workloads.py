"""Rules of what runs containers: Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod, Job, PodDisruptionBudget.

Each says how far the rollout is, in the words that users know from Flux. All raise Misshapen.
Source: fluxcd/cli-utils pkg/kstatus/status/core.go; for Jobs fluxcd/pkg runtime/statusreaders/job.go; for the Pods of a
controller fluxcd/cli-utils pkg/kstatus/polling/statusreaders/pod_controller.go.
"""

from datetime import UTC, datetime

from engine.health.conditions import conditions_of, kind_of
from engine.health.fields import Misshapen, Object, entries, exact_integer, integer, is_true, string
from engine.health.verdict import Health, Verdict

SCHEDULE_SECONDS = 15.0
"""How long a Pod may be without a node before that counts as its failure. Source: core.go, ScheduleWindow."""
NOT_SCHEDULED_YET = Verdict(Health.IN_PROGRESS, "Pod has not been scheduled")
NOT_SCHEDULED = Verdict(Health.FAILED, "Pod could not be scheduled")
_NO_DEADLINE = 2**31 - 1  # what the Deployment controller takes for "no deadline"; it then sets no Progressing


def deployment(obj: Object) -> Verdict:
    deadline = integer(obj, "spec", "progressDeadlineSeconds", default=_NO_DEADLINE)
    is_progressing, is_available = deadline == _NO_DEADLINE, False
    for condition in conditions_of(obj):
        if condition.type == "Progressing":
            if condition.reason == "ProgressDeadlineExceeded":
                return Verdict(Health.FAILED, "Progress deadline exceeded")
            if condition.status == "True" and condition.reason == "NewReplicaSetAvailable":
                is_progressing = True
        elif condition.type == "Available" and condition.status == "True":
            is_available = True
    wanted = integer(obj, "spec", "replicas", default=1)
    there, updated, ready, available = _counts(obj, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    if wanted > there:
        return _under_way(f"Replicas: {there}/{wanted}")
    if wanted > updated:
        return _under_way(f"Updated: {updated}/{wanted}")
    if there > wanted:
        return _under_way(f"Pending termination: {there - wanted}")
    if updated > available:
        return _under_way(f"Available: {available}/{updated}")
    if wanted > ready:
        return _under_way(f"Ready: {ready}/{wanted}")
    if not is_progressing:
        return _under_way("ReplicaSet not Available")
    if not is_available:
        return _under_way("Deployment not Available")
    return Verdict(Health.CURRENT, f"Deployment is available. Replicas: {there}")


def stateful_set(obj: Object) -> Verdict:
    if string(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return Verdict(Health.CURRENT, "StatefulSet is using the ondelete update strategy")
    wanted = integer(obj, "spec", "replicas", default=1)
    there, ready, current, updated = _counts(obj, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas")
    partition = integer(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=-1)
    if wanted > there:
        return _under_way(f"Replicas: {there}/{wanted}")
    if wanted > ready:
        return _under_way(f"Ready: {ready}/{wanted}")
    if there > wanted:
        return _under_way(f"Pending termination: {there - wanted}")
    if partition != -1:
        if updated < wanted - partition:
            return _under_way(f"updated: {updated}/{wanted - partition}")
        return Verdict(Health.CURRENT, f"Partition rollout complete. updated: {updated}")
    if wanted > current:
        return _under_way(f"current: {current}/{wanted}")
    if string(obj, "status", "currentRevision") != string(obj, "status", "updateRevision"):
        return _under_way("Waiting for updated revision to match current")
    return _all_scheduled(there)


def replica_set(obj: Object) -> Verdict:
    if any(found.type == "ReplicaFailure" and found.status == "True" for found in conditions_of(obj)):
        return _under_way("Replica Failure condition. Check Pods")
    wanted = integer(obj, "spec", "replicas", default=1)
    there, ready, available, labelled = _counts(
        obj, "replicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"
    )
    if wanted > labelled:
        return _under_way(f"Labelled: {labelled}/{wanted}")
    if wanted > available:
        return _under_way(f"Available: {available}/{wanted}")
    if wanted > ready:
        return _under_way(f"Ready: {ready}/{wanted}")
    if there > wanted:
        return _under_way(f"Pending termination: {there - wanted}")
    return Verdict(Health.CURRENT, f"ReplicaSet is available. Replicas: {there}")


def daemon_set(obj: Object) -> Verdict:
    for path in (("metadata", "generation"), ("status", "observedGeneration")):
        if exact_integer(obj, *path) is None:  # its controller sets both, so it has not looked yet
            return _under_way(f"{kind_of(obj)} {'.'.join(path)} not found")
    wanted = integer(obj, "status", "desiredNumberScheduled", default=-1)
    current, updated, available, ready = _counts(
        obj, "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"
    )
    if wanted == -1:
        return _under_way("Missing .status.desiredNumberScheduled")
    if wanted > current:
        return _under_way(f"Current: {current}/{wanted}")
    if wanted > updated:
        return _under_way(f"Updated: {updated}/{wanted}")
    if wanted > available:
        return _under_way(f"Available: {available}/{wanted}")
    if wanted > ready:
        return _under_way(f"Ready: {ready}/{wanted}")
    return _all_scheduled(wanted)


def pod(obj: Object, now: datetime) -> Verdict:
    """A Pod that ended in failure counts as done: nothing is expected of it any more."""
    conditions = conditions_of(obj)
    match string(obj, "status", "phase"):
        case "Succeeded":
            return Verdict(Health.CURRENT, "Pod has completed successfully")
        case "Failed":
            return Verdict(Health.CURRENT, "Pod has completed, but not successfully")
        case "Running":
            if any(found.type == "Ready" and found.status == "True" for found in conditions):
                return Verdict(Health.CURRENT, "Pod is Ready")
            if crashing := _crash_looping(obj):
                return Verdict(Health.FAILED, f"Containers in CrashLoop state: {','.join(crashing)}")
            return _under_way("Pod is running but is not Ready")
        case "Pending":
            scheduled = next((c for c in conditions if c.type == "PodScheduled" and c.status == "False"), None)
            if scheduled is None or scheduled.reason != "Unschedulable":
                return _under_way("Pod is in the Pending phase")
            if (now - _created(obj)).total_seconds() < SCHEDULE_SECONDS:
                return NOT_SCHEDULED_YET
            return NOT_SCHEDULED
        case "":
            return _under_way("Pod phase not available")
        case phase:
            raise Misshapen(f"unknown phase {phase}")


def is_broken_pod(obj: Object, now: datetime) -> bool:
    """Whether a Pod fails for good, and so the StatefulSet or ReplicaSet that it belongs to with it.

    One that is being deleted belongs to the past, and one that finds no node may yet get a new one.
    """
    if (obj.get("metadata") or {}).get("deletionTimestamp"):
        return False
    if any(
        c.type == "PodScheduled" and c.status == "False" and c.reason == "Unschedulable" for c in conditions_of(obj)
    ):
        return False
    return pod(obj, now).health is Health.FAILED


def with_pods(verdict: Verdict, broken: int) -> Verdict:
    """The verdict on a StatefulSet or ReplicaSet, given how many of its Pods are broken."""
    if verdict.health is Health.IN_PROGRESS and broken:
        return Verdict(Health.FAILED, f"{broken} pods have failed")
    return verdict


def job(obj: Object) -> Verdict:
    """Flux's rule, which asks for the end of a Job; kstatus is content with its start."""
    if is_true(obj, "spec", "suspend"):
        return Verdict(Health.CURRENT, "Job is suspended")
    parallelism = integer(obj, "spec", "parallelism", default=1)
    completions = integer(obj, "spec", "completions", default=parallelism)
    active, succeeded, failed = _counts(obj, "active", "succeeded", "failed")
    for condition in conditions_of(obj):
        if condition.type == "Complete" and condition.status == "True":
            return Verdict(Health.CURRENT, f"Job Completed. succeeded: {succeeded}/{completions}")
        if condition.type == "Failed" and condition.status == "True":
            return Verdict(Health.FAILED, f"Job Failed. failed: {failed}/{completions}")
    if not string(obj, "status", "startTime"):
        return _under_way(f"Job not started. active: 0/{parallelism}")
    return _under_way(f"Job in progress. success:{succeeded}, active: {active}, failed: {failed}")


def disruption_budget(_: Object) -> Verdict:
    """Its controller has looked at this generation, by the generic rule; it says no more."""
    return Verdict(Health.CURRENT, "AllowedDisruptions has been computed.")


def _counts(obj: Object, *fields: str) -> list[int]:
    return [integer(obj, "status", field, default=0) for field in fields]


def _under_way(message: str) -> Verdict:
    return Verdict(Health.IN_PROGRESS, message)


def _all_scheduled(count: int) -> Verdict:
    return Verdict(Health.CURRENT, f"All replicas scheduled as expected. Replicas: {count}")


def _crash_looping(obj: Object) -> list[str]:
    names: list[str] = []
    for container in entries(obj, "status", "containerStatuses"):
        name = string(container, "name")
        if name and string(container, "state", "waiting", "reason") == "CrashLoopBackOff":
            names.append(name)
    return names


def _created(obj: Object) -> datetime:
    """When the object was made; without a time, or one that is none, long ago."""
    try:
        created = datetime.fromisoformat(string(obj, "metadata", "creationTimestamp"))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return created if created.tzinfo else created.replace(tzinfo=UTC)
