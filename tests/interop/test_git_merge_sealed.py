"""Branches that change one SealedSecret are merged by the real git with our driver; no key is needed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.kit.gitclone import Clone

pytestmark = pytest.mark.interop

TEXT = """\
# of the shop
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db
  namespace: shop
  annotations: {}
spec:
  encryptedData:
    a: QUFB  # first
    b: QkJC
    c: Q0ND
  template:
    type: Opaque
"""


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    made = Clone(tmp_path, needs_sops=False)
    made.kseal("git", "install")
    return made


def edit(clone: Clone, *changes: tuple[str, str]) -> Callable[[], None]:
    def change() -> None:
        text = clone.read("s.yaml")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        clone.write("s.yaml", text)

    return change


def merge(clone: Clone, ours: Callable[[], None], theirs: Callable[[], None], *, code: int = 0) -> str:
    clone.write("s.yaml", TEXT)
    clone.commit("base")
    clone.git("checkout", "--quiet", "-b", "side")
    theirs()
    clone.commit("theirs")
    clone.git("checkout", "--quiet", "main")
    ours()
    clone.commit("ours")
    return clone.git("merge", "--no-edit", "side", code=code)


def items(clone: Clone) -> dict[str, str]:
    (document,) = yaml.safe_load_all(clone.read("s.yaml"))
    found = document["spec"]["encryptedData"]
    assert isinstance(found, dict)
    return found


def test_neighbouring_items_change_and_come_and_go(clone: Clone) -> None:
    ours = edit(clone, ("QUFB", "b3Vycw=="), ("    c: Q0ND\n", "    c: Q0ND\n    ours: bmV3\n"))
    theirs = edit(clone, ("    b: QkJC\n", ""), ("Q0ND\n", "dGhlaXJz\n    theirs: bmV3\n"))
    merge(clone, ours, theirs)
    assert items(clone) == {"a": "b3Vycw==", "c": "dGhlaXJz", "ours": "bmV3", "theirs": "bmV3"}
    lines = clone.read("s.yaml").splitlines()
    assert lines[:9] == TEXT.splitlines()[:9]
    assert "    a: b3Vycw==  # first" in lines


def test_both_sides_add_items_and_one_changes_the_rest(clone: Clone) -> None:
    theirs = edit(clone, ("Q0ND\n", "Q0ND\n    theirs: bmV3\n"), ("Opaque", "kubernetes.io/tls"))
    merge(clone, edit(clone, ("Q0ND\n", "Q0ND\n    ours: bmV3\n"), ("# of the shop", "# of our shop")), theirs)
    assert items(clone) == {"a": "QUFB", "b": "QkJC", "c": "Q0ND", "ours": "bmV3", "theirs": "bmV3"}
    assert "# of our shop" in clone.read("s.yaml")
    assert "type: kubernetes.io/tls" in clone.read("s.yaml")


def test_a_true_conflict_names_the_item(clone: Clone) -> None:
    theirs = edit(clone, ("QUFB", "dGhlaXJz"), ("QkJC", "dGhlaXJz"))
    said = merge(clone, edit(clone, ("QUFB", "b3Vycw==")), theirs, code=1)
    assert 's.yaml: both sides changed SealedSecret/shop/db: spec.encryptedData["a"]' in said
    assert "b3Vycw" not in said
    assert items(clone) == {"a": "b3Vycw==", "b": "dGhlaXJz", "c": "Q0ND"}
    assert "<<<" not in clone.read("s.yaml")


def test_an_item_that_is_removed_and_changed_is_a_conflict(clone: Clone) -> None:
    said = merge(clone, edit(clone, ("    b: QkJC\n", "")), edit(clone, ("QkJC", "dGhlaXJz")), code=1)
    assert 'spec.encryptedData["b"]' in said
    assert items(clone) == {"a": "QUFB", "c": "Q0ND"}


def test_a_conflict_besides_the_items_names_the_field_and_merges_the_items(clone: Clone) -> None:
    ours = edit(clone, ("Opaque", "example.com/ours"), ("QUFB", "b3Vycw=="))
    said = merge(clone, ours, edit(clone, ("Opaque", "example.com/theirs"), ("QkJC", "dGhlaXJz")), code=1)
    assert 's.yaml: both sides changed SealedSecret/shop/db: ["spec"]["template"]["type"]' in said
    assert items(clone) == {"a": "b3Vycw==", "b": "dGhlaXJz", "c": "Q0ND"}
    assert "example.com/ours" in clone.read("s.yaml")


def test_another_scope_on_one_side_does_not_mix_with_items_of_the_other(clone: Clone) -> None:
    scope = ("annotations: {}", 'annotations: {sealedsecrets.bitnami.com/cluster-wide: "true"}')
    ours = edit(clone, scope, ("QUFB", "b3Vycw=="), ("QkJC", "b3Vycw=="), ("Q0ND", "b3Vycw=="))
    said = merge(clone, ours, edit(clone, ("Q0ND\n", "Q0ND\n    new: bmV3\n")), code=1)
    assert "SealedSecret/shop/db: spec.encryptedData: both sides changed items, for two scopes" in said
    assert set(items(clone)) == {"a", "b", "c"}
    assert "cluster-wide" in clone.read("s.yaml")


def test_a_diff_shows_items_by_hashes(clone: Clone) -> None:
    clone.write("s.yaml", TEXT)
    clone.commit()
    clone.write("s.yaml", TEXT.replace("QkJC", "bmV3"))
    shown = clone.git("diff")
    assert shown.count("b: ciphertext:") == 2
    assert "bmV3" not in shown
    assert "# SealedSecret/shop/db: strict, 3 items\n" in clone.kseal("git", "textconv", "s.yaml")
