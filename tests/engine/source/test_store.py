"""Artifacts on disk: whole or not there, and kept as long as they should be."""

import errno
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from engine.source.base import SourceError
from engine.source.store import Store

OWNER = "gitrepository/flux-system/apps"


def put(store: Store, file: str, content: bytes = b"content", owner: str = OWNER) -> str:
    return store.put(owner, file, lambda target: target.write(content) and None).path


def test_what_is_put_can_be_opened_and_verified(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    stored = store.put(OWNER, "a.tar.gz", lambda target: target.write(b"abc") and None)
    assert stored == (
        f"{OWNER}/a.tar.gz",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        3,
    )
    with store.open(stored.path) as file:
        assert file.read() == b"abc"
    assert store.verify(stored.path, stored.digest)
    (tmp_path / "data" / stored.path).write_bytes(b"abd")
    assert not store.verify(stored.path, stored.digest)
    assert not store.verify(f"{OWNER}/b.tar.gz", stored.digest)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = put(store, "a.tar.gz", b"old")

    def fail(target: BinaryIO) -> None:
        target.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(SourceError, match="no space left") as caught:
        store.put(OWNER, "a.tar.gz", fail)
    assert caught.value.reason == "ArchiveOperationFailed"
    with store.open(path) as file:
        assert file.read() == b"old"
    assert names(tmp_path / OWNER) == ["a.tar.gz"]


def test_what_a_killed_process_left_unfinished_goes_at_the_start(tmp_path: Path) -> None:
    put(Store(tmp_path), "a.tar.gz")
    (tmp_path / OWNER / ".new-0123").touch()
    Store(tmp_path)
    assert names(tmp_path / OWNER) == ["a.tar.gz"]


@pytest.mark.parametrize(
    "path",
    [
        *("../data/x", "gitrepository/../../x", f"{OWNER}/../a", f"/{OWNER}/a", f"{OWNER}/.new-1", f"{OWNER}/a/b"),
        *(OWNER, "", f"{OWNER}/", f"{OWNER}/a\0", f"{OWNER}/%2e%2e", "a/b/c/" + "d" * 300),
    ],
)
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    store = Store(tmp_path / "root")
    put(store, "a")
    with pytest.raises(SourceError):
        store.open(path)


def test_no_link_is_followed(tmp_path: Path) -> None:
    store = Store(tmp_path / "root")
    put(store, "a")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "root" / OWNER / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "root" / "gitrepository" / "flux-system" / "other").symlink_to(tmp_path)
    for path in (f"{OWNER}/link", "gitrepository/flux-system/other/secret"):
        with pytest.raises(SourceError):
            store.open(path)


@pytest.mark.parametrize("owner", ["a/b", "a/b/c/d", "a/../c", "a/b/", ".a/b/c", "a/b/c\n"])
def test_no_owner_leads_out(tmp_path: Path, owner: str) -> None:
    with pytest.raises(SourceError):
        put(Store(tmp_path), "a", owner=owner)


def aged(tmp_path: Path, *seconds: int, ttl: int = 60, records: int = 2) -> Store:
    """A store with artifacts a0, a1, ... that are so many seconds old."""
    store = Store(tmp_path, ttl=timedelta(seconds=ttl), records=records, now=lambda: 10_000.0)
    for number, age in enumerate(seconds):
        put(store, f"a{number}")
        os.utime(tmp_path / OWNER / f"a{number}", (10_000 - age, 10_000 - age))
    return store


@pytest.mark.parametrize(
    ("ages", "keep", "gone"),
    [
        ((500, 400, 300, 0), 3, [0, 1, 2]),
        ((500, 0), 0, []),
        ((50, 40, 30, 0), 3, [0, 1]),
        ((50, 40, 30, 0), 0, [1, 2]),
        ((500, 40, 30, 0), 3, [0, 1]),
        ((30, 0), 1, []),
        ((500, 400), 0, [1]),
    ],
)
def test_the_old_ones_go_and_of_the_others_the_oldest_above_the_count(
    tmp_path: Path, ages: tuple[int, ...], keep: int, gone: list[int]
) -> None:
    store = aged(tmp_path, *ages)
    assert sorted(store.collect(OWNER, f"{OWNER}/a{keep}")) == [f"{OWNER}/a{number}" for number in gone]
    left = {f"a{number}" for number in range(len(ages)) if number not in gone}
    assert set(names(tmp_path / OWNER)) == left


def test_owners_are_listed_and_dropped_without_their_neighbours(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = "gitrepository/flux-system/infra"
    put(store, "a")
    put(store, "a", owner=other)
    assert store.owners() == [OWNER, other]
    store.drop(OWNER)
    store.drop(OWNER)
    assert store.owners() == [other]
    store.drop(other)
    assert names(tmp_path) == []


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = aged(tmp_path, 500, 400, 0)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(SourceError, match="input/output error"):
        store.collect(OWNER, f"{OWNER}/a2")
    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(SourceError, match="input/output error"):
        store.drop(OWNER)


def test_a_folder_where_nothing_can_be_stored_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="cannot be used"):
        Store(tmp_path / "file")


def test_the_digest_is_that_of_the_whole_file_also_when_it_was_written_in_leaps(tmp_path: Path) -> None:
    def leap(target: BinaryIO) -> None:
        target.write(b"....")
        target.seek(0, io.SEEK_SET)
        target.write(b"ab")

    stored = Store(tmp_path).put(OWNER, "a", leap)
    assert (stored.size, Store(tmp_path).verify(stored.path, stored.digest)) == (4, True)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())
