"""Builds by the real kustomize in its jail: what it says when it fails, what it cannot do, what stays behind."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.build import Bounds, Builder, BuildError, LimitError, Overlay
from engine.buildcache import BuildCache
from engine.errors import KsealError
from engine.render.jail import Jail
from engine.source.archive import Limits
from engine.source.tree import Tree, of_folder
from sealer.sops.cluster_keys import ClusterKeys, SecretData
from sealer.sops.decryptor import Decryptor
from tests.kit import programs
from tests.kit.sopsprogram import Sops

pytestmark = pytest.mark.interop

_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
# Something that only the real program knows, so that it has to be asked.
_ASKED = "sortOptions: {order: fifo}\n"

MakeTree = Callable[[Mapping[str, str | bytes]], Tree]


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail() as one:
        yield one


@pytest.fixture
def tree(tmp_path: Path) -> MakeTree:
    def make(files: Mapping[str, str | bytes]) -> Tree:
        for path, content in files.items():
            (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return of_folder(tmp_path / "source", limits=Limits())

    return make


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "memory"
    folder.mkdir()
    return folder


@pytest.fixture
def builder(jail: Jail, scratch: Path) -> Callable[..., Builder]:
    def make(**options: Any) -> Builder:
        given = {"kustomize": programs.find("kustomize"), "cache": None, "remote_bases": False, "scratch": scratch}
        return Builder(jail=jail, **{**given, **options})

    return make


def test_its_own_words_are_one_line_without_our_folder(
    tree: MakeTree, builder: Callable[..., Builder], scratch: Path
) -> None:
    source = tree({"kustomization.yaml": f"resources: [x.yaml]\nnameprefix2: x\n{_ASKED}", "x.yaml": _MAP})
    nested = tree({"a/kustomization.yaml": "resources: [b]", "a/b/kustomization.yaml": f"foo: 1\n{_ASKED}"})
    assert builder().build(source, Overlay()).objects
    with pytest.raises(BuildError) as caught:
        builder().build(nested, Overlay(path="a"))
    assert "\n" not in caught.value.message
    assert str(scratch) not in caught.value.message
    assert 'unknown field "foo"' in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        "secretGenerator: [{name: s, literals: [hunter2]}]",
        "secretGenerator: [{name: s, envs: [v.env]}]",
        "patches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: q}, stringData: {p: hunter2}}'}]",
        "patches: [{target: {kind: ConfigMap}, patch: '[{op: replace, path: /data/q, value: hunter2}]'}]",
        "patches: [{target: {kind: ConfigMap}, patch: 'hunter2'}]",
        "vars: [{name: hunter2, objref: {kind: Pod, name: q, apiVersion: v1}}]",
    ],
)
def test_its_words_hold_no_value_of_a_file(tree: MakeTree, builder: Callable[..., Builder], fields: str) -> None:
    source = tree(
        {"kustomization.yaml": f"resources: [x.yaml]\n{fields}\n", "x.yaml": _MAP, "v.env": "A=hunter2\nA=hunter2\n"}
    )
    with pytest.raises(BuildError) as caught:
        builder().build(source, Overlay())
    assert "hunter2" not in caught.value.message


def test_nothing_stays_behind(tree: MakeTree, builder: Callable[..., Builder], scratch: Path) -> None:
    builder().build(tree({"kustomization.yaml": f"resources: [x.yaml]\n{_ASKED}", "x.yaml": _MAP}), Overlay())
    with pytest.raises(BuildError):
        builder().build(tree({"kustomization.yaml": f"resources: [x.yaml, x.yaml]\n{_ASKED}"}), Overlay())
    assert not list(scratch.iterdir())


def test_what_a_killed_process_left_is_swept(builder: Callable[..., Builder], scratch: Path) -> None:
    (scratch / "kseal-build-999999999-1-x").mkdir()
    (scratch / f"kseal-build-{os.getpid()}-1-x").mkdir()
    (scratch / "somebody-else").mkdir()
    builder()
    assert [folder.name for folder in scratch.iterdir()] == ["somebody-else"]


def test_a_result_of_the_child_is_kept(tree: MakeTree, builder: Callable[..., Builder], tmp_path: Path) -> None:
    source = tree({"kustomization.yaml": f"resources: [x.yaml]\n{_ASKED}", "x.yaml": _MAP})
    first = builder(cache=BuildCache(tmp_path / "cache")).build(source, Overlay())
    without = builder(cache=BuildCache(tmp_path / "cache"), bounds=Bounds(seconds=0.0001))
    assert without.build(source, Overlay()) == first


@pytest.mark.parametrize(
    "configuration",
    [
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: n}\nkvSources: [{args: [/etc/passwd]}]\n",
        "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: n}\nname: x\nrepo: https://x.y\n",
        "apiVersion: x.y/v1\nkind: Foreign\nmetadata: {name: n}\n",
        "kind: X\nmetadata: {name: n, annotations: {config.kubernetes.io/function: 'exec: {path: /bin/sh}'}}\n",
        "kind: X\nmetadata: {name: n, annotations: {config.kubernetes.io/function: 'container: {image: x}'}}\n",
    ],
)
def test_plug_ins_programs_and_charts_are_refused(
    tree: MakeTree, builder: Callable[..., Builder], configuration: str
) -> None:
    source = tree({"kustomization.yaml": "generators: [g.yaml]\n", "g.yaml": configuration})
    try:
        built = builder().build(source, Overlay()).objects
    except KsealError:
        return
    assert "root:" not in str(built)


def test_a_patch_is_not_fetched(tree: MakeTree, builder: Callable[..., Builder]) -> None:
    for entry in (
        "patches: [{path: 'https://example.com/x.yaml'}]",
        "patchesStrategicMerge: ['https://example.com/x']",
    ):
        with pytest.raises(BuildError):
            builder().build(tree({"kustomization.yaml": f"resources: [x.yaml]\n{entry}\n", "x.yaml": _MAP}), Overlay())


def test_a_bomb_ends_at_the_bounds(tree: MakeTree, builder: Callable[..., Builder]) -> None:
    lines = ["x0: &x0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    source = tree({"x.yaml": _MAP + "\n".join(lines)})
    small = builder(bounds=Bounds(seconds=20, memory_bytes=256 * 1024 * 1024, output_bytes=1024 * 1024))
    with pytest.raises(BuildError):
        small.build(source, Overlay())


def test_too_much_output_is_refused(tree: MakeTree, builder: Callable[..., Builder]) -> None:
    source = tree(
        {"kustomization.yaml": f"resources: [x.yaml]\n{_ASKED}", "x.yaml": _MAP + f"data: {{x: {'y' * 9000}}}"}
    )
    with pytest.raises(LimitError, match="more than 5000 bytes of output"):
        builder(bounds=Bounds(output_bytes=5000)).build(source, Overlay())


def test_a_build_that_takes_too_long_is_ended(tree: MakeTree, builder: Callable[..., Builder]) -> None:
    source = tree({"kustomization.yaml": f"resources: [x.yaml]\n{_ASKED}", "x.yaml": _MAP})
    with pytest.raises(LimitError, match="no end after"):
        builder(bounds=Bounds(seconds=0.0001)).build(source, Overlay())


@pytest.mark.slow
def test_bases_that_double_end_at_the_bounds(tree: MakeTree, builder: Callable[..., Builder]) -> None:
    doubled = {
        f"{n}/kustomization.yaml": f"resources: [../{n + 1}, ../{n + 1}/.]\n{_ASKED}namespace: x\n" for n in range(24)
    }
    source = tree({**doubled, "24/kustomization.yaml": f"namespace: x\n{_ASKED}"})
    with pytest.raises(BuildError):
        builder(bounds=Bounds(seconds=2)).build(source, Overlay(path="0"))


@pytest.mark.parametrize("plain", [True, False])
def test_encrypted_sources_are_built_as_their_author_meant_them(
    tree: MakeTree, builder: Callable[..., Builder], tmp_path: Path, plain: bool
) -> None:
    sops = Sops(tmp_path)
    secret = b"apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
    regex = ["--encrypted-regex", "^(data|stringData)$"]
    source = tree(
        {
            "kustomization.yaml": "resources: [db.yaml, m.yaml]\nnamePrefix: my-\npatches: [{path: p.yaml}]\n"
            "secretGenerator: [{name: g, files: [c.json], envs: [v.env]}]\n",
            "db.yaml": sops.encrypt(secret, "yaml", *regex),
            "m.yaml": _MAP,
            "c.json": sops.encrypt(b'{"a": 1}\n', "json"),
            "v.env": sops.encrypt(b"USER=app\n", "dotenv"),
            "p.yaml": sops.encrypt(f"{_MAP}data: {{colour: blue}}\n".encode(), "yaml", *regex),
        }
    )
    keys = SecretData("Secret/flux-system/keys", {"age.agekey": str(sops.identity).encode()})
    with ClusterKeys(keys) as services, Decryptor(services, refuses_wrong_mac=True) as run:
        built = builder(plain=plain).build(source, Overlay(), decryptor=run).objects
    found = {re.sub("-[a-z0-9]{10}$", "", one["metadata"]["name"]): one for one in built}
    assert found["my-db"]["stringData"] == {"password": "hunter2"}
    assert "sops" not in found["my-db"]
    assert found["my-a"]["data"] == {"colour": "blue"}
    assert found["my-g"]["data"] == {"c.json": "ewoJImEiOiAxCn0K", "USER": "YXBw"}


def test_an_error_of_a_build_with_decrypted_files_shows_nothing_of_them(
    tree: MakeTree, builder: Callable[..., Builder], tmp_path: Path
) -> None:
    sops = Sops(tmp_path)
    source = tree(
        {
            "kustomization.yaml": "resources: [m.yaml]\npatches: [{path: p.yaml}]\n",
            "m.yaml": _MAP,
            "p.yaml": sops.encrypt(_MAP.replace("name: a", "name: hunter2").encode(), "yaml"),
        }
    )
    keys = SecretData("Secret/flux-system/keys", {"age.agekey": str(sops.identity).encode()})
    with (
        ClusterKeys(keys) as services,
        Decryptor(services) as run,
        pytest.raises(BuildError, match="not shown") as caught,
    ):
        builder().build(source, Overlay(), decryptor=run)
    assert "hunter2" not in str(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)
