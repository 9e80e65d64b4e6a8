"""What all of rendering shares: the files that it reads, what a resource adds to them, and what goes wrong.

BuildError            the source, or what was asked of it, is at fault; names the file and, where known, the line
├── OutsideError      a path leads out of the source
└── LimitError        more than is built: files, depth, time, memory, output
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from engine.errors import KsealError

RECOGNISED: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""Names of kustomization files, in the order in which they are looked for (konfig.RecognizedKustomizationFileNames)."""

_LONGEST_SHOWN: Final = 160
_PASSWORD: Final = re.compile(r"//[^/@\s]*@")


class BuildError(KsealError):
    """A folder cannot be rendered. The message never quotes what a file says, which may be a decrypted value.

    It does name files, fields and paths, which strangers chose: what cannot be printed becomes `?`.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if message.isprintable() else _printable(message), hint)


class FolderError(BuildError):
    """The folder that is to be built is not there."""


class OutsideError(BuildError):
    """A path leads out of the source."""


class LimitError(BuildError):
    """A build is larger, deeper or slower than the bounds allow."""


class Unusual(Exception):
    """Plain code is not known to do this as kustomize does; the real program has to. Never reaches a caller."""


class Content(Protocol):
    """One file, known by the digest of its content."""

    @property
    def digest(self) -> str: ...

    @property
    def size(self) -> int: ...


class Files(Protocol):
    """The files of a source, by path: `/` between names, relative, "" is the root. No links are among them."""

    @property
    def files(self) -> Mapping[str, Content]: ...

    def read(self, path: str) -> bytes: ...

    def below(self, folder: str) -> list[str]: ...

    def has_folder(self, folder: str) -> bool: ...


class Bounds(NamedTuple):
    """How much one build may read, take and say. What is more is refused."""

    files: int = 10_000
    """Files of one closure."""
    kustomizations: int = 1_000
    """Kustomization files of one closure; also how often bases are taken in, which diamonds multiply."""
    depth: int = 64
    """Kustomizations inside each other."""
    input_bytes: int = 256 * 1024 * 1024
    """Of all files together."""
    output_bytes: int = 64 * 1024 * 1024
    """What the renderer may print."""
    objects: int = 50_000
    seconds: float = 60.0
    """For one child."""
    memory_bytes: int = 2 * 1024 * 1024 * 1024
    """Of one child: data, heap and stacks. kustomize needs 60 MiB for a usual overlay."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a custom resource adds to the kustomization file of its folder; values as the API has them."""

    path: str = ""
    target_namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    patches: tuple[Mapping[str, Any], ...] = ()
    images: tuple[Mapping[str, Any], ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    build_metadata: tuple[str, ...] = ()


def joined(folder: str, path: str) -> str | None:
    """A path as a file in `folder` means it, from the root of the source; None when it leads out of that.

    Sources hold no links, so names alone decide.
    """
    if path.startswith("/") or "\0" in path:
        return None
    names = folder.split("/") if folder else []
    for name in path.split("/"):
        if name == "..":
            if not names:
                return None
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    return "/".join(names)


def clamped(path: str) -> str:
    """A path that was asked for, from the root of the source; what would lead out of that stops at it, as in Flux."""
    names: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return "/".join(names)


def inside(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return f"{folder}/{name}" if folder else name


def kustomization_files(files: Files, folder: str) -> list[str]:
    """The kustomization files of a folder; more than one is an error of whoever builds it."""
    known = files.files
    return [path for name in RECOGNISED if (path := inside(folder, name)) in known]


def line_of(data: bytes, words: str) -> int | None:
    """The first line, counted from 1, that holds the words; for messages."""
    at = data.find(words.encode("utf-8", "surrogatepass"))
    return data.count(b"\n", 0, at) + 1 if at >= 0 and words else None


def quoted(words: str) -> str:
    """What a stranger wrote, for a message: short, printable, and without a password in an address."""
    text = words if len(words) <= _LONGEST_SHOWN else words[: _LONGEST_SHOWN // 2] + "..."
    return f'"{_printable(_PASSWORD.sub("//***@", text))}"'


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
