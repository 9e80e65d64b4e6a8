"""The folder of mirrors may be wiped at any time, and may not take what is written."""

import os
import shutil
from pathlib import Path

import pytest

from engine.git.child import GitError
from engine.git.mirror import Mirrors


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", environ=os.environ)


def test_a_wiped_folder_is_made_again(mirrors: Mirrors, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "mirrors")
    assert mirrors.all_keys() == []
    assert mirrors.sweep(keep=()) == []
    with mirrors.locked("key", timeout_seconds=1.0):
        assert (tmp_path / "mirrors" / "key.lock").is_file()


def test_a_folder_that_cannot_be_made_is_an_error_of_the_source(mirrors: Mirrors, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "mirrors")
    (tmp_path / "mirrors").write_text("in the way")
    with pytest.raises(GitError, match="cannot keep the repository here"), mirrors.locked("key", timeout_seconds=1.0):
        pass
