"""Records: what our last apply of each object left, so that unchanged objects cost no request after a restart either.

A cache in SQLite. It may be lost at any time: then objects are looked at once more. A record never says what an object
holds: the desired state is kept as a digest under a key that is made with the database and never leaves it.
"""

import hashlib
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine import faults
from engine.inventory import format_id
from engine.kube.refs import ObjectRef

_FORM: Final = 1
"""Number of the form below; a database of another one is made anew."""
_BATCH: Final = 256
"""Writes that are kept back at most: a transaction costs about as much as a hundred rows."""
_TABLES: Final = """
CREATE TABLE secret (key BLOB NOT NULL);
CREATE TABLE record (
    owner TEXT NOT NULL, id TEXT NOT NULL,
    desired BLOB NOT NULL, uid TEXT NOT NULL, version TEXT NOT NULL, generation INTEGER NOT NULL, marks BLOB NOT NULL,
    PRIMARY KEY (owner, id)
) WITHOUT ROWID;
"""
_KEPT: Final = 20_000
"""Records in memory, a few hundred bytes each; those of the owner asked for longest ago go first."""
_SELECT: Final = "SELECT id, desired, uid, version, generation, marks FROM record WHERE owner = ?"


class Record(NamedTuple):
    """One object as our last apply, or the last look that found nothing to do, left it."""

    desired: bytes
    """Keyed digest of what was applied."""
    uid: str
    version: str
    """The resourceVersion."""
    generation: int
    """0 for kinds that have none."""
    marks: bytes
    """Digest of the live labels and annotations."""


class Records:
    """Records by owner and object; thread-safe.

    `path` is the file, whose folder must be there; None keeps all in memory. A file that is broken, of another form or
    of somebody else is made anew. When the file cannot be used, for whatever reason and at whatever time, what is
    recorded is kept in memory until the process ends, and `on_problem` is told why, once.
    """

    def __init__(self, path: Path | None, *, on_problem: Callable[[str], None] = lambda _: None) -> None:
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Record | None] = {}  # writes to come; None deletes
        self._known: OrderedDict[str, dict[str, Record]] = OrderedDict()
        self._count = 0  # of what is in it: owners, which may have none, and records
        self._db, self._key = self._open(path)

    def digest(self, *texts: bytes) -> bytes:
        """A digest that is the same for the same texts in this database, and says nothing to who lacks its key."""
        found = hashlib.blake2b(key=self._key, digest_size=16)
        for text in texts:
            found.update(len(text).to_bytes(8))
            found.update(text)
        return found.digest()

    def get(self, owner: str, ref: ObjectRef) -> Record | None:
        with self._lock:
            return self._of(owner).get(format_id(ref))

    def put(self, owner: str, ref: ObjectRef, record: Record) -> None:
        self._set(owner, ref, record)

    def drop(self, owner: str, ref: ObjectRef) -> None:
        """Forget one object: the next pass looks at it."""
        self._set(owner, ref, None)

    def drop_owner(self, owner: str) -> None:
        with self._lock:
            for key in [key for key in self._waiting if key[0] == owner]:
                del self._waiting[key]
            self._forget(owner)
            self._tried(lambda: self._drop_all(owner))

    def flush(self) -> None:
        """Write what was kept back; at the end of a pass, and of the process."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Write what was kept back and let go of the file. Nothing is recorded afterwards."""
        with self._lock:
            self._flush()
            self._db.close()
            self._db = _in_memory(self._key)
            self._known.clear()
            self._count = 0

    def _set(self, owner: str, ref: ObjectRef, record: Record | None) -> None:
        name = format_id(ref)
        with self._lock:
            self._waiting[owner, name] = record
            known = self._known.get(owner)
            if known is not None:
                self._count += (record is not None) - (name in known)
                if record is None:
                    known.pop(name, None)
                else:
                    known[name] = record
            if len(self._waiting) >= _BATCH:
                self._flush()

    def _of(self, owner: str) -> dict[str, Record]:
        """All records of an owner, which are read at once: whoever asks for one asks for the others too."""
        known = self._known.get(owner)
        if known is None:
            rows = self._tried(lambda: self._db.execute(_SELECT, (owner,)).fetchall())
            known = {row[0]: Record(*row[1:]) for row in rows or ()}
            for (whose, name), record in self._waiting.items():
                if whose == owner and record is not None:
                    known[name] = record
                elif whose == owner:
                    known.pop(name, None)
            self._known[owner] = known
            self._count += 1 + len(known)
            while self._count > _KEPT and len(self._known) > 1:
                self._forget(next(iter(self._known)))
        self._known.move_to_end(owner)
        return known

    def _forget(self, owner: str) -> None:
        known = self._known.pop(owner, None)
        if known is not None:
            self._count -= 1 + len(known)

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._tried(self._write)
        if self._waiting:  # now in memory
            self._write()

    def _drop_all(self, owner: str) -> None:
        faults.point(f"drop the records of {owner}")
        with self._db:
            self._db.execute("DELETE FROM record WHERE owner = ?", (owner,))

    def _write(self) -> None:
        gone = [key for key, record in self._waiting.items() if record is None]
        kept = [(*key, *record) for key, record in self._waiting.items() if record is not None]
        faults.point("commit records")
        with self._db:
            self._db.executemany("DELETE FROM record WHERE owner = ? AND id = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", kept)
        self._waiting.clear()

    def _tried(self, do: Callable[[], Any]) -> Any:
        """What `do` returns. What the database refuses ends its use: memory takes its place, and None is returned."""
        try:
            return do()
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = _in_memory(self._key)
            self._tell(error)
            return None

    def _open(self, path: Path | None) -> tuple[sqlite3.Connection, bytes]:
        if path is None:
            key = os.urandom(32)
            return _in_memory(key), key
        try:
            try:
                return _opened(path)
            except (sqlite3.DatabaseError, ValueError):
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).unlink(missing_ok=True)
                return _opened(path)
        except (sqlite3.Error, OSError, ValueError) as error:
            self._tell(error)
            key = os.urandom(32)
            return _in_memory(key), key

    def _tell(self, error: Exception) -> None:
        self._on_problem(f"records of what was applied are not kept: {error}")


def _opened(path: Path) -> tuple[sqlite3.Connection, bytes]:
    """The database in a file, made where there is none. Raises: OSError; sqlite3.Error or ValueError when it is none
    of ours."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))  # the key is in it
    db = _connected(str(path))
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a lost transaction is a record too old, never a broken file
        form = db.execute("PRAGMA user_version").fetchone()[0]
        if form == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0:
            key = os.urandom(32)
            _make_tables(db, key)
            return db, key
        if form != _FORM:
            raise ValueError(f"it is of form {form}")
        row = db.execute("SELECT key FROM secret").fetchone()
        if row is None or not isinstance(row[0], bytes) or len(row[0]) != 32:
            raise ValueError("it has no key")
        db.execute("SELECT desired, uid, version, generation, marks FROM record LIMIT 1").fetchone()
    except BaseException:
        db.close()
        raise
    return db, row[0]


def _in_memory(key: bytes) -> sqlite3.Connection:
    db = _connected(":memory:")
    _make_tables(db, key)
    return db


def _make_tables(db: sqlite3.Connection, key: bytes) -> None:
    with db:
        db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_FORM}; COMMIT;")
        db.execute("INSERT INTO secret VALUES (?)", (key,))


def _connected(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, check_same_thread=False, timeout=5.0)
