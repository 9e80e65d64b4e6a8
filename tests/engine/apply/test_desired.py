"""From built objects to those that are applied. Cases as in fluxcd/pkg ssa/normalize, written from its behaviour."""

import base64
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.desired import DesiredError, desired
from engine.ownership import Ownership

Object = dict[str, Any]
CONTROL = "deliver.example.org"
LABELS = {f"{CONTROL}/name": "apps", f"{CONTROL}/namespace": "team"}
OWNERSHIP = Ownership(manager="deliverer", labels=LABELS, control=CONTROL)


def one(obj: Object, ownership: Ownership = OWNERSHIP, **options: Any) -> Object:
    (made,) = desired([obj], ownership, **options)
    return made


def config(name: str = "one", **more: Any) -> Object:
    metadata = {"name": name, "namespace": "team", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


def secret(**more: Any) -> Object:
    return config(**more) | {"kind": "Secret"}


def workload(kind: str, api_version: str, path: tuple[str, ...], ports: list[Object]) -> Object:
    spec: Object = {"containers": [{"name": "c", "ports": ports}]}
    for name in reversed(path):
        spec = {name: spec}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "w", "namespace": "team"}, **spec}


def test_owner_labels_stand_beside_those_of_the_manifest() -> None:
    made = one(config(metadata={"labels": {"app": "x"}}))
    assert made["metadata"]["labels"] == {"app": "x", **LABELS}


def test_common_metadata_win_over_the_manifest_and_owner_labels_over_both() -> None:
    ownership = Ownership(
        manager="deliverer",
        labels=LABELS,
        control=CONTROL,
        common_labels={"app": "common", f"{CONTROL}/name": "forged"},
        common_annotations={"note": "common"},
    )
    made = one(config(metadata={"labels": {"app": "x"}, "annotations": {"note": "x", "own": "y"}}), ownership)
    assert made["metadata"]["labels"] == {"app": "common", **LABELS}
    assert made["metadata"]["annotations"] == {"note": "common", "own": "y"}


def test_what_was_built_is_not_changed() -> None:
    built = workload("Deployment", "apps/v1", ("spec", "template", "spec"), [{"containerPort": 80}])
    built["status"] = {"replicas": 1}
    before = copy.deepcopy(built)
    one(built)
    assert built == before


def test_plain_values_of_a_secret_become_encoded_ones_and_win() -> None:
    made = one(secret(stringData={"a": "new", "b": "é", "c": None}, data={"a": "b2xk", "d": "eA=="}))
    values = {key: base64.b64decode(value).decode() for key, value in made["data"].items()}
    assert values == {"a": "new", "b": "é", "c": "", "d": "x"}
    assert "stringData" not in made


@pytest.mark.parametrize(
    ("kind", "api_version", "path"),
    [
        ("Pod", "v1", ("spec",)),
        ("Deployment", "apps/v1", ("spec", "template", "spec")),
        ("StatefulSet", "apps/v1", ("spec", "template", "spec")),
        ("DaemonSet", "apps/v1", ("spec", "template", "spec")),
        ("ReplicaSet", "apps/v1", ("spec", "template", "spec")),
        ("Job", "batch/v1", ("spec", "template", "spec")),
        ("CronJob", "batch/v1", ("spec", "jobTemplate", "spec", "template", "spec")),
    ],
)
def test_ports_of_containers_have_a_protocol(kind: str, api_version: str, path: tuple[str, ...]) -> None:
    made = one(workload(kind, api_version, path, [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]))
    for name in path:
        made = made[name]
    assert made["containers"][0]["ports"] == [
        {"containerPort": 80, "protocol": "TCP"},
        {"containerPort": 53, "protocol": "UDP"},
    ]


def test_ports_of_a_service_have_a_protocol() -> None:
    made = one(config(spec={"ports": [{"port": 80, "protocol": ""}]}) | {"kind": "Service"})
    assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_a_custom_resource_of_the_same_kind_stays_as_it_is() -> None:
    built = workload("Deployment", "example.org/v1", ("spec", "template", "spec"), [{"containerPort": 80}])
    assert one(built)["spec"] == built["spec"]


def test_a_status_is_left_out_but_that_of_a_definition() -> None:
    assert "status" not in one(config(status={"phase": "x"}))
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a.b", "creationTimestamp": None},
        "spec": {},
        "status": {"conditions": []},
    }
    assert one(crd)["status"] == {"conditions": []}
    assert "creationTimestamp" not in one(crd)["metadata"]


def test_what_the_server_wrote_into_an_exported_manifest_is_left_out() -> None:
    exported = {"uid": "x", "resourceVersion": "1", "generation": 2, "managedFields": [], "creationTimestamp": "x"}
    made = one(config(metadata={**exported, "finalizers": ["a"]}))
    assert set(made["metadata"]) == {"name", "namespace", "labels", "finalizers"}


def test_a_placeholder_for_the_authority_of_a_conversion_webhook_is_left_out() -> None:
    def crd(bundle: str) -> Object:
        webhook = {"clientConfig": {"caBundle": bundle, "url": "https://x"}}
        spec = {"conversion": {"strategy": "Webhook", "webhook": webhook}}
        head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
        return {**head, "metadata": {"name": "a.b"}, "spec": spec}

    for bundle in (
        "Cg==",
        "no base64!",
        base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----").decode(),
    ):
        assert one(crd(bundle))["spec"]["conversion"]["webhook"] == {"clientConfig": {"url": "https://x"}}
    assert one(crd(""))["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] == ""


def test_a_real_authority_stays() -> None:
    from tests.kit.pki import Authority

    bundle = base64.b64encode(Authority("test").certificate).decode()
    conversion = {"webhook": {"clientConfig": {"caBundle": bundle}}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "a.b"},
        "spec": {"conversion": conversion},
    }
    assert one(crd)["spec"]["conversion"] == conversion


@pytest.mark.parametrize("place", ["labels", "annotations"])
@pytest.mark.parametrize(("value", "word"), [(1, "a number"), (True, "a boolean"), (["x"], "a list"), ({}, "a map")])
def test_labels_and_annotations_are_texts(place: str, value: object, word: str) -> None:
    with pytest.raises(DesiredError, match=rf'^ConfigMap/team/one: {place} "port" is {word}') as caught:
        one(config(metadata={place: {"port": value}}))
    assert caught.value.hint == "put it into quotes"


def test_an_empty_annotation_counts_as_empty_text() -> None:
    assert one(config(metadata={"annotations": {"x": None}}))["metadata"]["annotations"] == {"x": ""}


def test_a_number_in_a_secret_is_refused_without_its_value() -> None:
    with pytest.raises(DesiredError, match=r'^Secret/team/one: stringData "port" is a number') as caught:
        one(secret(stringData={"port": 271828}))
    assert "271828" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "built",
    [
        secret(sops={"mac": "ENC[AES256_GCM,data:x]"}),
        secret(sops={}),
        secret(stringData={"a": "x"}, sops=None),
        config(sops={"mac": "ENC[AES256_GCM,data:x]"}),
        secret(data={"a": "ENC[AES256_GCM,data:x,type:str]"}),
        secret(stringData={"a": "ENC[AES256_GCM,data:x,type:str]"}),
        secret(data={"a": base64.b64encode(b"a: ENC[x]\nsops:\n    mac: ENC[AES256_GCM,data:x]\n").decode()}),
        secret(data={"a": base64.b64encode(b'{"data": "", "sops": {"mac": "ENC[AES256_GCM,x]"}}').decode()}),
        secret(data={"a": base64.b64encode(b"a=ENC[x]\nsops_mac=ENC[AES256_GCM,x]\n").decode()}),
    ],
)
def test_what_is_still_encrypted_is_refused(built: Object) -> None:
    said = r"is SOPS encrypted, configuring decryption is required for this secret to be reconciled$"
    with pytest.raises(DesiredError, match=said):
        one(built)


def test_what_says_that_it_stays_encrypted_is_applied_without_the_envelope() -> None:
    built = secret(
        metadata={"annotations": {f"{CONTROL}/decrypt": "disabled"}},
        data={"a": "ENC[AES256_GCM,data:x,type:str]"},
        sops={"mac": "x"},
    )
    made = one(built)
    assert made["data"] == built["data"]
    assert "sops" not in made


def test_a_config_that_speaks_of_sops_is_no_secret() -> None:
    assert one(config(data={"a": "sops:\n    mac: ENC[x]"}))["data"] == {"a": "sops:\n    mac: ENC[x]"}
    assert one(config(sops={"version": 1}))["sops"] == {"version": 1}


def test_the_same_object_twice_is_refused() -> None:
    with pytest.raises(DesiredError, match=r"^ConfigMap/team/one: it is there twice"):
        desired([config(), config("two"), config()], OWNERSHIP)


def test_the_same_object_in_two_versions_is_refused() -> None:
    built = config() | {"kind": "Deployment", "apiVersion": "apps/v1"}
    with pytest.raises(DesiredError, match="it is there twice"):
        desired([built, built | {"apiVersion": "apps/v1beta1"}], OWNERSHIP)


def test_a_default_namespace_is_for_kinds_that_have_namespaces() -> None:
    lost = config()
    del lost["metadata"]["namespace"]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}}
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}}
    gadget = widget | {"kind": "Gadget"}
    known = {("example.org", "Widget"): False}
    made = desired(
        [lost, role, widget, gadget],
        OWNERSHIP,
        default_namespace="home",
        is_namespaced=lambda group, kind: known.get((group, kind)),
    )
    assert [obj["metadata"].get("namespace") for obj in made] == ["home", None, None, "home"]


def test_without_a_default_namespace_nothing_is_put_anywhere() -> None:
    lost = config()
    del lost["metadata"]["namespace"]
    assert "namespace" not in one(lost)["metadata"]


@pytest.mark.parametrize(
    "built",
    [
        {},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": []},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 1}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}},
        {"apiVersion": 1, "kind": "ConfigMap", "metadata": {"name": "x"}},
        {"apiVersion": "v1", "kind": None, "metadata": {"name": "x"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": 3}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": ["x"]}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": "x"},
    ],
)
def test_what_is_no_object_is_refused(built: Object) -> None:
    with pytest.raises(DesiredError):
        one(built)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=10,
)


@given(
    st.sampled_from(["Secret", "Service", "Pod", "Deployment", "CustomResourceDefinition"]),
    st.sampled_from(["v1", "apps/v1", "apiextensions.k8s.io/v1"]),
    st.dictionaries(st.sampled_from(["labels", "annotations", "name", "namespace"]), JSON),
    st.dictionaries(st.sampled_from(["spec", "data", "stringData", "sops", "status"]), JSON),
)
def test_whatever_is_built_is_made_or_refused(kind: str, api_version: str, metadata: Object, rest: Object) -> None:
    built = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", **metadata}, **rest}
    try:
        made = one(built)
    except DesiredError:
        return
    assert made["metadata"]["labels"].items() >= LABELS.items()
