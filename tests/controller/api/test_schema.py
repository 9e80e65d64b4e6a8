"""Structs become structural schemas; what such a schema cannot say is refused."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml
from msgspec import UNSET, Meta, Struct, UnsetType

from controller.api import schema
from controller.api.schema import definition, files, main, outdated, structural
from controller.api.sealedsecret import SEALED_SECRET, SealedSecret, SealedSecretSpec
from controller.sealed.observed import SEALED_SECRETS
from engine.kube.refs import Resource


class Inner(Struct, frozen=True):
    """Inside."""

    name: str


class Example(Struct, frozen=True):
    """A thing.

    With more to say.
    """

    required: str
    flag: bool | UnsetType = UNSET
    count: Annotated[int | UnsetType, Meta(description="How many.")] = UNSET
    labels: dict[str, str] | UnsetType | None = UNSET
    items: list[Inner] | UnsetType = UNSET
    inner: Inner | UnsetType = UNSET


def test_fields_become_typed_properties() -> None:
    inner = {
        "type": "object",
        "description": "Inside.",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
    assert structural(Example) == {
        "type": "object",
        "description": "A thing. With more to say.",
        "required": ["required"],
        "properties": {
            "required": {"type": "string"},
            "flag": {"type": "boolean"},
            "count": {"type": "integer", "format": "int64", "description": "How many."},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}, "nullable": True},
            "items": {"type": "array", "items": inner},
            "inner": inner,
        },
    }


@pytest.mark.parametrize("kind", [int | str, str | int | None, bytes, float, set[str], Any])
def test_a_type_without_structural_form_is_refused(kind: Any) -> None:
    model = msgspec.defstruct("Model", [("field", kind)])
    with pytest.raises(TypeError, match="has no place in a structural schema"):
        structural(model)


def test_every_level_of_the_definition_has_one_type_and_a_description_where_people_read_it() -> None:
    (version,) = definition(SEALED_SECRET)["spec"]["versions"]
    _check_structural(version["schema"]["openAPIV3Schema"], "$")


def _check_structural(level: dict[str, Any], path: str) -> None:
    assert isinstance(level["type"], str), path
    assert not {"$ref", "anyOf", "oneOf", "allOf"} & level.keys(), path
    for name, child in level.get("properties", {}).items():
        _check_structural(child, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in level:
            _check_structural(level[name], f"{path}.{name}")


def test_a_definition_names_its_resource() -> None:
    spec = definition(SEALED_SECRET)["spec"]
    assert spec["names"] == {
        "kind": "SealedSecret",
        "listKind": "SealedSecretList",
        "plural": "sealedsecrets",
        "singular": "sealedsecret",
    }
    assert (spec["group"], spec["scope"]) == ("bitnami.com", "Namespaced")
    everywhere = SEALED_SECRET._replace(resource=Resource("g.io", "v1", "things", "Thing", namespaced=False))
    assert definition(everywhere)["metadata"]["name"] == "things.g.io"
    assert definition(everywhere)["spec"]["scope"] == "Cluster"


def test_the_controller_watches_the_resource_that_the_definition_serves() -> None:
    assert SEALED_SECRET.resource == SEALED_SECRETS


def test_the_same_structs_give_the_same_bytes() -> None:
    assert files() == files()
    at_the_top = [path for path in files() if "/" not in path]
    assert sorted(at_the_top) == ["bitnami.com_sealedsecrets.yaml", "kustomization.yaml"]


def test_each_folder_lists_its_own_definitions_alone() -> None:
    listed = {
        path: yaml.safe_load(content)["resources"]
        for path, content in files().items()
        if path.endswith("kustomization.yaml")
    }
    assert listed["kustomization.yaml"] == ["bitnami.com_sealedsecrets.yaml"]
    assert listed["flux/kustomization.yaml"] == sorted(
        path.removeprefix("flux/") for path in files() if path.startswith("flux/") and "_" in path
    )


def test_every_file_says_that_it_is_generated_and_how() -> None:
    for content in files().values():
        assert re.match(r"# Generated .*`python -m controller\.api\.schema --write`", content)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the generated files."""
    monkeypatch.setattr(schema, "FOLDER", tmp_path / "crds")
    return tmp_path / "crds"


def test_write_makes_the_folder_hold_exactly_the_generated_files(folder: Path) -> None:
    folder.mkdir()
    (folder / "of-a-resource-that-is-gone.yaml").write_text("kind: CustomResourceDefinition\n", encoding="utf-8")
    assert main(["--write"]) == 0
    written = (path for path in folder.rglob("*") if path.is_file())
    assert {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in written} == files()


def test_check_names_what_is_missing_changed_or_left_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--write"]) == 0
    assert main(["--check"]) == 0
    (folder / "kustomization.yaml").unlink()
    (folder / "bitnami.com_sealedsecrets.yaml").write_text("edited by hand\n", encoding="utf-8")
    (folder / "left-over.yaml").touch()
    assert outdated(folder) == ["bitnami.com_sealedsecrets.yaml", "kustomization.yaml", "left-over.yaml"]
    assert main(["--check"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "kseal: hint: python -m controller.api.schema --write"


def test_the_structs_read_what_the_api_server_serves() -> None:
    served = b"""{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "db"},
      "spec": {"encryptedData": {"password": "AgB="}, "template": {"metadata": null, "data": null, "type": "Opaque"}},
      "status": {"observedGeneration": 2, "conditions": [
        {"type": "Synced", "status": "True", "lastUpdateTime": "2026-01-02T03:04:05Z"}]}}"""
    sealed = msgspec.json.decode(served, type=SealedSecret)
    assert isinstance(sealed.status, Struct)
    assert sealed.status.observedGeneration == 2
    assert isinstance(sealed.spec.template, Struct)
    assert sealed.spec.template.metadata is None
    assert sealed.spec.template.immutable is UNSET


def test_a_wrong_type_inside_sealed_values_does_not_stop_the_reader() -> None:
    spec = msgspec.json.decode(b'{"encryptedData": {"a": 1, "b": "AgB="}}', type=SealedSecretSpec)
    assert spec.encryptedData == {"a": 1, "b": "AgB="}


def test_a_wrong_type_elsewhere_is_named_with_its_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.template\.type"):
        msgspec.json.decode(b'{"encryptedData": {}, "template": {"type": 1}}', type=SealedSecretSpec)
