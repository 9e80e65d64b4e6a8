"""A private folder for one run: copies of repositories, copies of deploy keys. It goes when the run ends; what a killed
run left goes with the next one of the same person."""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

PREFIXES: Final = ("kseal-rotate-", "kseal-keys-")
_LOCK: Final = "lock"
_UNLOCKED_SECONDS: Final = 24 * 3600.0
"""How old a folder without a lock has to be: its run may not have got that far, or the file system knows no locks."""


class Scratch:
    """One folder, made at once. Its lock is held as long as this process lives, which tells it from one left behind."""

    def __init__(self, prefix: str) -> None:
        """`prefix` is one of `PREFIXES`."""
        self._folder = TemporaryDirectory(prefix=prefix)
        self.path = Path(self._folder.name)
        self._descriptor = _locked(self.path)
        remove_stale(Path(gettempdir()))

    def cleanup(self) -> None:
        """Remove it. A second time does nothing."""
        self._folder.cleanup()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def remove_stale(parent: Path) -> None:
    """Remove the folders of killed runs. Others' folders, links and whatever a live process holds are left alone."""
    for folder in _own(parent):
        with suppress(OSError):  # held, gone meanwhile, or not to be removed: nothing that this run depends on
            try:
                descriptor = os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                if time.time() - folder.lstat().st_mtime > _UNLOCKED_SECONDS:
                    shutil.rmtree(folder)
                continue
            with os.fdopen(descriptor) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)


def _own(parent: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIXES):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                    yield Path(entry.path)


def _locked(folder: Path) -> int | None:
    """Lock a file and only then give it its name, so that nobody finds it unlocked. None where there are no locks."""
    fresh = folder / f".{_LOCK}"
    descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    fresh.rename(folder / _LOCK)
    return descriptor
