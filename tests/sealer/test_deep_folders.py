"""Folders are walked to the same depth by all verbs, and no deeper."""

from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.cli.tree import files_of
from sealer.rotation.tree import MOST_FOLDERS_DEEP, walk


def nested(top: Path, depth: int) -> str:
    """A file below so many folders."""
    folder = top.joinpath(*["d"] * depth)
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text("a: b\n")
    return str(folder / "a.yaml")


def test_a_tree_as_deep_as_allowed_is_walked(tmp_path: Path) -> None:
    file = nested(tmp_path, MOST_FOLDERS_DEEP)
    assert files_of([str(tmp_path)], is_recursive=True, example="") == [file] == list(walk([str(tmp_path)]))


def test_a_deeper_one_is_refused(tmp_path: Path) -> None:
    nested(tmp_path, MOST_FOLDERS_DEEP + 1)
    with pytest.raises(KsealError, match="nested more than 64 deep"):
        files_of([str(tmp_path)], is_recursive=True, example="")
    with pytest.raises(KsealError, match="nested more than 64 deep"):
        list(walk([str(tmp_path)]))
