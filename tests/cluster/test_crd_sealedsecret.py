"""Our CRD for SealedSecret and the original's accept, refuse and prune the same objects, on a real API server.

Each schema is served under a group of its own, so that both can stand side by side and no other test is disturbed.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from controller.api.schema import FOLDER
from engine.kube.yaml import Dialect, read_all
from sealer.errors import SealError
from sealer.sealedsecret import MOST_STORED_BYTES, check_stored
from tests.kit import real
from tests.kit.apicalls import Refused
from tests.kit.controlplane import ControlPlane
from tests.kit.definitions import without_descriptions
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

OURS, ORIGINAL = "ours.kseal.test", "original.kseal.test"
OBJECT = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"}
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _spec(**fields: Any) -> dict[str, Any]:
    return {"spec": {"encryptedData": {"password": "AgB="}, **fields}}


def _template(**fields: Any) -> dict[str, Any]:
    return _spec(template=fields)


OBJECTS: dict[str, Any] = {
    "smallest": _spec(),
    "no values": {"spec": {"encryptedData": {}}},
    "several values": {"spec": {"encryptedData": {"a": "AgB=", "b.c": "AgC=", "d-e_f": ""}}},
    "value of number": {"spec": {"encryptedData": {"a": 1}}},
    "value of boolean": {"spec": {"encryptedData": {"a": True}}},
    "value of null": {"spec": {"encryptedData": {"a": None}}},
    "value of list": {"spec": {"encryptedData": {"a": ["AgB="]}}},
    "value of object": {"spec": {"encryptedData": {"a": {"b": "AgB="}}}},
    "values null": {"spec": {"encryptedData": None}},
    "values a list": {"spec": {"encryptedData": ["AgB="]}},
    "values a string": {"spec": {"encryptedData": "AgB="}},
    "values missing": {"spec": {}},
    "spec missing": {},
    "spec null": {"spec": None},
    "spec a string": {"spec": "x"},
    "spec with unknown field": _spec(unknown="x", stringData={"a": "b"}),
    "top level unknown field": {**_spec(), "unknown": {"deep": [1, 2]}},
    "old form": {"spec": {"data": "QWdCPQ=="}},
    "old form beside values": _spec(data="QWdCPQ=="),
    "old form not base64": _spec(data="not base64!"),
    "old form a number": _spec(data=5),
    "old form null": _spec(data=None),
    "template empty": _template(),
    "template null": _spec(template=None),
    "template a string": _spec(template="x"),
    "template with unknown field": _template(stringData={"a": "b"}, kind="Secret"),
    "template whole": _template(
        type="kubernetes.io/tls",
        immutable=True,
        data={"url": "postgres://{{ .user }}@db"},
        metadata={
            "name": "db",
            "namespace": "shop",
            "labels": {"app": "db"},
            "annotations": {"a/b": "c"},
            "finalizers": ["example.com/hold"],
        },
    ),
    "template metadata null": _template(metadata=None),
    "template metadata of older clients": _template(metadata={"creationTimestamp": None, "name": "db"}),
    "template metadata unknown": _template(
        metadata={"generateName": "x-", "ownerReferences": [{"uid": "1"}], "z": {"a": 1}}
    ),
    "template metadata a list": _template(metadata=[]),
    "template labels of numbers": _template(metadata={"labels": {"a": 1}}),
    "template labels null": _template(metadata={"labels": None}),
    "template annotation null": _template(metadata={"annotations": {"a": None}}),
    "template finalizers a string": _template(metadata={"finalizers": "x"}),
    "template finalizers of numbers": _template(metadata={"finalizers": [1]}),
    "template name a number": _template(metadata={"name": 5}),
    "template type a number": _template(type=5),
    "template type null": _template(type=None),
    "template type unknown": _template(type="example.com/anything"),
    "template immutable a string": _template(immutable="true"),
    "template immutable false": _template(immutable=False),
    "template immutable null": _template(immutable=None),
    "template data null": _template(data=None),
    "template data of numbers": _template(data={"port": 5432}),
    "template data of null": _template(data={"port": None}),
    "template data a list": _template(data=["a"]),
    "status at creation": {**_spec(), "status": {"observedGeneration": 1}},
    "status broken at creation": {**_spec(), "status": {"observedGeneration": "1"}},
    "unicode": _template(metadata={"annotations": {"städte": "東京 🗼"}}, data={"k": "ü"}),
    "own metadata with labels": {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, **_spec()},
    "own metadata with bad label": {"metadata": {"labels": {"a": "no spaces"}}, **_spec()},
}

_TIME = "2026-01-02T03:04:05Z"
STATUSES: dict[str, Any] = {
    "whole": {
        "observedGeneration": 3,
        "conditions": [
            {
                "type": "Synced",
                "status": "False",
                "reason": "",
                "message": "no key could decrypt secret (password)",
                "lastUpdateTime": _TIME,
                "lastTransitionTime": _TIME,
            }
        ],
    },
    "empty": {},
    "null": None,
    "a list": [],
    "condition without type": {"conditions": [{"status": "True"}]},
    "condition without status": {"conditions": [{"type": "Synced"}]},
    "condition with unknown field": {"conditions": [{"type": "Synced", "status": "True", "observedGeneration": 1}]},
    "condition null": {"conditions": [None]},
    "two conditions of one type": {"conditions": [{"type": "Synced", "status": "True"}] * 2},
    "status of boolean": {"conditions": [{"type": "Synced", "status": True}]},
    "status of any word": {"conditions": [{"type": "Ready", "status": "Perhaps"}]},
    "time not a time": {"conditions": [{"type": "Synced", "status": "True", "lastUpdateTime": "yesterday"}]},
    "time null": {"conditions": [{"type": "Synced", "status": "True", "lastTransitionTime": None}]},
    "time with zone": {
        "conditions": [{"type": "Synced", "status": "True", "lastUpdateTime": "2026-01-02T03:04:05+02:00"}]
    },
    "generation a string": {"observedGeneration": "3"},
    "generation a fraction": {"observedGeneration": 1.5},
    "generation beyond 32 bits": {"observedGeneration": 2**40},
    "generation beyond 64 bits": {"observedGeneration": 2**70},
    "unknown field": {"observedGeneration": 1, "phase": "Ready"},
}


class Verdict(NamedTuple):
    """What the API server made of an object: the status, the refused fields, and what it would have stored."""

    status: int
    refusals: Any = None
    stored: Any = None


@pytest.fixture(scope="module")
def original_crd() -> dict[str, Any]:
    """The definition that the original's chart installs, from its Go module."""
    file = "helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml"
    return _load(real.require_file("sealed-secrets-controller", file))


@pytest.fixture(scope="module")
def served(control_plane: ControlPlane, original_crd: dict[str, Any]) -> Iterator[ControlPlane]:
    """Both definitions, each under its own group, and one stored object for the statuses."""
    ours = _load(FOLDER / "bitnami.com_sealedsecrets.yaml")
    for group, crd in ((OURS, ours), (ORIGINAL, original_crd)):
        _serve(control_plane, group, crd)
        control_plane.api.text("POST", _path(group), _object(group, "stored", _spec()))
    yield control_plane
    for group in (OURS, ORIGINAL):
        _withdraw(control_plane, group)


def _serve(plane: ControlPlane, group: str, crd: dict[str, Any]) -> None:
    renamed = {**crd, "metadata": {"name": f"sealedsecrets.{group}"}, "spec": {**crd["spec"], "group": group}}
    plane.api.ensure(CRDS, renamed)
    wait_until(lambda: plane.api.answers(_path(group)), f"{group} is served")


def _withdraw(plane: ControlPlane, group: str) -> None:
    """Wait for the end: `kubectl get sealedsecrets` means one of several groups as long as there are several."""
    plane.api.text("DELETE", f"{CRDS}/sealedsecrets.{group}")
    wait_until(lambda: not plane.api.answers(f"/apis/{group}"), f"{group} is served no more")


def _load(path: Path) -> dict[str, Any]:
    (crd,) = read_all(path.read_bytes(), dialect=Dialect.V2, source=str(path))
    assert isinstance(crd, dict)
    return crd


def _path(group: str) -> str:
    return f"/apis/{group}/v1alpha1/namespaces/default/sealedsecrets"


def _object(group: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, **content.get("metadata", {})}
    return {"apiVersion": f"{group}/v1alpha1", "kind": "SealedSecret", **content, "metadata": metadata}


def _try(ask: Callable[[], Any], group: str) -> Verdict:
    try:
        answer = ask()
    except Refused as refused:
        said = json.loads(str(refused).split(f" {refused.status} ", 1)[1].replace(group, "GROUP"))
        return Verdict(refused.status, refusals=said.get("details", {}).get("causes", said["message"]))
    metadata = {name: answer["metadata"].get(name) for name in ("labels", "annotations")}
    return Verdict(200, stored={"spec": answer.get("spec"), "status": answer.get("status"), **metadata})


def _create(plane: ControlPlane, group: str, content: dict[str, Any], validation: str) -> Verdict:
    path = f"{_path(group)}?dryRun=All&fieldValidation={validation}"
    return _try(lambda: plane.api.json("POST", path, _object(group, "tried", content)), group)


def _update_status(plane: ControlPlane, group: str, status: Any) -> Verdict:
    stored = plane.api.json("GET", f"{_path(group)}/stored")
    path = f"{_path(group)}/stored/status?dryRun=All&fieldValidation=Strict"
    return _try(lambda: plane.api.json("PUT", path, {**stored, "status": status}), group)


@pytest.mark.parametrize("validation", ["Strict", "Ignore"])
@pytest.mark.parametrize("name", OBJECTS)
def test_both_definitions_judge_an_object_alike(served: ControlPlane, name: str, validation: str) -> None:
    ours, original = (_create(served, group, OBJECTS[name], validation) for group in (OURS, ORIGINAL))
    assert ours == original


@pytest.mark.parametrize("name", STATUSES)
def test_both_definitions_judge_a_status_alike(served: ControlPlane, name: str) -> None:
    ours, original = (_update_status(served, group, STATUSES[name]) for group in (OURS, ORIGINAL))
    assert ours == original


def test_the_corpus_holds_accepted_and_refused_objects(served: ControlPlane) -> None:
    objects = {name: _create(served, OURS, content, "Strict").status for name, content in OBJECTS.items()}
    statuses = {name: _update_status(served, OURS, status).status for name, status in STATUSES.items()}
    for verdicts, accepted in ((objects, "template whole"), (statuses, "whole")):
        assert verdicts[accepted] == 200
        assert {*verdicts.values()} >= {200, 400, 422}
        assert sum(status != 200 for status in verdicts.values()) > len(verdicts) / 4


def test_unknown_fields_survive_where_the_secret_takes_them_and_are_dropped_elsewhere(served: ControlPlane) -> None:
    metadata = {"generateName": "x-", "ownerReferences": [{"uid": "1"}]}
    kept = _create(served, OURS, _template(metadata=metadata, stringData={"a": "b"}), "Ignore").stored
    assert kept["spec"]["template"] == {"metadata": metadata}


def test_the_schema_differs_from_the_originals_in_its_descriptions_only(original_crd: dict[str, Any]) -> None:
    ours = _load(FOLDER / "bitnami.com_sealedsecrets.yaml")
    assert without_descriptions(ours["spec"]) == without_descriptions(original_crd["spec"])


def test_people_see_message_state_and_age_in_the_listing(
    served: ControlPlane, kubectl: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    listing = kubectl("get", f"sealedsecrets.{OURS}", "stored", namespace="default").stdout.splitlines()
    assert listing[0].split() == ["NAME", "STATUS", "SYNCED", "AGE"]


def test_the_generated_file_is_accepted_as_it_is(
    control_plane: ControlPlane, kubectl: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(FOLDER / "bitnami.com_sealedsecrets.yaml"))
    control_plane.wait_established()
    conditions = control_plane.api.json("GET", f"{CRDS}/sealedsecrets.bitnami.com")["status"]["conditions"]
    assert {condition["type"] for condition in conditions} == {"Established", "NamesAccepted"}


def test_what_kseal_refuses_as_too_large_no_api_server_stores(served: ControlPlane, namespace: str) -> None:
    """And what is a little smaller it stores."""
    objects = f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets"

    def sealed(name: str, length: int) -> dict[str, Any]:
        return {**OBJECT, "metadata": {"name": name}, **_spec(encryptedData={"a": "A" * length})}

    served.api.text("POST", objects, sealed("fits", MOST_STORED_BYTES - 2000))
    check_stored({"a": MOST_STORED_BYTES - 2000})
    with pytest.raises(Refused, match="etcdserver: request is too large"):
        served.api.text("POST", objects, sealed("does-not", MOST_STORED_BYTES))
    with pytest.raises(SealError):
        check_stored({"a": MOST_STORED_BYTES})
