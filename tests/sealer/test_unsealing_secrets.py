"""A SealedSecret becomes a Secret again, or says why not."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sealer import box
from sealer.encoding import encode
from sealer.errors import FormatError, UnsealError
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE
from sealer.sealedsecret import SKIP_OWNER, open_items, parse, seal_secret, unseal_secret


@pytest.fixture
def ring(key: SealingKey) -> KeyRing:
    """The key of today, alone."""
    return KeyRing([key])


@pytest.fixture
def sealed(key: SealingKey, make_secret: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """`shop/db` with two items, strict."""
    return seal_secret(make_secret(stringData={"user": "me"}), key.private_key.public_key())


def changed(raw: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """The same object with other metadata of its own."""
    return raw | {"metadata": raw["metadata"] | metadata}


def with_spec(raw: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return raw | {"spec": raw["spec"] | spec}


def test_values_sealed_by_the_original_unseal(vectors: Callable[[str], Any], vector_key: rsa.RSAPrivateKey) -> None:
    boxes = {case["label"]: case["sealed"] for case in vectors("boxes.json")["boxes"] if case["plaintext"]}
    for label, annotations in (
        ("myns/myname", {}),
        ("myns", {NAMESPACE_WIDE: "true"}),
        ("", {CLUSTER_WIDE: "true", NAMESPACE_WIDE: "true"}),
    ):
        raw = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": "myname", "namespace": "myns", "annotations": annotations, "creationTimestamp": None},
            "spec": {"encryptedData": {"foo": boxes[label]}, "template": {"metadata": {"creationTimestamp": None}}},
        }
        unsealed = unseal_secret(parse(raw), KeyRing([SealingKey(vector_key)]))
        assert unsealed.secret["data"] == {"foo": "YmFy"}


def test_fields_stand_in_the_order_of_the_original(sealed: dict[str, Any], ring: KeyRing) -> None:
    template = {"type": "Opaque", "immutable": False, "metadata": {"annotations": {"a": "b"}, "labels": {"c": "d"}}}
    owner = parse(changed(sealed, uid="1-2")).owner_reference()
    unsealed = unseal_secret(parse(with_spec(sealed, template=template)), ring, owner_reference=owner)
    assert json.dumps(unsealed.secret) == json.dumps(
        {
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": {
                "name": "db",
                "namespace": "shop",
                "labels": {"c": "d"},
                "annotations": {"a": "b"},
                "ownerReferences": [
                    {
                        "apiVersion": "bitnami.com/v1alpha1",
                        "kind": "SealedSecret",
                        "name": "db",
                        "uid": "1-2",
                        "controller": True,
                    }
                ],
            },
            "immutable": False,
            "data": {"password": "aHVudGVyMg==", "user": "bWU="},
            "type": "Opaque",
        }
    )


def test_name_and_namespace_are_never_the_templates(sealed: dict[str, Any], ring: KeyRing) -> None:
    moved = with_spec(sealed, template={"metadata": {"name": "evil", "namespace": "kube-system"}})
    assert unseal_secret(parse(moved), ring).secret["metadata"] == {"name": "db", "namespace": "shop"}


def test_server_fields_of_a_template_do_not_reach_the_secret(sealed: dict[str, Any], ring: KeyRing) -> None:
    template = {"metadata": {"uid": "x", "resourceVersion": "1", "ownerReferences": [{}]}, "stringData": {"a": "b"}}
    unsealed = unseal_secret(parse(with_spec(sealed, template=template)), ring).secret
    assert unsealed["metadata"] == {"name": "db", "namespace": "shop"}
    assert set(unsealed) == {"kind", "apiVersion", "metadata", "data"}


def test_the_template_can_refuse_the_owner_reference(sealed: dict[str, Any], ring: KeyRing) -> None:
    for text, is_owned in (("true", False), ("false", True)):
        template = {"metadata": {"annotations": {SKIP_OWNER: text}}}
        unsealed = unseal_secret(parse(with_spec(sealed, template=template)), ring, owner_reference={"uid": "1"})
        assert ("ownerReferences" in unsealed.secret["metadata"]) is is_owned


def test_items_may_be_renamed(sealed: dict[str, Any], ring: KeyRing) -> None:
    renamed = {"new.name": sealed["spec"]["encryptedData"]["user"]}
    assert unseal_secret(parse(with_spec(sealed, encryptedData=renamed)), ring).secret["data"] == {"new.name": "bWU="}


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "other"},
        {"namespace": "other"},
        {"annotations": {NAMESPACE_WIDE: "true"}},
        {"annotations": {CLUSTER_WIDE: "true"}},
    ],
)
def test_a_value_that_moved_does_not_open(sealed: dict[str, Any], ring: KeyRing, metadata: dict[str, Any]) -> None:
    with pytest.raises(UnsealError) as caught:
        unseal_secret(parse(changed(sealed, **metadata)), ring)
    assert caught.value.message == "no key could decrypt secret (password, user)"


def test_a_wide_value_does_not_open_when_its_annotation_is_not_true(
    key: SealingKey, make_secret: Callable[..., dict[str, Any]], ring: KeyRing
) -> None:
    metadata = {"name": "db", "namespace": "shop", "annotations": {NAMESPACE_WIDE: "true"}}
    sealed = seal_secret(make_secret(metadata=metadata), key.private_key.public_key())
    assert unseal_secret(parse(changed(sealed, name="moved")), ring).secret["metadata"]["name"] == "moved"
    with pytest.raises(UnsealError):
        unseal_secret(parse(changed(sealed, annotations={NAMESPACE_WIDE: "false"})), ring)


def test_failures_are_grouped_by_message_and_sorted(sealed: dict[str, Any], ring: KeyRing) -> None:
    data = {"z": "AAAA", "b": "AAAA", "bad": "illegal text", "a": "AAAA"} | sealed["spec"]["encryptedData"]
    with pytest.raises(UnsealError) as caught:
        unseal_secret(parse(with_spec(sealed, encryptedData=data)), ring)
    assert caught.value.message == ("illegal base64 data at input byte 7 (bad)\nno key could decrypt secret (a, b, z)")
    assert set(caught.value.failures) == {"z", "b", "bad", "a"}


def test_hints_by_item_are_used_and_may_be_stale(
    key: SealingKey, make_key: Callable[..., SealingKey], sealed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = make_key(-1)
    both = KeyRing([key, newer])
    first = unseal_secret(parse(sealed), both)
    assert first.fingerprints == dict.fromkeys(("password", "user"), key.fingerprint)
    real, tried = box.open, list[object]()
    monkeypatch.setattr(
        box, "open", lambda value, with_key, label: (tried.append(with_key), real(value, with_key, label))[1]
    )
    assert unseal_secret(parse(sealed), both, hints=first.fingerprints).secret == first.secret
    assert tried == [key.private_key] * 2
    stale = {"password": newer.fingerprint}
    assert unseal_secret(parse(sealed), both, hints=stale).secret == first.secret


def test_values_of_the_wrong_type_are_dropped_and_named(sealed: dict[str, Any], ring: KeyRing) -> None:
    data = sealed["spec"]["encryptedData"] | {"n": 5, "null": None, "deep": {"a": "b"}}
    parsed = parse(with_spec(sealed, encryptedData=data))
    assert parsed.dropped == ("deep", "n", "null")
    assert set(unseal_secret(parsed, ring).secret["data"]) == {"password", "user"}


def test_nothing_sealed_is_an_empty_secret(sealed: dict[str, Any], ring: KeyRing) -> None:
    for spec in ({"encryptedData": {}}, {"encryptedData": None}, {}):
        assert "data" not in unseal_secret(parse(sealed | {"spec": spec}), ring).secret


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "Secret"}, "a Secret is not a SealedSecret"),
        ({"apiVersion": "bitnami.com/v1"}, "apiVersion is bitnami.com/v1, not bitnami.com/v1alpha1"),
        ({"metadata": {}}, "metadata.name is missing"),
        ({"metadata": {"name": 1}}, "metadata.name is a number, not a string"),
        ({"metadata": {"name": "a", "annotations": "x"}}, "metadata.annotations is a string, not an object"),
        ({"spec": []}, "spec is a list, not an object"),
        ({"spec": {"encryptedData": []}}, "spec.encryptedData is a list, not an object"),
        ({"spec": {"data": {}}}, "spec.data is an object, not a string"),
        ({"spec": {"template": "x"}}, "spec.template is a string, not an object"),
        ({"spec": {"template": {"type": 1}}}, "spec.template.type is a number, not a string"),
        ({"spec": {"template": {"immutable": "x"}}}, "spec.template.immutable is a string, not true or false"),
        (
            {"spec": {"template": {"metadata": {"labels": {"a": 1}}}}},
            'spec.template.metadata.labels["a"] is a number, not a string',
        ),
        ({"spec": {"template": {"data": {"a": 1}}}}, 'spec.template.data["a"] is a number, not a string'),
    ],
)
def test_a_malformed_object_is_refused_with_the_path(
    sealed: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError) as caught:
        parse(sealed | fields)
    assert caught.value.message == message


def test_a_null_template_is_an_empty_one(sealed: dict[str, Any], ring: KeyRing) -> None:
    for template in (None, {"metadata": None, "data": None, "type": "", "immutable": None}):
        assert unseal_secret(parse(with_spec(sealed, template=template)), ring).secret["data"]


def test_templates_are_rendered_beside_the_values(sealed: dict[str, Any], ring: KeyRing) -> None:
    parsed = parse(with_spec(sealed, template={"data": {"url": "{{ .user | upper }}", "user": "eve"}}))
    plain = {key: opened.value for key, opened in open_items(parsed, ring).items()}
    data = unseal_secret(parsed, ring).secret["data"]
    assert {key: base64.b64decode(text) for key, text in data.items()} == plain | {"url": plain["user"].upper()}


def test_plain_values_do_not_show_in_reprs(sealed: dict[str, Any], ring: KeyRing) -> None:
    unsealed = unseal_secret(parse(sealed), ring)
    assert "aHVudGVyMg" not in repr(unsealed) + repr(parse(sealed))
    assert repr(parse(sealed)) == "<SealedSecret shop/db>"


def v1_object(key: SealingKey, inner: object, **spec: Any) -> dict[str, Any]:
    """The first form of a SealedSecret: one value that holds a whole Secret."""
    plain = inner if isinstance(inner, bytes) else json.dumps(inner).encode()
    blob = encode(box.seal(plain, key.private_key.public_key(), b"shop/db"))
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"data": blob, **spec},
    }


def test_the_first_form_opens_where_it_is_accepted(
    key: SealingKey, make_secret: Callable[..., dict[str, Any]], ring: KeyRing
) -> None:
    inner = make_secret(metadata={"name": "evil", "namespace": "evil", "labels": {"a": "b"}}, type="Opaque")
    unsealed = unseal_secret(parse(v1_object(key, inner)), ring, owner_reference={"uid": "1"})
    assert unsealed.secret == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db", "namespace": "shop", "labels": {"a": "b"}, "ownerReferences": [{"uid": "1"}]},
        "data": {"password": "aHVudGVyMg=="},
        "type": "Opaque",
    }
    assert unsealed.fingerprints == {"data": key.fingerprint}


def test_the_first_form_is_refused_in_the_words_of_the_original(key: SealingKey, ring: KeyRing) -> None:
    with pytest.raises(
        UnsealError, match=r"^using deprecated 'data' field, use 'encryptedData' or flip the feature flag$"
    ):
        unseal_secret(parse(v1_object(key, {})), ring, accept_v1_data=False)
    both = v1_object(key, {}, encryptedData={"a": "AAAA"})
    with pytest.raises(UnsealError, match=r"^cannot use the field 'encryptedData' and the deprecated field 'data' at"):
        unseal_secret(parse(both), ring)


@pytest.mark.parametrize("inner", [b"hunter2", b"[]", b'{"data": {"a": 5}}', b'{"data": {"a": "hunter2!"}}', b"\xff"])
def test_a_first_form_without_a_secret_inside_never_shows_what_it_holds(
    key: SealingKey, ring: KeyRing, inner: bytes
) -> None:
    with pytest.raises(UnsealError) as caught:
        unseal_secret(parse(v1_object(key, inner)), ring)
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_first_form_that_does_not_open_says_so(key: SealingKey, ring: KeyRing) -> None:
    with pytest.raises(UnsealError, match=r"^no key could decrypt secret$"):
        unseal_secret(parse(v1_object(key, {})), KeyRing())
    with pytest.raises(UnsealError, match=r"^illegal base64 data at input byte 3 \(data\)$"):
        unseal_secret(parse(v1_object(key, {}, data="AAA!")), ring)
