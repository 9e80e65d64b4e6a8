"""Passes that cannot end well: what is told, what is left undone, and what is never lost."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from engine.changes import Action
from engine.execute import ApplyFailed, PruneFailed
from tests.cluster.engine.conftest import CONFIGS, SERVICES, Ground
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster

PLANTED = "hunter2-planted"


def test_nothing_that_exists_is_changed_when_one_object_of_the_wave_is_wrong(ground: Ground) -> None:
    ground.deliver([ground.config()])
    progress = ground.deliver([ground.config(data={"k": "new"}), ground.service(type="NoSuchType")])
    assert isinstance(progress.failed, ApplyFailed)
    assert str(progress.failed).startswith(f'Service/{ground.namespace}/web dry-run failed (Invalid): Service "web" is')
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "v"}


def test_each_wrong_object_is_told_of(ground: Ground) -> None:
    progress = ground.deliver([ground.service("one", type="No"), ground.service("two", type="No"), ground.config()])
    failed = [str(change.ref) for change in progress.changes.of(Action.FAILED)]
    assert failed == [f"Service/{ground.namespace}/one", f"Service/{ground.namespace}/two"]
    assert len(str(progress.failed).splitlines()) == 2


def test_an_object_in_a_namespace_that_is_not_there_is_told_of_as_flux_does(ground: Ground) -> None:
    lost = ground.config()
    lost["metadata"]["namespace"] = "no-such-namespace"
    progress = ground.deliver([lost])
    assert str(progress.failed) == 'ConfigMap/no-such-namespace/one not found: namespaces "no-such-namespace" not found'


def test_an_object_without_a_namespace_is_told_of_as_flux_does(ground: Ground) -> None:
    lost = ground.config()
    del lost["metadata"]["namespace"]
    progress = ground.deliver([lost])
    said = "namespace not specified: the server could not find the requested resource"
    assert str(progress.failed) == f"ConfigMap/one {said}"


def test_all_old_and_new_members_stay_when_a_pass_fails(ground: Ground) -> None:
    ground.deliver([ground.config("old")])
    ground.deliver([ground.config("new"), ground.service(type="NoSuchType")], before=ground.inventory)
    assert {member.ref.name for member in ground.inventory} == {"old", "new", "web"}
    assert ground.get(CONFIGS, "old") is not None


def test_the_next_pass_goes_on_where_a_failed_one_ended(ground: Ground) -> None:
    ground.deliver([ground.config(), ground.service(type="NoSuchType")])
    progress = ground.deliver([ground.config(), ground.service()], before=ground.inventory)
    assert progress.is_done
    assert ground.get(SERVICES, "web") is not None
    assert {member.ref.name for member in ground.inventory} == {"one", "web"}


def test_a_refused_secret_is_told_of_without_its_values(ground: Ground) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": ground.namespace},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.key": PLANTED, "bad key": PLANTED},
    }
    progress = ground.deliver([secret])
    assert progress.failed is not None
    said = f"{progress.failed!r} {progress.failed.hint} {progress.changes!r} {progress.failed.__cause__!r}"
    assert PLANTED not in said
    assert f"Secret/{ground.namespace}/s dry-run failed (Invalid)" in str(progress.failed)


def test_a_missing_permission_names_the_verb(make_ground: Callable[..., Ground], control_plane: ControlPlane) -> None:
    account = control_plane.account(control_plane.create_namespace(), "weak")
    ground = make_ground(kubeconfig=account.kubeconfig)
    progress = ground.deliver([ground.config()])
    assert progress.failed is not None
    assert f"ConfigMap/{ground.namespace}/one dry-run failed (Forbidden): " in str(progress.failed)
    assert 'RBAC must allow the verb "get" on "configmaps"' in (progress.failed.hint or "")


def test_an_api_server_that_goes_away_ends_the_pass_and_the_next_one_completes_it(
    make_ground: Callable[..., Ground], unsteady_control_plane: ControlPlane
) -> None:
    with ExitStack() as stack:
        ground = Ground(unsteady_control_plane, stack)
        ground.deliver([ground.config()])
        unsteady_control_plane.pause()
        progress = ground.deliver([ground.config(), ground.config("two")], before=ground.inventory)
        assert isinstance(progress.failed, ApplyFailed)
        unsteady_control_plane.resume()
        progress = ground.deliver([ground.config(), ground.config("two")], before=ground.inventory)
        assert progress.is_done


def test_an_api_server_that_goes_away_while_objects_are_deleted_leaves_all_of_them_members(
    unsteady_control_plane: ControlPlane,
) -> None:
    with ExitStack() as stack:
        ground = Ground(unsteady_control_plane, stack)
        ground.deliver([ground.config(f"c{number}") for number in range(30)])
        before = ground.inventory
        unsteady_control_plane.pause()
        progress = ground.deliver([], before=before)
        assert isinstance(progress.failed, PruneFailed)
        assert {member.ref for member in ground.inventory} == {member.ref for member in before}
        assert ground.cluster.asked["GET"] == 1
        unsteady_control_plane.resume()
        assert ground.deliver([], before=ground.inventory).is_done
