"""What the front door tells of SealedSecrets in a real API server, and what it leaves alone."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.door import annotate, open_door, put, remove
from tests.kit.errors import Unavailable
from tests.kit.ground import install_crd
from tests.kit.process import wait_until
from tests.kit.tree import ROOT

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def audited() -> Iterator[ControlPlane]:
    """A control plane with our CRD and an audit log, for this file."""
    with ExitStack() as stack:
        try:
            plane = stack.enter_context(ControlPlane("api", audit=True))
        except Unavailable as error:
            real.do_without(error)
        install_crd(plane)
        yield plane


def may_watch(plane: ControlPlane, namespace: str, account: str, *, where: str | None = None) -> None:
    """Let a ServiceAccount list and watch SealedSecrets, in one namespace or (None) in all, and nothing else."""
    flags = ["--verb=list", "--verb=watch", "--resource=sealedsecrets.bitnami.com"]
    name = f"watch-{namespace}-{account}"
    kind, scope = ("clusterrole", None) if where is None else ("role", where)
    plane.kubectl("create", kind, name, *flags, namespace=scope)
    plane.kubectl(
        "create",
        f"{kind}binding",
        name,
        f"--{kind}={name}",
        f"--serviceaccount={namespace}:{account}",
        namespace=scope,
    )


def test_what_is_there_is_told_first_and_then_what_happens(served: ControlPlane, namespace: str) -> None:
    put(served, namespace, "one")
    put(served, namespace, "two")
    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        assert sorted(door.told) == [(None, "one"), (None, "two")]
        assert door.door.trouble() is None
        put(served, namespace, "three")
        annotate(served, namespace, "one", note="x")
        remove(served, namespace, "two")
        door.wait_told(("ADDED", "three"), ("MODIFIED", "one"), ("DELETED", "two"))
        assert sorted(door.view) == ["one", "three"]
        assert door.view["one"]["metadata"]["annotations"] == {"note": "x"}
        assert door.view["three"]["kind"] == "SealedSecret"
        assert door.problems == []


def test_a_collection_without_objects_is_listed_too(served: ControlPlane, namespace: str) -> None:
    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        assert door.told == []


def test_a_list_of_several_pages_is_told_completely(
    served: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.runtime.trimmedkopf.PAGE", 3)
    names = {f"s{number}" for number in range(10)}
    for name in names:
        put(served, namespace, name)
    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        assert sorted(door.told) == sorted((None, name) for name in names)


def test_an_object_that_is_made_anew_under_its_name_ends_up_present(served: ControlPlane, namespace: str) -> None:
    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        for number in range(20):
            put(served, namespace, "phoenix", annotations={"n": str(number)})
            if number < 19:
                remove(served, namespace, "phoenix")
        wait_until(
            lambda: door.view.get("phoenix", {}).get("metadata", {}).get("annotations") == {"n": "19"},
            "the last one is told",
        )


def test_it_reads_only_and_needs_no_more_than_list_and_watch(audited: ControlPlane) -> None:
    namespace = audited.create_namespace()
    account = audited.account(namespace, "watcher")
    may_watch(audited, namespace, "watcher")
    # What kopf would act on: its own finalizer, and the memory that it keeps in annotations, here malformed.
    for name, marks in {
        "finalized": {"finalizers": ["kopf.zalando.org/KopfFinalizerMarker"]},
        "annotated": {"annotations": {"kopf.zalando.org/last-handled-configuration": "{", "kopf.dev/x": "["}},
    }.items():
        put(audited, namespace, name, **marks)
    with open_door(audited, kubeconfig=account.kubeconfig) as door:
        assert door.door.wait_listed(30)
        remove(audited, namespace, "finalized")  # which only marks it
        annotate(audited, namespace, "annotated", note="x")
        door.wait_told((None, "finalized"), ("MODIFIED", "finalized"), (None, "annotated"), ("MODIFIED", "annotated"))
        assert door.problems == []
    user = f"system:serviceaccount:{namespace}:watcher"
    asked = list(audited.audit_events(user=user))
    assert {event["verb"] for event in asked} <= {"get", "list", "watch"}
    assert {event.get("responseStatus", {}).get("code", 200) for event in asked} == {200}
    assert len(asked) <= 12, [event["requestURI"] for event in asked]
    (finalized,) = (raw for name, raw in door.view.items() if name == "finalized")
    assert finalized["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]


def test_only_the_namespaces_that_were_asked_for_are_told(audited: ControlPlane) -> None:
    ours, too, strange = (audited.create_namespace() for _ in range(3))
    account = audited.account(ours, "watcher")
    for where in (ours, too):
        may_watch(audited, ours, "watcher", where=where)
    for where in (ours, too, strange):
        put(audited, where, f"in-{where}")
    with open_door(audited, kubeconfig=account.kubeconfig, namespaces=[ours, too]) as door:
        assert door.door.wait_listed(30)
        assert {name for _, name in door.told} == {f"in-{ours}", f"in-{too}"}
        assert door.door.trouble() is None


def test_a_consumer_that_fails_misses_nothing_else(served: ControlPlane, namespace: str) -> None:
    def fail(kind: str | None, raw: dict[str, Any]) -> None:
        raise ValueError(raw["metadata"]["name"])

    with open_door(served, namespaces=[namespace]) as door:
        assert door.door.wait_listed(30)
        door.react = fail
        put(served, namespace, "first")
        door.wait_told(("ADDED", "first"))
        annotate(served, namespace, "first", note="x")
        door.wait_told(("MODIFIED", "first"))
        assert door.problems == ["first", "first"]
        assert door.door.trouble() is None


def test_kopf_is_loaded_without_any_other_client() -> None:
    script = """
import json, sys
import controller.runtime.frontdoor
loaded = [name for name in ("kubernetes", "kubernetes_asyncio", "pykube") if name in sys.modules]
import kubernetes
print(json.dumps([loaded, kubernetes.__name__, "kopf" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], "kubernetes", True]
