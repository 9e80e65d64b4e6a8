"""What a rotation was about to write, so that a killed one is told from somebody's own changes.

A commit wants a clean work tree. After a kill the tree holds files that this program changed and nobody committed;
the journal, inside Git's own folder, names them with the digest of what was written.
"""

import json
import os
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from engine.errors import KsealError
from engine.git.worktree import Entry

_LEFT_BEHIND: Final = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.tmp")
"""What sealer.cli.files calls the file that it renames over another one."""


class Journal:
    """One line a file, appended before the file is written."""

    def __init__(self, path: Path, top: Path) -> None:
        """`path` is the journal's own, `top` that of the work tree. Raises: KsealError when it cannot be read."""
        self._path, self._top = path, top
        self._written: dict[str, set[str]] = {}
        try:
            lines = path.read_text().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise KsealError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
        for line in lines:
            try:
                entry = json.loads(line)
                self._written.setdefault(entry["path"], set()).add(entry["sha256"])
            except (ValueError, KeyError, TypeError):
                continue  # the line during which it was killed: that file was not written yet

    def add(self, file: str, data: bytes) -> None:
        """Say that a file is about to be written. Raises: KsealError."""
        path = os.path.relpath(os.path.realpath(file), self._top)
        line = json.dumps({"path": path, "sha256": sha256(data).hexdigest()})
        try:
            with self._path.open("a") as journal:
                journal.write(f"\n{line}")
                journal.flush()
                os.fsync(journal.fileno())
        except OSError as error:
            raise KsealError(f"cannot write {self._path}: {(error.strerror or str(error)).lower()}") from error

    def own(self, entries: Iterable[Entry]) -> tuple[list[str], list[Entry]]:
        """The changed files that are exactly as a killed run wrote them, and everything else that is changed.

        Temporary files of that run are removed.
        """
        own, others = [], []
        for entry in entries:
            if entry.state == "??" and self._remove_temporary(entry.path):
                continue
            (own.append(entry.path) if self._is_own(entry) else others.append(entry))
        return own, others

    def clear(self) -> None:
        """Everything is committed."""
        self._path.unlink(missing_ok=True)

    def _is_own(self, entry: Entry) -> bool:
        digests = self._written.get(entry.path)
        if not digests or entry.state.strip() not in ("M", "MM"):
            return False
        path = self._top / entry.path
        return not path.is_symlink() and sha256(path.read_bytes()).hexdigest() in digests

    def _remove_temporary(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        found = _LEFT_BEHIND.fullmatch(name)
        names = {written.rpartition("/")[2][:100] for written in self._written if written.rpartition("/")[0] == folder}
        if not found or found["name"] not in names:
            return False
        (self._top / path).unlink(missing_ok=True)
        return True
