"""Words on an object that steer what is done to it: ssa, reconcile, force."""

from collections import Counter
from collections.abc import Callable

import pytest

from engine.changes import Action
from engine.execute import ApplyFailed, Progress
from tests.cluster.engine.conftest import CONFIGS, CONTROL, SERVICES, Ground
from tests.kit.controlplane import ControlPlane

pytestmark = pytest.mark.cluster


def only(progress: Progress) -> Action:
    (change,) = progress.changes
    return change.action


@pytest.mark.parametrize("word", [{"ssa": "Ignore"}, {"reconcile": "disabled"}])
@pytest.mark.parametrize("place", ["labels", "annotations"])
def test_what_is_to_be_left_alone_is_skipped_without_a_call_and_stays_a_member(
    ground: Ground, word: dict[str, str], place: str
) -> None:
    marks = {f"{CONTROL}/{key}": value.upper() for key, value in word.items()}
    progress = ground.deliver([ground.config(**{place: marks})])
    assert only(progress) is Action.SKIPPED
    assert ground.cluster.asked == Counter()
    assert ground.get(CONFIGS, "one") is None
    assert [member.ref for member in ground.inventory] == [ground.ref()]


@pytest.mark.parametrize("mark", [{"ssa": "Ignore"}, {"reconcile": "disabled"}])
def test_what_the_live_object_forbids_is_not_applied(ground: Ground, mark: dict[str, str]) -> None:
    marks = {f"{CONTROL}/{key}": value for key, value in mark.items()}
    ground.put(ground.config(data={"k": "mine"}, annotations=marks))
    progress = ground.deliver([ground.config()])
    assert only(progress) is Action.SKIPPED
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "mine"}
    assert [member.ref for member in ground.inventory] == [ground.ref()]


def test_an_object_that_is_disabled_while_it_is_watched_is_left_alone(ground: Ground) -> None:
    ground.watch(("", "ConfigMap"))
    ground.deliver([ground.config()])
    body = {"metadata": {"annotations": {f"{CONTROL}/reconcile": "disabled"}}, "data": {"k": "mine"}}
    version = ground.patch(CONFIGS, "one", body)["metadata"]["resourceVersion"]
    ground.seen(lambda: (seen := ground.observer.get(ground.ref())) is not None and seen.version == version)
    assert only(ground.deliver([ground.config()])) is Action.SKIPPED


def test_if_not_present_creates_once_and_never_changes(ground: Ground) -> None:
    once = {f"{CONTROL}/ssa": "IfNotPresent"}
    assert only(ground.deliver([ground.config(annotations=once)])) is Action.CREATED
    progress = ground.deliver([ground.config(data={"k": "new"}, annotations=once)])
    assert only(progress) is Action.SKIPPED
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "v"}
    assert [member.ref for member in ground.inventory] == [ground.ref()]


def test_if_not_present_never_writes_to_an_object_that_a_watch_has_not_told_of(ground: Ground) -> None:
    ground.watch(("", "ConfigMap"))
    ground.observer.get = lambda _: None  # type: ignore[method-assign]
    ground.put(ground.config(data={"k": "mine"}))
    once = {f"{CONTROL}/ssa": "IfNotPresent"}
    assert only(ground.deliver([ground.config(annotations=once)])) is Action.SKIPPED


def test_an_immutable_field_is_told_of_in_the_words_of_flux(ground: Ground) -> None:
    ground.deliver([ground.config() | {"immutable": True}])
    progress = ground.deliver([ground.config(data={"k": "new"}) | {"immutable": True}])
    assert isinstance(progress.failed, ApplyFailed)
    begin = f'ConfigMap/{ground.namespace}/one dry-run failed (Invalid): ConfigMap "one" is invalid: data: Forbidden'
    assert str(progress.failed).startswith(begin)
    assert only(progress) is Action.FAILED


def test_force_replaces_an_object_with_an_immutable_field(ground: Ground) -> None:
    ground.deliver([ground.config() | {"immutable": True}])
    was = ground.get(CONFIGS, "one")
    progress = ground.deliver([ground.config(data={"k": "new"}) | {"immutable": True}], force=True)
    assert only(progress) is Action.CREATED
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert was is not None
    assert live["data"] == {"k": "new"}
    assert live["metadata"]["uid"] != was["metadata"]["uid"]


def test_an_object_may_ask_for_force_itself(ground: Ground) -> None:
    ground.deliver([ground.service(clusterIP="None")])
    marked = ground.service(clusterIP="10.0.0.17")
    marked["metadata"]["annotations"] = {f"{CONTROL}/force": "Enabled"}
    assert only(ground.deliver([marked])) is Action.CREATED
    live = ground.get(SERVICES, "web")
    assert live is not None
    assert live["spec"]["clusterIP"] == "10.0.0.17"


def test_what_is_replaced_is_waited_for_while_a_finalizer_holds_it(ground: Ground) -> None:
    ground.deliver([ground.config(finalizers=["example.org/hold"]) | {"immutable": True}])
    ground.watch(("", "ConfigMap"))
    new = ground.config(data={"k": "new"})
    waits = []

    def is_let_go() -> float:
        waits.append(1)
        if len(waits) == 2:
            ground.patch(CONFIGS, "one", {"metadata": {"finalizers": None}})
        return float(len(waits))

    ground.live.clock = is_let_go
    progress = ground.deliver([new], force=True)
    assert only(progress) is Action.CREATED
    live = ground.get(CONFIGS, "one")
    assert live is not None
    assert live["data"] == {"k": "new"}


def test_what_is_replaced_and_never_goes_ends_the_pass_after_its_time(ground: Ground) -> None:
    ground.deliver([ground.config(finalizers=["example.org/hold"]) | {"immutable": True}])
    times = iter(range(0, 10_000, 100))
    ground.live.clock = lambda: float(next(times))
    progress = ground.deliver([ground.config(data={"k": "new"})], force=True)
    said = f"{ground.ref()} immutable field detected, failed to wait for object to be deleted"
    assert str(progress.failed) == said
    assert [member.ref for member in ground.inventory] == [ground.ref()]
    ground.patch(CONFIGS, "one", {"metadata": {"finalizers": None}})


def test_force_deletes_nothing_while_another_object_of_the_wave_is_wrong(ground: Ground) -> None:
    ground.deliver([ground.config() | {"immutable": True}])
    was = ground.get(CONFIGS, "one")
    wrong = ground.service(type="NoSuchType")
    progress = ground.deliver([ground.config(data={"k": "new"}) | {"immutable": True}, wrong], force=True)
    assert progress.failed is not None
    assert ground.get(CONFIGS, "one") == was


def test_force_deletes_nothing_that_is_plainly_wrong(ground: Ground) -> None:
    ground.deliver([ground.service()])
    was = ground.get(SERVICES, "web")
    progress = ground.deliver([ground.service(type="NoSuchType")], force=True)
    assert "Service/" in str(progress.failed)
    assert "spec.type" in str(progress.failed)
    assert ground.get(SERVICES, "web") == was


def test_force_replaces_an_object_whose_port_only_it_has(ground: Ground) -> None:
    port = {"name": "http", "port": 80, "nodePort": 30917}
    ground.deliver([ground.service(type="NodePort", ports=[port], clusterIP="10.0.0.18")])
    changed = ground.service(type="NodePort", ports=[port], clusterIP="10.0.0.19")
    assert only(ground.deliver([changed], force=True)) is Action.CREATED


def test_force_deletes_nothing_that_could_not_be_made_anew_and_says_why(ground: Ground) -> None:
    ground.deliver([ground.config() | {"immutable": True}])
    was = ground.get(CONFIGS, "one")
    progress = ground.deliver([ground.config(data={"bad key": "x"}) | {"immutable": True}], force=True)
    assert progress.failed is not None
    assert (progress.failed.hint or "").startswith("it is not made anew, because that would fail too: ConfigMap/")
    assert ground.get(CONFIGS, "one") == was


def test_force_deletes_nothing_that_may_not_be_created(
    make_ground: Callable[..., Ground], control_plane: ControlPlane
) -> None:
    namespace = control_plane.create_namespace()
    account = control_plane.account(namespace, "keeper")
    ground = make_ground(kubeconfig=account.kubeconfig)
    verbs = ["get", "list", "watch", "patch", "delete"]
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + ground.namespace
    control_plane.api.text("POST", f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": rules})
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": "keeper"}],
    }
    control_plane.api.text("POST", f"{rbac}/rolebindings", binding)
    ground.put(ground.config() | {"immutable": True})
    was = ground.get(CONFIGS, "one")
    progress = ground.deliver([ground.config(data={"k": "new"}) | {"immutable": True}], force=True)
    assert progress.failed is not None
    assert ground.get(CONFIGS, "one") == was
