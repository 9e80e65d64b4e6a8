"""A whole Secret becomes a SealedSecret."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.box import text_length
from sealer.encoding import encode
from sealer.errors import FormatError, SealError
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE, Scope
from sealer.sealedsecret import parse, seal_secret, unseal_secret

MakeSecret = Callable[..., dict[str, Any]]


@pytest.fixture
def seal(key: SealingKey) -> Callable[..., dict[str, Any]]:
    """Seals with the key of today."""
    return lambda raw, **options: seal_secret(raw, key.private_key.public_key(), **options)


Seal = Callable[..., dict[str, Any]]


def test_fields_stand_in_the_order_of_the_original(seal: Seal, make_secret: MakeSecret) -> None:
    metadata = {
        "annotations": {"z": "1", "a": "2"},
        "labels": {"z": "1", "a": "2"},
        "namespace": "shop",
        "name": "db",
        "finalizers": ["example.com/hold"],
    }
    sealed = seal(make_secret(metadata=metadata, type="Opaque", immutable=True, stringData={"b": "1", "a": "2"}))
    blank = json.loads(json.dumps(sealed))
    blank["spec"]["encryptedData"] = dict.fromkeys(blank["spec"]["encryptedData"])
    assert json.dumps(blank) == json.dumps(
        {
            "kind": "SealedSecret",
            "apiVersion": "bitnami.com/v1alpha1",
            "metadata": {"name": "db", "namespace": "shop"},
            "spec": {
                "template": {
                    "metadata": {
                        "name": "db",
                        "namespace": "shop",
                        "labels": {"a": "2", "z": "1"},
                        "annotations": {"a": "2", "z": "1"},
                        "finalizers": ["example.com/hold"],
                    },
                    "type": "Opaque",
                    "immutable": True,
                },
                "encryptedData": {"a": None, "b": None, "password": None},
            },
        }
    )


def test_what_only_a_server_writes_and_what_repeats_the_secret_is_left_out(seal: Seal, make_secret: MakeSecret) -> None:
    plain = '{"data":{"password":"aHVudGVyMg=="}}'
    metadata = {
        "name": "db",
        "namespace": "shop",
        "uid": "1-2",
        "resourceVersion": "7",
        "generation": 1,
        "creationTimestamp": None,
        "selfLink": "/x",
        "managedFields": [{"manager": "kubectl"}],
        "ownerReferences": [{"kind": "X"}],
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": plain,
            "kubecfg.ksonnet.io/last-applied-configuration": plain,
        },
    }
    sealed = seal(make_secret(metadata=metadata, status={"x": 1}))
    assert sealed["spec"]["template"] == {"metadata": {"name": "db", "namespace": "shop"}}
    assert sealed["metadata"] == {"name": "db", "namespace": "shop"}


@pytest.mark.parametrize("immutable", [True, False])
def test_immutable_is_copied_when_it_is_said(seal: Seal, make_secret: MakeSecret, immutable: bool) -> None:  # a table
    assert seal(make_secret(immutable=immutable))["spec"]["template"]["immutable"] is immutable
    assert "immutable" not in seal(make_secret())["spec"]["template"]


@pytest.mark.parametrize(
    ("scope", "declared"),
    [
        (None, {}),
        (Scope.STRICT, {}),
        (Scope.NAMESPACE, {NAMESPACE_WIDE: "true"}),
        (Scope.CLUSTER, {CLUSTER_WIDE: "true"}),
    ],
)
def test_the_flag_declares_the_scope_on_object_and_template(
    seal: Seal, make_secret: MakeSecret, scope: Scope | None, declared: dict[str, str]
) -> None:
    sealed = seal(make_secret(), scope=scope)
    assert sealed["metadata"].get("annotations", {}) == declared
    assert sealed["spec"]["template"]["metadata"].get("annotations", {}) == declared


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (None, Scope.NAMESPACE),
        (Scope.STRICT, Scope.NAMESPACE),
        (Scope.NAMESPACE, Scope.NAMESPACE),
        (Scope.CLUSTER, Scope.CLUSTER),
    ],
)
def test_strict_leaves_the_annotations_of_the_input_in_force_and_wider_flags_replace_them(
    seal: Seal, make_secret: MakeSecret, scope: Scope | None, expected: Scope
) -> None:
    annotated = {"name": "db", "namespace": "shop", "annotations": {NAMESPACE_WIDE: "true", "team": "a"}}
    sealed = seal(make_secret(metadata=annotated), scope=scope)
    assert parse(sealed).scope is expected
    assert sealed["metadata"]["annotations"] == {expected.annotation: "true"}
    assert sealed["spec"]["template"]["metadata"]["annotations"] == {expected.annotation: "true", "team": "a"}


@pytest.mark.parametrize(
    ("given_namespace", "options", "expected"),
    [
        ("shop", {}, "shop"),
        ("shop", {"namespace": "shop"}, "shop"),
        (None, {"namespace": "shop"}, "shop"),
        (None, {}, "default"),
        (None, {"default_namespace": "ctx"}, "ctx"),
        (None, {"default_namespace": "ctx", "namespace": "shop"}, "shop"),
        (None, {"scope": Scope.NAMESPACE}, "default"),
        (None, {"scope": Scope.CLUSTER}, None),
        (None, {"scope": Scope.CLUSTER, "namespace": "shop"}, None),
        ("shop", {"scope": Scope.CLUSTER, "namespace": "other"}, "shop"),
    ],
)
def test_the_namespace_is_the_inputs_then_the_flags_then_the_default(
    seal: Seal, make_secret: MakeSecret, given_namespace: str | None, options: dict[str, Any], expected: str | None
) -> None:
    metadata = {"name": "db"} | ({"namespace": given_namespace} if given_namespace else {})
    sealed = seal(make_secret(metadata=metadata), **options)
    assert sealed["metadata"].get("namespace") == expected
    assert sealed["spec"]["template"]["metadata"].get("namespace") == expected


def test_another_namespace_than_the_inputs_is_refused(seal: Seal, make_secret: MakeSecret) -> None:
    with pytest.raises(SealError) as caught:
        seal(make_secret(), namespace="b")
    assert caught.value.message == 'namespace mismatch: input secret is in namespace "shop" but "b" was specified'


def test_the_name_can_be_given_and_must_be_there(seal: Seal, make_secret: MakeSecret) -> None:
    assert seal(make_secret(), name="other")["metadata"]["name"] == "other"
    nameless = make_secret(metadata={"namespace": "shop"})
    assert seal(nameless, name="other")["spec"]["template"]["metadata"]["name"] == "other"
    with pytest.raises(SealError, match=r"^missing metadata\.name in input Secret$"):
        seal(nameless)


def test_empty_data_is_refused_unless_allowed(seal: Seal, make_secret: MakeSecret) -> None:
    empty = make_secret(data={})
    with pytest.raises(SealError, match=r"^secret\.data is empty in input Secret, assuming .* can be used$"):
        seal(empty)
    assert seal(empty, allow_empty=True)["spec"]["encryptedData"] == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "ConfigMap"}, "a ConfigMap is not a Secret"),
        ({"kind": "SealedSecret"}, "a SealedSecret is not a Secret"),
        ({"kind": "List"}, "a List is not a Secret"),
        ({"kind": None}, "kind and apiVersion are missing"),
        ({"apiVersion": None}, "kind and apiVersion are missing"),
        ({"apiVersion": "v2"}, "apiVersion is v2, not v1"),
        ({"kind": 5}, "kind and apiVersion are missing"),
        ({"metadata": []}, "metadata is a list, not an object"),
        ({"metadata": {"name": 5}}, "metadata.name is a number, not a string"),
        ({"metadata": {"name": "db", "namespace": True}}, "metadata.namespace is a boolean, not a string"),
        ({"metadata": {"name": "db", "labels": {"a": 1}}}, 'metadata.labels["a"] is a number, not a string'),
        ({"metadata": {"name": "db", "annotations": {"a": 1}}}, 'metadata.annotations["a"] is a number, not a string'),
        ({"metadata": {"name": "db", "finalizers": "x"}}, "metadata.finalizers is not a list of strings"),
        ({"type": 5}, "type is a number, not a string"),
        ({"immutable": "yes"}, "immutable is a string, not true or false"),
    ],
)
def test_what_is_no_secret_is_refused_with_the_path(
    seal: Seal, make_secret: MakeSecret, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        seal(make_secret(**fields))
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"a b": "YQ=="}},
        {"metadata": {"name": "Db"}},
        {"metadata": {"name": "db", "namespace": "a.b"}},
        {"metadata": {"name": "db", "labels": {"a": "b c"}}},
        {"metadata": {"name": "db", "annotations": {"a b": ""}}},
        {"metadata": {"name": "db", "finalizers": ["a b"]}},
        {"stringData": {"a": "x" * (1 << 20)}},
    ],
)
def test_what_the_api_would_refuse_later_is_refused_now(
    seal: Seal, make_secret: MakeSecret, fields: dict[str, Any]
) -> None:
    with pytest.raises(SealError):
        seal(make_secret(**fields))


def test_a_hundred_thousand_items_are_refused_before_one_is_sealed(make_secret: MakeSecret, key: SealingKey) -> None:
    raw = make_secret(data=None, stringData={f"k{number}": "" for number in range(100_000)})

    def never(_: int) -> bytes:
        raise AssertionError

    with pytest.raises(SealError, match="bytes, more than the 1572864 of a stored object") as caught:
        seal_secret(raw, key.private_key.public_key(), random=never)
    assert caught.value.hint == "make several Secrets of it"


@pytest.mark.parametrize("value_bytes", [0, 1, 2, 3, 1000])
def test_the_length_of_a_ciphertext_is_known_beforehand(
    seal: Seal, make_secret: MakeSecret, key: SealingKey, value_bytes: int
) -> None:
    sealed = parse(seal(make_secret(data=None, stringData={"a": "x" * value_bytes})))
    assert len(sealed.encrypted_data["a"]) == text_length(value_bytes, key.private_key.key_size)


def test_the_input_is_left_as_it_was(seal: Seal, make_secret: MakeSecret) -> None:
    raw = make_secret(metadata={"name": "db", "annotations": {"a": "b"}, "finalizers": ["a"]})
    before = json.dumps(raw)
    seal(raw, scope=Scope.CLUSTER, name="other")["spec"]["template"]["metadata"]["finalizers"].append("b")
    assert json.dumps(raw) == before


KEYS = st.text("abcXYZ019-._", min_size=1, max_size=20).filter(lambda key: key != "." and not key.startswith(".."))


@given(
    items=st.dictionaries(KEYS, st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=4),
    note=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    scope=st.sampled_from(Scope),
)
def test_what_was_sealed_unseals_to_the_same_secret(
    key: SealingKey, items: dict[str, str], note: str, scope: Scope
) -> None:
    metadata = {"name": "db", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"note": note}}
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": items, "type": "example.com/x"}
    sealed = seal_secret(raw, key.private_key.public_key(), scope=scope)
    unsealed = unseal_secret(parse(sealed), KeyRing([key]))
    assert unsealed.secret["metadata"]["annotations"].pop("note") == note
    assert unsealed.secret["metadata"]["labels"] == {"a": "b"}
    assert unsealed.secret["type"] == "example.com/x"
    again = seal_secret(unsealed.secret, key.private_key.public_key())
    assert unseal_secret(parse(again), KeyRing([key])).secret["data"] == unsealed.secret["data"]
    assert unsealed.fingerprints == dict.fromkeys(items, key.fingerprint)


def test_many_values_are_sealed_in_order_on_all_cores(seal: Seal, make_secret: MakeSecret, key: SealingKey) -> None:
    items = {f"k{number:04}": f"value {number}" for number in range(600)}
    sealed = parse(seal(make_secret(data=None, stringData=items)))
    names = sorted(items)[::97]
    sealed.encrypted_data = {name: sealed.encrypted_data[name] for name in names}
    opened = unseal_secret(sealed, KeyRing([key])).secret
    assert opened["data"] == {name: encode(items[name].encode()) for name in names}


def test_no_error_carries_a_value(seal: Seal, make_secret: MakeSecret) -> None:
    planted = "hunter2-planted"
    for fields in (
        {"stringData": {"a b": planted}},
        {"data": {"a": planted + "!"}},
        {"stringData": {"a": [planted]}},
        {"immutable": planted},
        {"stringData": {"a": planted}, "metadata": {}},
    ):
        with pytest.raises(KsealError) as caught:
            seal(make_secret(**fields))
        assert planted not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
