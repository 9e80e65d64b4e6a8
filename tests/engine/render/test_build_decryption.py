"""What a build decrypts, in which format, and what it never keeps or tells."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.build import Builder, BuildError, Overlay
from engine.buildcache import BuildCache
from engine.errors import KsealError
from engine.render.encrypted import form_of
from engine.source.tree import Tree

MakeTree = Callable[[Mapping[str, str]], Tree]
MakeBuilder = Callable[..., Builder]


class Rot:
    """A decryptor of texts that begin with `ENC:`; it notes what it was asked."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str]] = []
        self.checked: list[str] = []

    def check(self, data: bytes, place: str, form: str | None = None) -> bool:  # noqa: ARG002
        self.checked.append(place)
        if b"broken seal" in data:
            raise KsealError(f"{place}: the seal is broken")
        return True

    def file(self, data: bytes, place: str, form: str) -> bytes:
        self.files.append((place, form))
        return data[4:] if data.startswith(b"ENC:") else data

    def resource(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        if "sops" not in raw:
            return raw
        return {**{key: value for key, value in raw.items() if key != "sops"}, "data": {"plain": "yes"}}


def secret(name: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nsops: {{mac: x}}\n"


def test_files_of_secrets_and_patches_are_decrypted_in_their_formats(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree(
        {
            "kustomization.yaml": """
resources: [s.yaml, base]
components: [part]
secretGenerator: [{name: g, files: [a.json, .dockerconfigjson=b.txt, c.bin], envs: [d.env, e.vars], env: not.env}]
configMapGenerator: [{name: m, files: [f.yaml]}]
patches: [{path: p.yaml}, {patch: "[]"}]
""",
            "base/kustomization.yaml": "secretGenerator: [{name: h, files: [x.ini, ../a.json]}]\n",
            "part/kustomization.yaml": "kind: Component\nsecretGenerator: [{name: i, files: [y.yml]}]\n",
            "s.yaml": secret("s"),
            **dict.fromkeys(("a.json", "b.txt", "c.bin", "d.env", "e.vars", "not.env", "f.yaml", "p.yaml"), ""),
            **dict.fromkeys(("base/x.ini", "part/y.yml"), ""),
        }
    )
    run = Rot()
    with pytest.raises(BuildError, match="needs kustomize"):
        builder().build(source, Overlay(), decryptor=run)
    assert run.files == [
        ("a.json", "json"),
        ("b.txt", "json"),
        ("c.bin", "binary"),
        ("d.env", "dotenv"),
        ("e.vars", "dotenv"),
        ("p.yaml", "yaml"),
        ("base/x.ini", "ini"),
        ("part/y.yml", "yaml"),
    ]
    assert run.checked == ["s.yaml"]


def test_a_generated_secret_holds_what_was_decrypted(tree: MakeTree, builder: MakeBuilder) -> None:
    source = tree(
        {
            "kustomization.yaml": "resources: [base]\n",
            "base/kustomization.yaml": "resources: [x.yaml]\nsecretGenerator: [{name: g, files: [a.txt]}]\n",
            "base/x.yaml": secret("s"),
            "base/a.txt": "ENC:plain text",
        }
    )
    made = builder().build(source, Overlay(), decryptor=Rot()).objects
    assert made[0] == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"plain": "yes"}}
    assert b64decode(made[1]["data"]["a.txt"]) == b"plain text"


def test_without_a_decryptor_nothing_is_opened(tree: MakeTree, builder: MakeBuilder) -> None:
    (made,) = builder().build(tree({"x.yaml": secret("s")}), Overlay()).objects
    assert made["sops"] == {"mac": "x"}


def test_a_build_with_a_decryptor_is_neither_kept_nor_taken_from_what_was_kept(
    tree: MakeTree, builder: MakeBuilder, tmp_path: Path
) -> None:
    source = tree({"x.yaml": secret("s") + "data: {x: " + "y" * 70_000 + "}\n"})
    one = builder(cache=BuildCache(tmp_path / "cache"))
    opened = one.build(source, Overlay(), decryptor=Rot())
    assert not list((tmp_path / "cache").iterdir())
    sealed = one.build(source, Overlay())
    assert "sops" in sealed.objects[0]
    assert one.build(source, Overlay(), decryptor=Rot()) == opened
    assert sealed.key == opened.key


def test_a_broken_seal_ends_the_build(tree: MakeTree, builder: MakeBuilder) -> None:
    with pytest.raises(KsealError, match=r"x\.yaml: the seal is broken"):
        builder().build(tree({"x.yaml": secret("s") + "# broken seal\n"}), Overlay(), decryptor=Rot())


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.yaml", "yaml"),
        ("a.yml", "yaml"),
        ("a.json", "json"),
        ("a.env", "dotenv"),
        ("a.ini", "ini"),
        ("a", "binary"),
        ("x.dockerconfigjson", "json"),
    ],
)
def test_a_format_follows_from_the_name(name: str, form: str) -> None:
    assert form_of(name) == form
