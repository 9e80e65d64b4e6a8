"""What a SealedSecret in the controller's own namespace may yield, and what could be a sealing key."""

from typing import Any

import pytest

from controller.sealed.keysecrets import LABEL, read
from controller.sealed.unsealing import desired_secret
from controller.settings import Keys, Settings
from engine.errors import Stalled
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import SKIP_OWNER, seal_secret
from tests.kit.sealingkeys import a_key, key_secret

HOME = "kube-system"
SETTINGS = Settings(namespace=HOME, identity="test")
KEY, OTHER = a_key(), a_key()


def yielded(
    *, name: str = "ingress", namespace: str = HOME, type_: str = "kubernetes.io/tls", **metadata: Any
) -> dict[str, Any]:
    """The Secret of a SealedSecret that holds a perfect key pair."""
    raw = {**key_secret(name, OTHER, None), "type": type_}
    raw["metadata"] = {"name": name, "namespace": namespace, **metadata}
    sealed = seal_secret(raw, KEY.private_key.public_key())
    sealed["metadata"]["uid"] = "u-1"
    return desired_secret(sealed, KeyRing([KEY]), SETTINGS).secret


def test_an_ordinary_certificate_may_stand_there_and_is_no_key_whatever_its_label() -> None:
    secret = yielded()
    assert secret["type"] == "kubernetes.io/tls"
    secret["metadata"] |= {"labels": {LABEL: "active"}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    found = read(secret, Keys())
    assert found.key is None
    assert found.error is not None
    assert "made from a SealedSecret" in found.error.message


def test_the_same_pair_without_that_owner_would_be_one() -> None:
    """So it is the owner that keeps it out."""
    secret = yielded()
    del secret["metadata"]["ownerReferences"]
    secret["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    assert isinstance(read(secret, Keys()).key, SealingKey)


@pytest.mark.parametrize(
    "asked",
    [
        {"labels": {LABEL: "active"}},
        {"labels": {LABEL: "retired"}, "type_": "Opaque"},
        {"name": "sealed-secrets-key"},
        {"name": "sealed-secrets-keyabcde", "type_": "Opaque"},
        {"annotations": {SKIP_OWNER: "true"}},
    ],
    ids=["label", "another value of it", "first name", "prefix", "type without owner"],
)
def test_what_could_be_a_key_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Stalled, match="never yields a sealing key"):
        yielded(**asked)


@pytest.mark.parametrize("asked", [{"namespace": "shop"}, {"type_": "Opaque"}], ids=["elsewhere", "another type"])
def test_without_an_owner_it_may_be_of_another_namespace_or_type(asked: dict[str, Any]) -> None:
    assert "ownerReferences" not in yielded(annotations={SKIP_OWNER: "true"}, **asked)["metadata"]
