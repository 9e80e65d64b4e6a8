"""What a pass waits for between its waves and at its end, and how it ends when that does not come."""

from typing import Any

import pytest

from engine.changes import Action
from engine.execute import ApplyFailed, HealthFailed, step
from engine.health.verdict import Health, Verdict
from engine.inventory import Inventory
from engine.kube.refs import Resource
from engine.plan import Gate, Plan, Wave, plan_by_kind
from tests.cluster.engine.conftest import CONFIGS, CONTROL, DEPLOYMENTS, Ground

pytestmark = pytest.mark.cluster

JOBS = Resource("batch", "v1", "jobs", "Job")
NOW = Gate((), "healthy", 0.0)
SOON = Gate((), "healthy", 20.0)


def job(ground: Ground, **spec: Any) -> dict[str, Any]:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    metadata = {"name": "j", "namespace": ground.namespace}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": pod, **spec}}


def test_a_failed_object_ends_the_wait_at_once(ground: Ground) -> None:
    ground.watch(("batch", "Job"), ("apps", "Deployment"))
    ground.deliver([job(ground, backoffLimit=0)])
    conditions = [
        {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"} for kind in ("FailureTarget", "Failed")
    ]
    moment = "2026-01-01T00:00:00Z"
    status = {"startTime": moment, "conditions": conditions}
    path = f"{JOBS.path(ground.namespace, 'j')}/status"
    ground.plane.api.json("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    progress = ground.deliver([job(ground, backoffLimit=0), ground.deployment()], wait=SOON)
    assert isinstance(progress.failed, HealthFailed)
    assert str(progress.failed) == f"failed early due to stalled resources: [Job/{ground.namespace}/j status: 'Failed']"
    assert {member.ref.name for member in ground.inventory} == {"j", "web"}


def test_what_is_skipped_is_not_waited_for(ground: Ground) -> None:
    ground.put(ground.deployment(annotations={f"{CONTROL}/reconcile": "disabled"}), DEPLOYMENTS)
    progress = ground.deliver([ground.deployment(), ground.config()], wait=NOW)
    assert progress.is_done, progress.failed
    assert [change.action for change in progress.changes] == [Action.CREATED, Action.SKIPPED]


def test_objects_of_others_can_be_waited_for(ground: Ground) -> None:
    ref = ground.ref("elsewhere")
    progress = ground.deliver([ground.config()], wait=Gate((ref,), "healthy", 0.0))
    assert str(progress.failed) == f"timeout waiting for: [{ref} status: 'NotFound']"
    ground.put(ground.config("elsewhere"))
    assert ground.deliver([ground.config()], wait=Gate((ref,), "healthy", 0.0)).is_done


def test_a_job_that_has_removed_itself_is_done(ground: Ground) -> None:
    made = job(ground, ttlSecondsAfterFinished=0)
    plan = plan_by_kind([made], wait=NOW)
    ownership = ground.ownership()
    progress = step(plan, None, ground.live, owner="a", ownership=ownership)
    assert progress.failed
    ground.delete(JOBS, "j")
    progress = step(Plan(plan.waves[1:]), None, ground.live, owner="a", ownership=ownership)
    assert progress.is_done, progress.failed


def test_a_definition_that_is_not_accepted_ends_the_pass_before_what_needs_it(ground: Ground) -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}

    def definition(plural: str) -> dict[str, Any]:
        group = f"{ground.namespace}.example.org"
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {
                "group": group,
                "names": {"plural": plural, "kind": "Thing"},
                "scope": "Namespaced",
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            },
        }

    assert ground.deliver([definition("things")]).is_done
    ground.watch(("apiextensions.k8s.io", "CustomResourceDefinition"))
    progress = ground.deliver([definition("others"), ground.config()])
    assert isinstance(progress.failed, ApplyFailed)
    assert "CustomResourceDefinition/others." in str(progress.failed)
    assert ground.get(CONFIGS, "one") is None


def test_the_end_of_what_is_deleted_can_be_waited_for(ground: Ground) -> None:
    ground.watch(("", "ConfigMap"))
    ground.deliver([ground.config(finalizers=["example.org/hold"])])
    refs = tuple(member.ref for member in ground.inventory)
    pruning = plan_by_kind([], stale=ground.inventory)
    ownership = ground.ownership()
    times = [0.0]
    ground.live.clock = lambda: times[0]
    plan = Plan((*pruning.waves, Wave((), Gate(refs, "gone", 30.0))))
    progress = step(plan, None, ground.live, owner="a", ownership=ownership)
    assert progress.waits is not None
    assert (progress.waits.refs, progress.deadline, progress.is_done) == (refs, 30.0, False)
    times[0] = 31.0
    late = step(plan, progress, ground.live, owner="a", ownership=ownership)
    assert isinstance(late.failed, HealthFailed)
    ground.patch(CONFIGS, "one", {"metadata": {"finalizers": None}})
    ground.seen(lambda: ground.observer.get(refs[0]) is None)
    assert step(plan, progress, ground.live, owner="a", ownership=ownership).is_done


def test_a_wait_goes_on_where_it_was_and_its_deadline_stays(ground: Ground) -> None:
    times = [0.0]
    ground.live.clock = lambda: times[0]
    plan = plan_by_kind([ground.deployment()], wait=Gate((), "healthy", 30.0))
    ownership = ground.ownership()
    progress = step(plan, None, ground.live, owner="a", ownership=ownership)
    times[0] = 20.0
    progress = step(plan, progress, ground.live, owner="a", ownership=ownership)
    assert progress.deadline == 30.0
    assert progress.look_again_seconds == 5.0
    assert [change.action for change in progress.changes] == [Action.CREATED]
    assert progress.members(plan, Inventory()) == plan.members()


def test_rules_of_the_owner_judge_what_it_waits_for(ground: Ground) -> None:
    class Rules:
        def covers(self, group: str, kind: str) -> bool:
            return (group, kind) == ("", "ConfigMap")

        def verdict(self, obj: dict[str, Any]) -> Verdict | None:
            return Verdict(Health.CURRENT if obj["data"].get("ready") else Health.IN_PROGRESS)

    ground.watch(("", "ConfigMap"))
    ground.live.judge_by("a", Rules())
    assert isinstance(ground.deliver([ground.config()], wait=NOW).failed, HealthFailed)
    ground.patch(CONFIGS, "one", {"data": {"ready": "yes"}})
    assert ground.deliver([ground.config()], wait=NOW).is_done
