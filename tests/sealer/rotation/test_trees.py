"""Which files are looked at, and where kustomizations put what is in them."""

import os
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.rotation import tree
from sealer.rotation.kustomize import Kustomizations, Placed


def lay_out(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_yaml_and_json_below_folders_and_whatever_is_named(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "notes.txt", ".git/x.yaml", "sub/d.yaml", "sub/Kustomization"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "link.yaml").symlink_to("b.yaml")
    (tmp_path / "around").symlink_to(tmp_path)
    found = [os.path.relpath(file, tmp_path) for file in tree.walk([str(tmp_path / "notes.txt"), str(tmp_path)])]
    assert found == ["notes.txt", "a.yml", "b.yaml", "c.json", "sub/Kustomization", "sub/d.yaml"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "file.yaml").write_text("x")
    (tmp_path / "link.yaml").symlink_to("file.yaml")
    for path, what in (("pipe.yaml", "not a regular file"), ("link.yaml", "cannot read"), ("none.yaml", "cannot read")):
        with pytest.raises(KsealError, match=what):
            tree.read(str(tmp_path / path))
    assert tree.read(str(tmp_path / "link.yaml"), is_named=True) == b"x"


def test_trees_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, a__b__c__d_yaml="x", a__e_yaml="x")
    monkeypatch.setattr(tree, "MOST_FOLDERS_DEEP", 2)
    with pytest.raises(KsealError, match="nested more than 2 deep"):
        list(tree.walk([str(tmp_path)]))
    monkeypatch.setattr(tree, "MOST_FOLDERS_DEEP", 5)
    monkeypatch.setattr(tree, "MOST_FILES", 1)
    with pytest.raises(KsealError, match="more than 1 files"):
        list(tree.walk([str(tmp_path)]))


def placed(root: Path, file: str) -> list[Placed]:
    return Kustomizations(tree.walk([str(root)])).places(str(root / file))


def test_the_outermost_kustomization_has_the_last_word(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        base__db_yaml="x",
        base__kustomization_yaml="{namespace: base, namePrefix: a-, resources: [db.yaml, 'https://example.org/x']}",
        prod__kustomization_yaml="{namespace: prod, namePrefix: p-, nameSuffix: -s, resources: [../base]}",
        dev__kustomization_yaml="{resources: [../base]}",
    )
    assert sorted(placed(tmp_path, "base/db.yaml")) == [Placed("base", "a-"), Placed("prod", "p-a-", "-s")]
    raw = {"kind": "SealedSecret", "metadata": {"name": "db", "namespace": "x"}}
    assert Placed("prod", "p-", "-s").put(raw)["metadata"] == {"name": "p-db-s", "namespace": "prod"}
    assert raw["metadata"] == {"name": "db", "namespace": "x"}


@pytest.mark.parametrize("text", ["[", "- a", "{namespace: 5, resources: x}", "a: 1\n---\nb: 2\n"])
def test_a_kustomization_that_says_nothing_places_nothing(tmp_path: Path, text: str) -> None:
    lay_out(tmp_path, db_yaml="x", kustomization_yaml=text)
    assert placed(tmp_path, "db.yaml") == []


def test_kustomizations_that_include_each_other_come_to_an_end(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        a__db_yaml="x",
        a__kustomization_yaml="{namePrefix: a-, resources: [db.yaml, ../b, ../b, .]}",
        b__kustomization_yaml="{namePrefix: b-, resources: [../a, ../a, .]}",
    )
    assert 0 < len(placed(tmp_path, "a/db.yaml")) <= 32
