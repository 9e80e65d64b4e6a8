"""Plain folders, built without any program: the objects, their order, and what is left to the real program."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.build import Builder, BuildError, Overlay
from engine.buildcache import BuildCache
from engine.render.base import Bounds, LimitError, Unusual
from engine.render.plain import objects_of
from engine.source.tree import Tree

MakeTree = Callable[[Mapping[str, str]], Tree]
MakeBuilder = Callable[..., Builder]


def configured(name: str, namespace: str = "") -> str:
    line = f"\n  namespace: {namespace}" if namespace else ""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}{line}\n"


def named(source: Tree, builder: Builder, **overlay: str) -> list[str]:
    objects = builder.build(source, Overlay(**overlay)).objects  # type: ignore[arg-type]
    return [f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in objects]


def test_the_objects_of_a_folder_come_in_the_order_of_its_files(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"b.yaml": configured("b"), "a.yaml": configured("a2") + "---\n" + configured("a1")})
    assert named(source, builder()) == ["/a2", "/a1", "/b"]


def test_lists_are_flattened_behind_what_stands_beside_them(tree: MakeTree, builder: MakeBuilder) -> None:
    items = "".join("- " + configured(name).replace("\n", "\n  ").rstrip() + "\n" for name in ("x", "y"))
    source = tree({"a.yaml": f"apiVersion: v1\nkind: List\nitems:\n{items}---\n{configured('a')}"})
    assert named(source, builder()) == ["/a", "/x", "/y"]


def test_a_target_namespace_is_put_on_all_that_can_have_one(tree: MakeTree, builder: MakeBuilder) -> None:
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
    source = tree({"a.yaml": configured("a", "old"), "b.yaml": role, "c.yaml": configured("c")})
    assert named(source, builder(), target_namespace="new") == ["new/a", "/r", "new/c"]


def test_a_namespace_that_brings_two_together_is_refused(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"a.yaml": configured("a", "one"), "b.yaml": configured("a", "two")})
    with pytest.raises(BuildError, match=r"^b\.yaml: ConfigMap/new/a: there twice"):
        builder().build(source, Overlay(target_namespace="new"))


def test_names_that_change_are_followed(tree: MakeTree, builder: MakeBuilder) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {volumes: [{name: v, configMap: {name: a}}]}\n"
    built = builder().build(tree({"a.yaml": configured("a"), "p.yaml": pod}), Overlay(name_prefix="x-")).objects
    assert built[1]["spec"]["volumes"][0]["configMap"]["name"] == "x-a"


def test_the_same_object_twice_is_refused_with_both_files(tree: MakeTree, builder: MakeBuilder) -> None:
    with pytest.raises(BuildError, match=r'^b\.yaml: ConfigMap/default/a: is there twice and in "a\.yaml"'):
        builder().build(tree({"a.yaml": configured("a"), "b.yaml": configured("a", "default")}), Overlay())


def test_an_empty_folder_builds_nothing(tree: MakeTree, builder: MakeBuilder) -> None:
    assert named(tree({"README.md": ""}), builder()) == []


def test_broken_yaml_is_told_with_file_and_line(tree: MakeTree, builder: MakeBuilder) -> None:
    with pytest.raises(BuildError, match=r"^a/b\.yaml: line 4: "):
        builder().build(tree({"a/b.yaml": "kind: X\nmetadata:\n  name: a\n  b: c: d\n"}), Overlay())


def test_a_bomb_is_refused(tree: MakeTree, builder: MakeBuilder) -> None:
    deep = configured("a") + "data: " + "[" * 300 + "]" * 300 + "\n"
    with pytest.raises(BuildError, match="more than 256 lists and mappings inside each other"):
        builder().build(tree({"a.yaml": deep}), Overlay())


def test_too_many_objects_are_refused(tree: MakeTree, builder: MakeBuilder) -> None:
    many = "---\n".join(configured(f"a{n}") for n in range(12))
    with pytest.raises(LimitError, match="more than 10 objects"):
        builder(bounds=Bounds(objects=10)).build(tree({"a.yaml": many}), Overlay())


def test_bases_that_multiply_are_refused(tree: MakeTree, builder: MakeBuilder) -> None:
    doubled = {f"{n}/kustomization.yaml": f"resources: [../{n + 1}, ../{n + 1}/.]\nnamespace: x\n" for n in range(20)}
    source = tree({**doubled, "20/kustomization.yaml": "namespace: x\n"})
    with pytest.raises(LimitError, match="taken in more than 1000 times"):
        builder().build(source, Overlay(path="0"))


def test_what_only_kustomize_can_do_says_so_where_there_is_none(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree({"kustomization.yaml": "resources: [a.yaml]\nvars: [{name: X}]\n", "a.yaml": configured("a")})
    with pytest.raises(BuildError, match="needs kustomize, and there is none"):
        builder().build(source, Overlay())


@pytest.mark.parametrize(
    "text",
    [
        configured("a") + "...\n" + configured("b"),
        configured("a") + "--- {a: b}\n",
        configured("a") + "data: &x {a: b}\n",
        configured("a") + "data: {<<: {a: b}}\n",
        configured("a") + "data: {a: !!str 1}\n",
        "%YAML 1.1\n---\n" + configured("a"),
        configured("a").replace("\n", "\r"),
        "\ufeff" + configured("a"),
        "kind: X\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: X\nmetadata: {name: 1}\n",
        "apiVersion: v1\nkind: X\nmetadata: {}\n",
        "apiVersion: v1\nkind: X\nmetadata: {name: a, labels: {a: 1}}\n",
        "apiVersion: v1\nkind: X\nmetadata: {name: a, annotations: {}}\n",
        "apiVersion: v1\nkind: X\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: 'true'}}\n",
        "a: b\n",
        "- a\n",
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_real_program(text: str) -> None:
    with pytest.raises(Unusual):
        objects_of(text.encode(), "a.yaml")


def test_the_key_follows_what_is_read_and_nothing_else(tree: MakeTree, builder: MakeBuilder) -> None:
    one = builder()
    files = {"a/x.yaml": configured("x"), "a/kustomization.yaml": "resources: [x.yaml]\n", "b/y.yaml": configured("y")}
    key = one.key(tree(files), Overlay(path="a"))
    assert one.build(tree(files), Overlay(path="a")).key == key
    assert one.key(tree({**files, "b/y.yaml": "other", "a/z.yaml": "new"}), Overlay(path="./a/")) == key
    assert one.key(tree({**files, "a/x.yaml": configured("z")}), Overlay(path="a")) != key
    assert one.key(tree({**files, "a/kustomization.yaml": "resources: [x.yaml]\nnamespace: n\n"}), Overlay("a")) != key
    assert one.key(tree(files), Overlay(path="a", name_prefix="p")) != key


def test_the_key_of_a_plain_folder_follows_new_files(tree: MakeTree, builder: MakeBuilder) -> None:
    one = builder()
    key = one.key(tree({"x.yaml": configured("x")}), Overlay())
    assert one.key(tree({"x.yaml": configured("x"), "y.yaml": ""}), Overlay()) != key
    assert one.key(tree({"x.yaml": configured("x"), "y.txt": ""}), Overlay()) == key


def test_a_large_build_is_kept_and_found_again(tree: MakeTree, builder: MakeBuilder, tmp_path: Path) -> None:
    one = builder(cache=BuildCache(tmp_path / "cache"))
    source = tree({"a.yaml": configured("a") + "data: {x: " + "y" * 70_000 + "}\n"})
    first = one.build(source, Overlay())
    (source.folder / "a.yaml").unlink()
    assert one.build(source, Overlay()) == first


def test_what_kustomize_calls_its_own_is_not_applied(tree: MakeTree, builder: MakeBuilder) -> None:
    own = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}\n"
    assert named(tree({"x.yaml": own, "y.yaml": configured("y")}), builder()) == ["/y"]
