"""Rendered results on disk: found again by key, bounded, and never believed when they are not whole."""

from pathlib import Path

from engine.buildcache import BuildCache

_OBJECTS = [{"kind": "ConfigMap", "data": {"a": "x" * 100}, "n": [1, 2.5, None, True]}]


def test_objects_are_found_by_their_key(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)
    cache.put("k", _OBJECTS)
    assert cache.get("k") == _OBJECTS
    assert cache.get("other") is None


def test_another_process_finds_them_too(tmp_path: Path) -> None:
    BuildCache(tmp_path).put("k", _OBJECTS)
    assert BuildCache(tmp_path).get("k") == _OBJECTS


def test_a_damaged_file_counts_as_absent(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)
    for damaged in (lambda data: data[:-1], lambda data: data[:40] + b"y" + data[41:], lambda _: b""):
        cache.put("k", _OBJECTS)
        (file,) = tmp_path.iterdir()
        file.write_bytes(damaged(file.read_bytes()))  # type: ignore[no-untyped-call]
        assert cache.get("k") is None
        assert not list(tmp_path.iterdir())


def test_a_file_that_vanished_counts_as_absent(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path)
    cache.put("k", _OBJECTS)
    for file in tmp_path.iterdir():
        file.unlink()
    assert cache.get("k") is None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path, limit_bytes=500)
    for key in ("a", "b"):
        cache.put(key, _OBJECTS)
    assert cache.get("a") is not None
    cache.put("c", _OBJECTS)
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path, entry_bytes=50)
    cache.put("k", _OBJECTS)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_is_no_error(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    cache.put("k", _OBJECTS)
    assert cache.get("k") is None


def test_only_this_user_may_look(tmp_path: Path) -> None:
    BuildCache(tmp_path / "cache").put("k", _OBJECTS)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "cache").iterdir())
