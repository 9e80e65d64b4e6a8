"""The files of a folder that may hold SealedSecrets. No symbolic link is followed; `.git` is passed by."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from engine.errors import KsealError
from engine.kube.documents import DEFAULT

ENDINGS: Final = (".yaml", ".yml", ".json", "Kustomization")
MOST_FOLDERS_DEEP: Final = 64
MOST_FILES: Final = 200_000


def walk(paths: Iterable[str], *, endings: tuple[str, ...] = ENDINGS) -> Iterator[str]:
    """Every file that is named, and every file with one of the endings below the folders that are named, each once,
    sorted.

    Raises: KsealError for a path that is not there, and for trees deeper or larger than any repository of manifests.
    """
    seen: set[str] = set()
    for path in paths:
        for file in _below(path, endings):
            real = os.path.realpath(file)
            if real in seen:
                continue
            if len(seen) == MOST_FILES:
                raise KsealError(f"{path}: more than {MOST_FILES} files", "name the folders that hold the manifests")
            seen.add(real)
            yield file


def require_inside(top: str | Path, paths: Iterable[str | Path]) -> None:
    """Raises: KsealError for a path that leads out of a folder, by `..` or by a link."""
    real = os.path.realpath(top)
    for path in paths:
        if os.path.commonpath([real, os.path.realpath(path)]) != real:
            raise KsealError(f"{path}: leads out of {top}", "name what is inside, or run in the folder where it is")


def read(path: str, *, is_named: bool = False, most: int = DEFAULT.bytes) -> bytes:
    """A file as a whole. A link counts only where a person named it: below a folder it may have taken a file's place.

    Raises: KsealError, also when it is too large or no regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if is_named else os.O_NOFOLLOW))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KsealError(f"{path}: not a regular file")
            if status.st_size > most:
                raise KsealError(f"{path}: {status.st_size} bytes are more than the {most} that are read")
            return file.read(most + 1)
    except OSError as error:
        raise KsealError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def starts(path: str, letter: bytes) -> bool:
    """Whether the first character of a file is this one, white space aside. False for what is no readable file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read(64).lstrip()[:1] == letter
    except OSError:
        return False


def mentions(data: bytes, word: str) -> bool:
    """Whether a text has an ASCII word, in UTF-8 or in either UTF-16, which PowerShell writes."""
    return word.encode() in data or word.encode("utf-16-le")[:-1] in data


def _below(path: str, endings: tuple[str, ...]) -> Iterator[str]:
    if not Path(path).is_dir():
        if not Path(path).exists():
            raise KsealError(f"{path}: no such file or folder")
        yield path
        return
    top = path.rstrip(os.sep).count(os.sep)
    for folder, folders, files in os.walk(path, onerror=_refuse):
        if folder.count(os.sep) - top > MOST_FOLDERS_DEEP:
            raise KsealError(f"{folder}: folders are nested more than {MOST_FOLDERS_DEEP} deep")
        folders[:] = sorted(name for name in folders if name != ".git" and not Path(folder, name).is_symlink())
        for name in sorted(files):
            file = Path(folder, name)
            if name.endswith(endings) and not file.is_symlink():
                yield str(file)


def _refuse(error: OSError) -> None:
    raise KsealError(f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}") from error
