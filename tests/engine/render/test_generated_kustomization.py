"""The kustomization file that a build begins with, as Flux would write it."""

from collections.abc import Callable, Mapping

import pytest

from engine.render.base import BuildError, FolderError, Overlay
from engine.render.generate import generate, is_local
from engine.source.tree import Tree

MakeTree = Callable[[Mapping[str, str]], Tree]
_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_a_folder_without_a_file_lists_its_manifests_in_the_order_of_a_walk(tree: MakeTree) -> None:
    source = tree({"a/x.yaml": "", "a-b/x.yml": "", "a.yaml": "", "README.md": "", "a/.hidden.yaml": "", "z.json": ""})
    found = generate(source, Overlay())
    assert found.is_created
    assert found.path == "kustomization.yaml"
    assert found.value["resources"] == ["./a/.hidden.yaml", "./a/x.yaml", "./a-b/x.yml", "./a.yaml"]


def test_a_folder_with_a_file_of_its_own_is_one_resource(tree: MakeTree) -> None:
    source = tree({"b/kustomization.yml": "", "b/x.yaml": "", "b/c/y.yaml": "", "c/d/Kustomization": "", "e.yaml": ""})
    assert generate(source, Overlay()).value["resources"] == ["./b", "./c/d", "./e.yaml"]


def test_nothing_found_builds_nothing(tree: MakeTree) -> None:
    assert generate(tree({"x/README.md": ""}), Overlay(path="x")).value == {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "_placeholder",
    }


def test_a_file_without_resources_gets_origins_in_the_place_of_its_own_metadata(tree: MakeTree) -> None:
    source = tree({"kustomization.yaml": "bases: [x]\nbuildMetadata: [managedByLabel]\n"})
    assert generate(source, Overlay()).value["buildMetadata"] == ["originAnnotations"]


def test_the_first_recognised_name_counts(tree: MakeTree) -> None:
    source = tree({"Kustomization": "resources: [a]", "kustomization.yml": "resources: [b]"})
    assert generate(source, Overlay()).path == "kustomization.yml"


def test_unknown_fields_are_dropped_and_numbers_become_text(tree: MakeTree) -> None:
    source = tree({"kustomization.yaml": "Resources: [a]\nfoo: 1\nimages: [{name: x, newTag: 1.10, bar: 2}]\n"})
    value = generate(source, Overlay()).value
    assert value["resources"] == ["a"]
    assert value["images"] == [{"name": "x", "newTag": "1.1"}]
    assert "foo" not in value


def test_a_field_of_another_type_is_told_with_its_path(tree: MakeTree) -> None:
    with pytest.raises(BuildError, match=r"^kustomization\.yaml: resources must be a list$"):
        generate(tree({"kustomization.yaml": "resources: x\n"}), Overlay())


def test_the_overlay_goes_over_the_file(tree: MakeTree) -> None:
    source = tree({"kustomization.yaml": "resources: [a]\nnamespace: old\nnamePrefix: p-\npatches: [{path: x}]\n"})
    overlay = Overlay(
        target_namespace="new",
        name_suffix="-s",
        patches=({"patch": "- op: remove", "target": {"kind": "Pod", "name": ""}},),
        components=("../c",),
        build_metadata=("originAnnotations",),
    )
    value = generate(source, overlay).value
    assert value["namespace"] == "new"
    assert (value["namePrefix"], value["nameSuffix"]) == ("p-", "-s")
    assert value["patches"] == [{"path": "x"}, {"patch": "- op: remove", "target": {"kind": "Pod"}}]
    assert value["components"] == ["../c"]
    assert value["buildMetadata"] == ["originAnnotations"]


@pytest.mark.parametrize(
    ("own", "added", "merged"),
    [
        ({"newTag": "1"}, {"newName": "y"}, {"newTag": "1", "newName": "y"}),
        ({"newTag": "1", "newName": "y"}, {"digest": "sha256:0"}, {"newName": "y", "digest": "sha256:0"}),
        ({"digest": "sha256:0"}, {"newTag": "2"}, {"newTag": "2"}),
    ],
)
def test_an_image_is_merged_field_by_field_with_tag_and_digest_as_one(
    tree: MakeTree, own: dict[str, str], added: dict[str, str], merged: dict[str, str]
) -> None:
    source = tree({"kustomization.yaml": f"resources: [a]\nimages: [{ {'name': 'x', **own} }]\n"})
    value = generate(source, Overlay(images=({"name": "x", **added}, {"name": "z", "newTag": "3"}))).value
    assert value["images"] == [{"name": "x", **merged}, {"name": "z", "newTag": "3"}]


@pytest.mark.parametrize("path", ["https://x/y", "git@x:y", "GitHub.com/a/b", "/abs", "file:///abs", "ssh://x"])
def test_a_component_that_is_not_local_is_refused(tree: MakeTree, path: str) -> None:
    assert not is_local(path)
    with pytest.raises(BuildError, match="must be local and relative"):
        generate(tree({"a.yaml": _MAP}), Overlay(components=(path,)))


def test_missing_components_are_passed_by_when_asked(tree: MakeTree) -> None:
    source = tree({"a/kustomization.yaml": "resources: [x]", "c/kustomization.yaml": ""})
    overlay = Overlay(path="a", components=("../c", "../d", "../../e"), ignore_missing_components=True)
    assert generate(source, overlay).value["components"] == ["../c"]


@pytest.mark.parametrize("path", ["./apps//web/", "/apps/web", "../../apps/web", "apps/./x/../web"])
def test_a_path_stays_inside_the_source(tree: MakeTree, path: str) -> None:
    assert generate(tree({"apps/web/a.yaml": _MAP}), Overlay(path=path)).path == "apps/web/kustomization.yaml"


def test_a_path_that_is_not_there_is_told(tree: MakeTree) -> None:
    with pytest.raises(FolderError, match='kustomization path not found: "x": the source has no such folder'):
        generate(tree({"a.yaml": _MAP}), Overlay(path="x"))
