"""Extracted artifacts are shared, checked before anything is extracted, and stay while somebody uses them."""

import hashlib
import io
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from engine.source.archive import Limits, pack
from engine.source.base import SourceError
from engine.source.tree import Tree, of_folder
from engine.source.trees import Trees


class Made:
    """An artifact in memory that counts how often it was opened."""

    def __init__(self, **files: str) -> None:
        target = io.BytesIO()
        pack(((name.replace("__", "/"), False, text.encode()) for name, text in sorted(files.items())), target)
        self.content = target.getvalue()
        self.digest = f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        self.count = 0

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        self.count += 1
        yield io.BytesIO(self.content)


def test_an_artifact_is_extracted_once_for_all_who_want_it(tmp_path: Path) -> None:
    trees, made = Trees(tmp_path / "trees"), Made(a="1", b__c="2")
    gate = threading.Barrier(6)

    def use(_: int) -> Path:
        gate.wait(10)
        with trees.lease(made.digest, made.opened) as tree:
            assert tree.read("b/c") == b"2"
            return tree.folder

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(use, range(6)))) == 1
    assert made.count == 1


def test_nothing_of_an_artifact_with_another_digest_is_extracted(tmp_path: Path) -> None:
    trees, made = Trees(tmp_path / "trees"), Made(a="1")
    for digest in (Made(a="2").digest, "sha256:abc", "md5:0", ""):
        with pytest.raises(SourceError, match=r"doesn't match|no SHA-256"), trees.lease(digest, made.opened):
            pass
    assert names(tmp_path / "trees") == []
    with trees.lease(made.digest, made.opened) as tree:
        assert list(tree.files) == ["a"]


def test_the_least_used_goes_when_there_are_too_many_and_nobody_uses_it(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "trees", keep=2)
    first, second, third, fourth = (Made(a=str(number)) for number in range(4))
    with trees.lease(first.digest, first.opened) as held:
        for made in (second, third, fourth):
            with trees.lease(made.digest, made.opened):
                pass
        assert held.read("a") == b"0"
        assert len(names(tmp_path / "trees")) == 2
    for made in (fourth, first):
        with trees.lease(made.digest, made.opened):
            pass
    assert [made.count for made in (first, second, third, fourth)] == [1, 1, 1, 1]
    with trees.lease(second.digest, second.opened):
        pass
    assert second.count == 2


def test_a_tree_that_somebody_wiped_is_let_go_and_extracted_anew(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "trees", keep=1)
    first, second = Made(a="1"), Made(a="2")
    with trees.lease(first.digest, first.opened):
        pass
    shutil.rmtree(tmp_path / "trees")
    with trees.lease(second.digest, second.opened) as tree:
        assert tree.read("a") == b"2"
    with trees.lease(first.digest, first.opened) as tree:
        assert tree.read("a") == b"1"


def test_a_failed_extraction_leaves_nothing_and_the_next_one_may_do(tmp_path: Path) -> None:
    made = Made(a="x" * 1_000)
    trees = Trees(tmp_path / "trees", limits=Limits(unpacked=10))
    for _ in range(2):
        with pytest.raises(SourceError, match="larger"), trees.lease(made.digest, made.opened):
            pass
    assert names(tmp_path / "trees") == []
    assert made.count == 2


def test_what_was_extracted_before_a_restart_is_not_trusted(tmp_path: Path) -> None:
    made = Made(a="good")
    with Trees(tmp_path / "trees").lease(made.digest, made.opened) as tree:
        (tree.folder / "a").write_text("evil")
    with Trees(tmp_path / "trees").lease(made.digest, made.opened) as tree:
        assert tree.read("a") == b"good"


def test_many_threads_lease_many_artifacts(tmp_path: Path) -> None:
    trees = Trees(tmp_path / "trees", keep=2)
    all_made = [Made(a=str(number)) for number in range(5)]

    def use(number: int) -> bool:
        made = all_made[number % 5]
        with trees.lease(made.digest, made.opened) as tree:
            return tree.read("a") == str(number % 5).encode()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(100)))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for path, text in {"a.yaml": "a", "apps/web/b.yaml": "b", "apps/web/c.yaml": "c", "apps-old/d": "d"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "apps" / "empty").mkdir()
    (tmp_path / "link.yaml").symlink_to("a.yaml")
    (tmp_path / "linked").symlink_to("apps")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").touch()
    return of_folder(tmp_path, limits=Limits())


def test_a_tree_knows_what_is_below_a_folder(tree: Tree) -> None:
    assert tree.below("") == ["a.yaml", "apps-old/d", "apps/web/b.yaml", "apps/web/c.yaml"]
    assert tree.below("apps") == tree.below("apps/web") == ["apps/web/b.yaml", "apps/web/c.yaml"]
    assert tree.below("app") == tree.below("a.yaml") == []
    assert [tree.has_folder(name) for name in ("", "apps", "apps/empty", "app", "a.yaml", "linked")] == [
        *(True, True, True, False, False, False)
    ]


def test_a_digest_moves_with_names_modes_and_contents_below_it_and_with_nothing_else(
    tree: Tree, tmp_path: Path
) -> None:
    before = {name: tree.digest(name) for name in ("", "apps", "apps/web", "apps-old")}
    assert before["apps"] != before["apps/web"] != before["apps-old"]
    (tmp_path / "apps-old" / "d").chmod(0o755)
    after = of_folder(tmp_path, limits=Limits())
    assert [after.digest(name) == before[name] for name in before] == [False, True, True, False]
    (tmp_path / "apps" / "web").rename(tmp_path / "web")
    assert of_folder(tmp_path, limits=Limits()).digest("web") == before["apps/web"]


@pytest.mark.parametrize("path", ["b.yaml", "../x", "/etc/passwd", "link.yaml", "apps", ""])
def test_what_is_no_file_of_the_tree_is_not_read(tree: Tree, path: str) -> None:
    with pytest.raises(SourceError):
        tree.read(path)


def test_a_file_that_became_a_link_is_not_read(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "a.yaml").symlink_to("/etc/hostname")
    with pytest.raises(SourceError):
        tree.read("a.yaml")


@pytest.mark.parametrize("limits", [Limits(entries=3), Limits(depth=1), Limits(unpacked=2)])
def test_a_folder_over_the_limits_is_refused(tree: Tree, tmp_path: Path, limits: Limits) -> None:
    with pytest.raises(SourceError):
        of_folder(tmp_path, limits=limits)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("what", ["the tree", "the whole folder"])
def test_an_artifact_whose_folder_was_wiped_is_extracted_again(tmp_path: Path, what: str) -> None:
    trees, made = Trees(tmp_path / "trees"), Made(a="1")
    with trees.lease(made.digest, made.opened) as tree:
        wiped = tree.folder if what == "the tree" else tmp_path / "trees"
    shutil.rmtree(wiped)
    with trees.lease(made.digest, made.opened) as tree:
        assert tree.read("a") == b"1"


def test_what_was_wiped_need_not_be_removed(tmp_path: Path) -> None:
    trees, old, new = Trees(tmp_path / "trees", keep=1), Made(a="1"), Made(a="2")
    with trees.lease(old.digest, old.opened):
        pass
    shutil.rmtree(tmp_path / "trees")
    with trees.lease(new.digest, new.opened) as tree:
        assert tree.read("a") == b"2"
    assert [folder.name for folder in (tmp_path / "trees").iterdir()] == [tree.folder.name]
