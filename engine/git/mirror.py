"""Bare copies of repositories elsewhere, each fetched into again and again, so that only what is new travels.

A mirror is a cache: one that a killed fetch left behind, or that git finds broken, is put aside and begun anew. Whoever
fetches into it or reads from it holds its lock, a file beside it, which the system gives back when a process dies.

    <root>/<key>/repository.git     the bare repository; what was fetched is below refs/kseal/
    <root>/<key>/busy               there while a fetch is under way: found at the next one, the last was killed
    <root>/<key>.lock
    <root>/.away/                   put aside, to be deleted
"""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from engine import faults
from engine.git.child import Git, GitError
from engine.git.objects import check_commit

_KEPT: Final = "refs/kseal/"
_LOOSE_IN_ONE: Final = 24
"""Loose objects in one of 256 folders, or packs, that make tidying worth its time: git's own limit is 27, and 50."""
_PACKS: Final = 40
_PACKS_AT_MOST: Final = 120
"""Packs after which a fetch tidies by itself; otherwise a sweep does."""
_FORGIVEN: Final = {
    f"fetch.fsck.{fault}": "ignore" for fault in ("badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode")
}
"""Faults that old programs left in the history of many repositories, and that do no harm."""
_GRAIN_SECONDS: Final = 0.02
_AWAY: Final = ".away"
"""What is not a mirror any more, until it is deleted."""


class Mirrors:
    """All mirrors below a folder. Thread-safe, and safe between processes."""

    def __init__(self, root: Path, *, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        (root / _AWAY).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._empty_away()

    @contextmanager
    def locked(self, key: str, *, timeout_seconds: float) -> Iterator["Mirror"]:
        """The mirror of a key (a file name), for one at a time. Raises: GitError when others hold it too long."""
        until = time.monotonic() + timeout_seconds
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout_seconds):
            raise GitError("others were busy with the same repository for too long")
        try:
            with _file_lock(self._root / f"{key}.lock", until):
                yield Mirror(self._root / key, self._root / _AWAY, self._environ)
        finally:
            lock.release()

    def all_keys(self) -> list[str]:
        """Of all mirrors there are."""
        return sorted(each.name for each in self._root.glob("*") if each.is_dir() and not each.name.startswith("."))

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Drop the mirrors whose keys are not wanted any more; those in use stay for now. Returns what went."""
        gone = []
        for key in self.all_keys():
            if key in keep:
                continue
            with suppress(GitError), self.locked(key, timeout_seconds=0.0) as mirror:
                mirror.discard()
                (self._root / f"{key}.lock").unlink(missing_ok=True)
                gone.append(key)
        self._empty_away()
        return gone

    def _empty_away(self) -> None:
        for each in (self._root / _AWAY).glob("*"):
            shutil.rmtree(each, ignore_errors=True)


class Mirror:
    """One mirror, held under its lock."""

    def __init__(self, folder: Path, away: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._away = away
        self._busy = folder / "busy"
        self._repository = folder / "repository.git"
        self.git = Git(self._repository, environ=environ)

    def holds(self, name: str, oid: str) -> bool:
        """Whether a ref was fetched whole and is at an object. Raises: GitError."""
        if self._busy.exists() or not self._repository.is_dir():
            return False
        # Of a tag, too, the commit is asked for: without it nothing is whole.
        found = self.git.asks("rev-parse", "--revs-only", local(name), f"{local(name)}^{{commit}}")
        return found is not None and len(found.split()) == 2 and oid in found.split()

    def fetch(
        self,
        url: str,
        refs: Mapping[str, str],
        *,
        depth: int | None,
        environment: Mapping[str, str],
        timeout_seconds: float,
        filtered: str | None = None,
    ) -> None:
        """Bring refs or commits of a repository here: what is there -> full name of the local ref, or patterns.

        `depth` None fetches the history too. A mirror that turns out broken is begun anew, once.

        Raises: GitError. What was fetched before is still there then.
        """
        words = ["fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
        words += ["--no-auto-maintenance", "--no-progress", "--update-shallow"]
        words += [f"--depth={depth}"] if depth is not None else []
        words += [f"--filter={filtered}"] if filtered else []
        words += ["--end-of-options", url, *(f"+{there}:{here}" for there, here in refs.items())]
        until = time.monotonic() + timeout_seconds
        is_new = self._prepare()
        try:
            self._fetch(words, environment, timeout_seconds)
        except GitError as error:
            if is_new or not self._is_broken(error):
                raise
            self.discard()
            self._prepare()
            self._fetch(words, environment, max(1.0, until - time.monotonic()))
        if self._packs() > _PACKS_AT_MOST:
            self.tidy()

    def forget(self, refs: Collection[str]) -> None:
        """Give up local refs, by full name. Raises: GitError."""
        if refs:
            self.git.run("update-ref", "--stdin", given="".join(f"delete {ref}\n" for ref in sorted(refs)).encode())

    def refs(self) -> list[str]:
        """All local refs. Raises: GitError."""
        return self.git.run("for-each-ref", "--format=%(refname)").decode().split()

    def is_reachable(self, commit: str, below: str) -> bool:
        """Whether a commit is in the history of a local ref below a prefix. Raises: GitError."""
        if self.git.asks("cat-file", "-e", f"{check_commit(commit)}^{{commit}}") is None:
            return False
        return bool(self.git.run("for-each-ref", "--count=1", f"--contains={commit}", "--format=%(refname)", below))

    def tidy(self) -> None:
        """Pack what piled up, and drop what no ref holds. Raises: GitError."""
        loose = len(list((self._repository / "objects" / "17").glob("*")))
        if self._packs() > _PACKS or loose > _LOOSE_IN_ONE:
            self._busy.touch()
            self.git.run("gc", "--quiet", "--prune=now", settings={"gc.reflogExpire": "now"})
            self._busy.unlink()

    def discard(self) -> None:
        """Put the mirror aside; a child of a killed process that still writes into it does no harm there."""
        with suppress(FileNotFoundError):
            aside = Path(tempfile.mkdtemp(dir=self._away))
            faults.point("discard a mirror")
            self._folder.rename(aside / "mirror")
            shutil.rmtree(aside, ignore_errors=True)

    def _packs(self) -> int:
        return len(list((self._repository / "objects" / "pack").glob("*.pack")))

    def _prepare(self) -> bool:
        """A repository that can be fetched into; whether it is a new one."""
        if self._busy.exists():
            self.discard()
        is_new = not (self._repository / "HEAD").is_file()
        try:
            self._repository.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._busy.touch()
        except OSError as error:
            raise GitError(f"cannot keep the repository here: {(error.strerror or str(error)).lower()}") from error
        if is_new:
            self.git.run("init", "--quiet", "--bare", "--template=", "--initial-branch=none", ".")
        return is_new

    def _fetch(self, words: list[str], environment: Mapping[str, str], timeout_seconds: float) -> None:
        faults.point("fetch into a mirror")
        try:
            self.git.run(*words, environment=environment, settings=_FORGIVEN, timeout_seconds=timeout_seconds)
        except GitError:
            self._tidy_locks()
            raise
        finally:
            # Left where the process dies here, and by that only: git has ended, or was killed with what it began.
            self._busy.unlink(missing_ok=True)

    def _tidy_locks(self) -> None:
        """What a git that was killed by its time limit leaves behind, nobody else being here."""
        for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/tmp_*", "objects/??/tmp_obj_*"):
            for each in self._repository.glob(pattern):
                with suppress(OSError):
                    each.unlink() if each.is_file() else shutil.rmtree(each)

    def _is_broken(self, error: GitError) -> bool:
        """Whether the mirror and not the server is at fault. A full disk breaks nothing."""
        if os.strerror(errno.ENOSPC).lower() in error.message.lower():
            return False
        return self.git.asks("fsck", "--connectivity-only", "--no-dangling", "--no-progress") is None


def local(name: str) -> str:
    """The local ref for one elsewhere: names that differ stay different, and none has a folder where another is one."""
    return f"{_KEPT}{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


@contextmanager
def _file_lock(path: Path, until: float) -> Iterator[None]:
    """Held until the context ends or the process dies; one whose file was removed meanwhile does not count."""
    while True:
        with _lock_file(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise GitError("others were busy with the same repository for too long") from None
                time.sleep(_GRAIN_SECONDS)
                continue
            if _is_still_there(path, file.fileno()):
                yield
                return


def _lock_file(path: Path) -> BinaryIO:
    """The file to lock. Its folder is made again when somebody wiped it. Raises: GitError."""
    try:
        (path.parent / _AWAY).mkdir(parents=True, exist_ok=True, mode=0o700)
        return path.open("ab")
    except OSError as error:
        raise GitError(f"cannot keep the repository here: {(error.strerror or str(error)).lower()}") from error


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
