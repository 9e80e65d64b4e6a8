"""What a build may read, and what it may not: every path of a kustomization is looked at before anything runs."""

from collections.abc import Callable, Mapping

import pytest

from engine.render.base import Bounds, BuildError, LimitError, Overlay
from engine.render.closure import Closure, Reader, closure
from engine.render.generate import generate
from engine.source.tree import Tree

MakeTree = Callable[[Mapping[str, str]], Tree]
_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def resolve(source: Tree, path: str = "", bounds: Bounds | None = None) -> Closure:
    return closure(source, generate(source, Overlay(path=path)), path, reader=Reader(), bounds=bounds or Bounds())


def test_everything_that_is_named_is_in_it_and_nothing_else(tree: MakeTree) -> None:
    source = tree(
        {
            "app/kustomization.yaml": """
resources: [../base, x.yaml]
components: [../part]
patches: [{path: patch.yaml}, {patch: "- op: remove"}]
patchesStrategicMerge: [merge.yaml, "kind: X\\nmetadata: {name: y}"]
patchesJson6902: [{path: six.yaml, target: {kind: X}}]
configMapGenerator: [{name: c, files: [one.txt, key=two.txt], envs: [three.env], env: four.env}]
secretGenerator: [{name: s, files: [secret.txt]}]
crds: [crd.json]
openapi: {path: schema.json}
configurations: [config.yaml]
replacements: [{path: replace.yaml}]
transformers: [transform.yaml]
""",
            **{
                f"app/{name}": ""
                for name in ("patch.yaml", "merge.yaml", "six.yaml", "one.txt", "two.txt", "three.env")
            },
            **{f"app/{name}": "" for name in ("four.env", "secret.txt", "crd.json", "schema.json", "config.yaml")},
            "app/x.yaml": _MAP,
            "app/replace.yaml": "",
            "app/transform.yaml": "kind: PatchTransformer\nmetadata: {name: x}\npath: inner.yaml\n",
            "app/inner.yaml": "",
            "app/not-named.yaml": "",
            "base/kustomization.yml": "resources: [y.yaml]\n",
            "base/y.yaml": _MAP,
            "part/Kustomization": "kind: Component\n",
            "other/z.yaml": "",
        }
    )
    found = resolve(source, "app")
    left_out = {"app/kustomization.yaml", "app/not-named.yaml", "other/z.yaml"}
    assert found.files == set(source.files) - left_out
    assert found.manifests == {"app/x.yaml", "base/y.yaml", "app/transform.yaml"}
    assert list(found.steps) == ["app", "base", "part"]


@pytest.mark.parametrize(
    "field",
    [
        "resources: [../../x]",
        "bases: [../../x]",
        "components: [../../x]",
        "resources: [/etc/passwd]",
        "patches: [{path: ../../x}]",
        "patchesStrategicMerge: [../../x]",
        "patchesJson6902: [{path: /x, target: {}}]",
        "configMapGenerator: [{name: a, files: [../../x]}]",
        "configMapGenerator: [{name: a, files: [key=/etc/passwd]}]",
        "secretGenerator: [{name: a, envs: [../../x]}]",
        "secretGenerator: [{name: a, env: ../../x}]",
        "crds: [../../x]",
        "openapi: {path: ../../x}",
        "configurations: [../../x]",
        "replacements: [{path: ../../x}]",
        "generators: [../../x]",
        "transformers: [../../x]",
        "validators: [../../x]",
        "generators: ['{kind: ConfigMapGenerator, metadata: {name: a}, files: [/etc/passwd]}']",
        'transformers: ["kind: PatchTransformer\\nmetadata: {name: a}\\npath: /etc/passwd\\n"]',
        'transformers: ["kind: ReplacementTransformer\\nreplacements: [{path: ../../x}]\\n"]',
    ],
)
def test_a_path_out_of_the_source_is_refused_with_file_line_and_cure(tree: MakeTree, field: str) -> None:
    source = tree({"a/kustomization.yaml": f"namespace: x\n{field}\n", "b.yaml": _MAP})
    with pytest.raises(BuildError, match=r"^a/kustomization\.yaml: line \d+: .*leads out of the source") as caught:
        resolve(source, "a")
    assert caught.value.hint


def test_a_path_out_of_the_source_is_refused_in_a_base_and_in_what_a_base_configures(tree: MakeTree) -> None:
    source = tree(
        {
            "a/kustomization.yaml": "resources: [../b]\n",
            "b/kustomization.yaml": "generators: [g.yaml]\n",
            "b/g.yaml": "kind: SecretGenerator\nmetadata: {name: a}\nenvs: [../../etc/shadow]\n",
        }
    )
    with pytest.raises(BuildError, match=r'^b/kustomization\.yaml: .*"\.\./\.\./etc/shadow": leads out'):
        resolve(source, "a")


@pytest.mark.parametrize(
    "path",
    [
        "https://example.com/x.yaml",
        "github.com/a/b//c?ref=v1",
        "git@example.com:a/b.git",
        "ssh://x/y",
        "git::file:///x",
    ],
)
def test_what_is_elsewhere_is_refused_with_a_cure(tree: MakeTree, path: str) -> None:
    with pytest.raises(BuildError, match="is fetched from elsewhere") as caught:
        resolve(tree({"kustomization.yaml": f"resources:\n- {path}\n"}))
    assert caught.value.hint


def test_a_password_in_an_address_is_not_told(tree: MakeTree) -> None:
    with pytest.raises(BuildError) as caught:
        resolve(tree({"kustomization.yaml": "resources:\n- https://user:hunter2@example.com/a/b\n"}))
    assert "hunter2" not in caught.value.message


def test_charts_are_refused(tree: MakeTree) -> None:
    with pytest.raises(BuildError, match="charts are not inflated"):
        resolve(tree({"kustomization.yaml": "resources: [a.yaml]\nhelmCharts: [{name: x}]\n", "a.yaml": _MAP}))


def test_a_file_that_is_not_there_is_told_with_its_whole_path(tree: MakeTree) -> None:
    with pytest.raises(BuildError, match=r'a/kustomization.yaml: line 2: "\.\./b\.yaml": the source has no "b\.yaml"'):
        resolve(tree({"a/kustomization.yaml": "resources:\n- ../b.yaml\n"}), "a")


def test_a_base_that_takes_in_itself_is_refused(tree: MakeTree) -> None:
    source = tree({"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"})
    with pytest.raises(BuildError, match="takes in itself"):
        resolve(source, "a")


def test_a_base_of_two_is_read_once(tree: MakeTree) -> None:
    source = tree(
        {
            "kustomization.yaml": "resources: [a, b]",
            "a/kustomization.yaml": "resources: [../c]",
            "b/kustomization.yaml": "resources: [../c]",
            "c/kustomization.yaml": "resources: [x.yaml]",
            "c/x.yaml": _MAP,
        }
    )
    assert list(resolve(source).steps) == ["", "a", "c", "b"]


def test_a_chain_of_bases_ends(tree: MakeTree) -> None:
    chain = {f"{n}/kustomization.yaml": f"resources: [../{n + 1}]" for n in range(70)}
    with pytest.raises(LimitError, match="64 inside each other"):
        resolve(tree({**chain, "70/kustomization.yaml": "namespace: x"}), "0")


def test_the_number_of_files_is_bounded(tree: MakeTree) -> None:
    source = tree({f"{n}.yaml": _MAP for n in range(12)})
    with pytest.raises(LimitError, match="more than 10 files"):
        resolve(source, bounds=Bounds(files=10))


def test_a_kustomization_file_that_is_a_bomb_is_refused(tree: MakeTree) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(BuildError, match="aliases repeat too much"):
        resolve(tree({"kustomization.yaml": "resources: [b]\n", "b/kustomization.yaml": "\n".join(lines)}))
