"""The cache of what was applied: what it keeps, and what happens to it when its file is in trouble."""

import sqlite3
import threading
from pathlib import Path

import pytest

from engine.kube.refs import ObjectRef
from engine.records import Record, Records

REF = ObjectRef("apps", "Deployment", "shop", "web")
RECORD = Record(b"desired", "uid", "17", 3, b"marks")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records"


def test_a_record_comes_back_before_and_after_it_is_written(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    assert records.get("a", REF) == RECORD
    records.flush()
    assert records.get("a", REF) == RECORD


def test_a_record_outlives_the_process(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    text = records.digest(b"x")
    records.close()
    again = Records(path)
    assert again.get("a", REF) == RECORD
    assert again.digest(b"x") == text


def test_owners_know_nothing_of_each_other(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    records.put("b", REF, RECORD._replace(uid="other"))
    records.flush()
    records.drop_owner("b")
    assert records.get("a", REF) == RECORD
    assert records.get("b", REF) is None


def test_what_is_dropped_is_gone_before_and_after_it_is_written(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    records.flush()
    records.drop("a", REF)
    assert records.get("a", REF) is None
    records.close()
    assert Records(path).get("a", REF) is None


def test_an_owner_is_dropped_with_what_is_not_written_yet(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    records.drop_owner("a")
    assert records.get("a", REF) is None


def test_owners_that_have_nothing_take_room_too_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.records._KEPT", 10)
    records = Records(None)
    records.put("a", REF, RECORD)
    for number in range(50):
        assert records.get(f"owner {number}", REF) is None
    assert len(records._known) <= 10
    assert records.get("a", REF) == RECORD
    records.drop_owner("a")
    records.drop_owner("a")
    assert records._count == len(records._known)


def test_a_digest_says_nothing_without_the_key_and_tells_texts_apart(path: Path) -> None:
    one, other = Records(path), Records(None)
    assert one.digest(b"password") != other.digest(b"password")
    assert one.digest(b"ab", b"c") != one.digest(b"a", b"bc")


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    records = Records(path)
    records.put("a", REF, RECORD)
    records.close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_broken_file_is_made_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    problems: list[str] = []
    records = Records(path, on_problem=problems.append)
    records.put("a", REF, RECORD)
    records.close()
    assert Records(path).get("a", REF) == RECORD
    assert problems == []


def test_a_database_of_another_form_is_made_anew(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE record (x)")
    db.close()
    records = Records(path)
    records.put("a", REF, RECORD)
    records.close()
    assert Records(path).get("a", REF) == RECORD


def test_a_file_that_cannot_be_had_leaves_a_cache_in_memory_and_is_told_of_once(tmp_path: Path) -> None:
    problems: list[str] = []
    records = Records(tmp_path / "no" / "folder", on_problem=problems.append)
    records.put("a", REF, RECORD)
    records.flush()
    assert records.get("a", REF) == RECORD
    assert len(problems) == 1


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious")
    path.symlink_to(target)
    Records(path).close()
    assert target.read_text() == "precious"


def test_a_database_that_fails_later_leaves_a_cache_in_memory_and_is_told_of_once(path: Path) -> None:
    problems: list[str] = []
    records = Records(path, on_problem=problems.append)
    other = ObjectRef("", "ConfigMap", "shop", "c")
    records._db.execute("PRAGMA max_page_count = 1")  # as on a full disk
    for number in range(600):
        records.put("a", other._replace(name=str(number)), RECORD)
    records.flush()
    assert records.get("a", other._replace(name="599")) == RECORD
    assert len(problems) == 1
    assert "full" in problems[0]


def test_threads_share_it(path: Path) -> None:
    records = Records(path)

    def work(owner: str) -> None:
        for number in range(300):
            ref = REF._replace(name=str(number))
            records.put(owner, ref, RECORD)
            assert records.get(owner, ref) == RECORD
        records.flush()

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records.close()
    again = Records(path)
    assert all(again.get(str(owner), REF._replace(name="299")) == RECORD for owner in range(4))
