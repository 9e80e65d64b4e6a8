"""A manifest shows an object's identity, and never its content."""

import traceback
from typing import Any

import pytest

from engine.kube.manifest import Manifest, ManifestError
from engine.kube.refs import ObjectRef

PLANTED = "pl4nted"


def secret(**metadata: Any) -> Manifest:
    return Manifest(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": PLANTED}}, "s.yaml"
    )


def test_the_fields_of_an_object() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1"}
    manifest = Manifest(
        {
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "metadata": {
                "name": "a",
                "namespace": "b",
                "labels": {"l": "1"},
                "annotations": {"n": "2"},
                "ownerReferences": [owner],
            },
        }
    )
    assert (manifest.api_version, manifest.kind) == ("example.com/v1", "Thing")
    assert (manifest.name, manifest.namespace) == ("a", "b")
    assert (manifest.labels, manifest.annotations) == ({"l": "1"}, {"n": "2"})
    assert manifest.owner_references == [owner]
    assert manifest.ref == ObjectRef("example.com", "Thing", "b", "a")


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"metadata": {}},
        {"apiVersion": None, "kind": None, "metadata": None},
        {"metadata": dict.fromkeys(("name", "namespace", "labels", "annotations", "ownerReferences"))},
    ],
)
def test_what_is_absent_or_null_is_empty_as_in_go(raw: dict[str, Any]) -> None:
    manifest = Manifest(raw)
    assert manifest.api_version == manifest.kind == manifest.name == manifest.namespace == ""
    assert manifest.labels == manifest.annotations == {}
    assert manifest.owner_references == []
    manifest.check()


def test_a_label_that_is_null_is_empty_as_in_go() -> None:
    assert secret(labels={"a": None}).labels == {"a": ""}


def test_a_wrong_type_is_told_with_origin_and_path_when_the_field_is_read() -> None:
    manifest = secret(name="a", labels={"tier": 1})
    assert manifest.name == "a"
    with pytest.raises(ManifestError, match=r"^s\.yaml: metadata\.labels\.tier must be a string$"):
        _ = manifest.labels
    with pytest.raises(ManifestError, match=r"^kind must be a string$"):
        _ = Manifest({"kind": 1}).kind


def test_the_reference_is_all_that_repr_shows() -> None:
    assert repr(secret(name="db", namespace="shop")) == "<Manifest Secret/shop/db>"
    assert repr([secret(name="db")]) == "[<Manifest Secret/db>]"
    assert repr(secret(name={"not": PLANTED})) == "<Manifest>"
    assert PLANTED not in str(secret()) + f"{secret()}"


def test_an_error_about_a_manifest_does_not_show_its_content() -> None:
    with pytest.raises(ManifestError) as refused:
        secret(name=[PLANTED]).check()
    assert PLANTED not in "".join(traceback.format_exception(refused.value))


def test_two_are_equal_when_their_content_is() -> None:
    assert Manifest({"kind": "A"}, "here") == Manifest({"kind": "A"}, "there")
    assert Manifest({"kind": "A"}) != Manifest({"kind": "B"})
    assert Manifest({"kind": "A"}) != {"kind": "A"}


def test_one_cannot_be_hashed_because_its_content_cannot() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Manifest({}))


def test_an_error_of_ones_own_begins_with_the_origin() -> None:
    error = secret().error("not a SealedSecret", "seal it first")
    assert (error.message, error.hint) == ("s.yaml: not a SealedSecret", "seal it first")
    assert Manifest({}).error("broken").message == "broken"
