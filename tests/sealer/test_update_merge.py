"""What a Secret changes in a SealedSecret that exists, as a patch: no more than has to change."""

from collections.abc import Callable
from typing import Any

import pytest

from sealer import merge
from sealer.encoding import decode
from sealer.errors import FormatError, SealError
from sealer.keys import SealingKey
from sealer.objectfile import merged
from sealer.ring import KeyRing
from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE
from sealer.sealedsecret import MOST_STORED_BYTES, SealedSecret, open_items, parse, seal_secret

Make = Callable[..., dict[str, Any]]


def sealed(key: SealingKey, raw: dict[str, Any]) -> dict[str, Any]:
    assert key.certificate is not None
    return seal_secret(raw, key.certificate.public_key)


def opened(key: SealingKey, raw: dict[str, Any]) -> dict[str, bytes]:
    return {name: item.value for name, item in open_items(parse(raw), KeyRing([key])).items()}


def by_key(key: SealingKey) -> merge.IsSame:
    def is_same(target: SealedSecret, name: str, value: bytes) -> bool:
        return KeyRing([key]).open(decode(target.encrypted_data[name]), target.label).value == value

    return is_same


def update(key: SealingKey, target: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    return merge.update(target, raw, key.private_key.public_key(), by_key(key), default_namespace="default")


def into(key: SealingKey, target: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    return merge.into(target, raw, key.private_key.public_key(), default_namespace="default")


def test_the_same_secret_changes_nothing(key: SealingKey, make_secret: Make) -> None:
    metadata = {"name": "db", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    raw = make_secret(metadata=metadata, type="Opaque", immutable=True)
    assert update(key, sealed(key, raw), raw) == {}


def test_only_what_differs_is_in_the_patch(key: SealingKey, make_secret: Make) -> None:
    target = sealed(key, make_secret(data={"same": "eA==", "other": "eA==", "gone": "eA=="}))
    change = update(key, target, make_secret(data={"same": "eA==", "other": "eQ==", "new": "eg=="}))
    items = change["spec"]["encryptedData"]
    assert change.keys() == {"spec"}
    assert change["spec"].keys() == {"encryptedData"}
    assert items.keys() == {"other", "gone", "new"}
    assert items["gone"] is None
    assert opened(key, merged(target, change)) == {"same": b"x", "other": b"y", "new": b"z"}


def test_template_follows_the_secret_but_templates_of_values_stay(key: SealingKey, make_secret: Make) -> None:
    metadata = {"name": "db", "namespace": "shop", "labels": {"a": "b", "old": "x"}}
    target = sealed(key, make_secret(metadata=metadata, type="a/b"))
    target["spec"]["template"]["data"] = {"url": "{{ .password }}"}
    change = update(key, target, make_secret(metadata={**metadata, "labels": {"a": "c"}}))
    template = merged(target, change)["spec"]["template"]
    assert template["metadata"]["labels"] == {"a": "c"}
    assert "type" not in template
    assert template["data"] == {"url": "{{ .password }}"}


@pytest.mark.parametrize("wide", [NAMESPACE_WIDE, CLUSTER_WIDE, None])
@pytest.mark.parametrize("asked", [NAMESPACE_WIDE, CLUSTER_WIDE, None])
def test_the_target_decides_the_scope(key: SealingKey, make_secret: Make, wide: str | None, asked: str | None) -> None:
    def secret(annotation: str | None, **fields: Any) -> dict[str, Any]:
        annotations = {annotation: "true"} if annotation else {}
        metadata = {"name": "db", "namespace": "shop", "annotations": annotations, **fields}
        return make_secret(metadata=metadata, data={"password": "bmV3"})

    target = sealed(key, secret(wide))
    change = into(key, target, secret(asked, name="other", namespace="elsewhere"))
    result = merged(target, change)
    assert opened(key, result) == {"password": b"new"}
    assert result["metadata"] == target["metadata"]
    assert result["spec"]["template"] == target["spec"]["template"]


def test_merging_adds_and_never_removes(key: SealingKey, make_secret: Make) -> None:
    metadata = {"name": "db", "namespace": "shop", "labels": {"a": "b"}}
    target = sealed(key, make_secret(metadata=metadata))
    change = into(key, target, make_secret(data={"token": "eA=="}))
    result = merged(target, change)
    assert opened(key, result) == {"password": b"hunter2", "token": b"x"}
    assert result["spec"]["template"]["metadata"]["labels"] == {"a": "b"}


def test_what_the_server_wrote_into_annotations_stays_out(key: SealingKey, make_secret: Make) -> None:
    note = {"kubectl.kubernetes.io/last-applied-configuration": "the whole Secret"}
    metadata = {"name": "db", "namespace": "shop", "annotations": note}
    assert "whole Secret" not in str(into(key, sealed(key, make_secret()), make_secret(metadata=metadata)))


def test_the_form_of_before_2019_takes_no_items(key: SealingKey, make_secret: Make) -> None:
    target = {**sealed(key, make_secret()), "spec": {"data": "AgA="}}
    with pytest.raises(FormatError, match=r"deprecated field spec\.data"):
        into(key, target, make_secret())


def test_what_is_no_secret_is_not_merged(key: SealingKey, make_secret: Make) -> None:
    target = sealed(key, make_secret())
    with pytest.raises(FormatError, match="a ConfigMap is not a Secret"):
        into(key, target, make_secret(kind="ConfigMap"))
    with pytest.raises(SealError, match="is empty"):
        into(key, target, make_secret(data=None))


def test_an_object_does_not_grow_beyond_what_is_stored(key: SealingKey, make_secret: Make) -> None:
    target = sealed(key, make_secret())
    target["spec"]["encryptedData"]["large"] = "A" * MOST_STORED_BYTES
    with pytest.raises(SealError, match="more than the 1572864 of a stored object"):
        into(key, target, make_secret(data={"token": "eA=="}))
    with pytest.raises(SealError, match="more than the 1572864 of a stored object"):
        merge.one_item(target, "token", "AgA=")
