"""Bases that are elsewhere: fetched beforehand by the caller, and put beside the source, where a build finds them.

What an address means is as kustomize reads it. Which of them is a file is decided by its name: kustomize would ask the
server first, and take what is no YAML for a repository. Source: kubernetes-sigs/kustomize api/internal/git/repospec.go,
api/internal/loader/fileloader.go.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from engine.render.base import BuildError, Content, Files, LimitError, joined

MOUNTS: Final = ".kseal-remote"
"""The folder of the source below which fetched bases stand."""
_SCHEMES: Final = ("ssh://", "https://", "http://", "file://")
_USER: Final = re.compile(r"^[a-zA-Z][a-zA-Z0-9-]*@")
_FILE_ENDINGS: Final = (".yaml", ".yml", ".json")
_HELD_BYTES: Final = 256 * 1024 * 1024


class Remote(Protocol):
    """Fetches under the policy of the one whose build it is; both raise KsealError."""

    def repository(self, url: str, ref: str) -> Files:
        """The files of a repository at a branch, tag or commit; "" is its HEAD."""

    def file(self, url: str) -> bytes:
        """What an address answers."""


class Address(NamedTuple):
    """A repository, what of its history, and which folder of it; of a file only `url`."""

    url: str
    ref: str = ""
    folder: str = ""
    is_file: bool = False

    @property
    def mount(self) -> str:
        """The folder where it stands; a file stands in it by its name."""
        return f"{MOUNTS}/{hashlib.sha256(f'{self.url}@{self.ref}'.encode()).hexdigest()[:16]}"


class _Kept(NamedTuple):
    digest: str
    size: int


class Held:
    """Files in memory."""

    def __init__(self, contents: Iterable[tuple[str, bytes]], *, limit_bytes: int = _HELD_BYTES) -> None:
        """Raises: LimitError when they are larger than that."""
        self._contents: dict[str, bytes] = {}
        self._folders = {""}
        left = limit_bytes
        for path, data in contents:
            left -= len(data)
            if left < 0:
                raise LimitError(f"more than {limit_bytes} bytes in a remote base", "name a smaller one")
            self._contents[path] = data
            while "/" in path:
                path = path.rpartition("/")[0]  # noqa: PLW2901  # up to the first name
                self._folders.add(path)
        self.files: Mapping[str, Content] = {
            path: _Kept(hashlib.sha256(data).hexdigest(), len(data)) for path, data in self._contents.items()
        }
        self.size = limit_bytes - left

    def read(self, path: str) -> bytes:
        return self._contents[path]

    def below(self, folder: str) -> list[str]:
        return sorted(path for path in self._contents if not folder or path.startswith(f"{folder}/"))

    def has_folder(self, folder: str) -> bool:
        return folder in self._folders


class Mounted:
    """A source with others below folders of it."""

    def __init__(self, source: Files, mounts: Mapping[str, Files]) -> None:
        self._source = source
        self._mounts = mounts
        self.files: Mapping[str, Content] = {
            **source.files,
            **{f"{mount}/{path}": entry for mount, files in mounts.items() for path, entry in files.files.items()},
        }

    def read(self, path: str) -> bytes:
        files, rest = self._of(path)
        return files.read(rest)

    def below(self, folder: str) -> list[str]:
        files, rest = self._of(folder)
        mount = folder.removesuffix(rest)
        return [mount + path for path in files.below(rest)] if files is not self._source else files.below(folder)

    def has_folder(self, folder: str) -> bool:
        files, rest = self._of(folder)
        return files.has_folder(rest)

    def _of(self, path: str) -> tuple[Files, str]:
        for mount, files in self._mounts.items():
            if path == mount or path.startswith(f"{mount}/"):
                return files, path[len(mount) + 1 :]
        return self._source, path


def place_in(folder: str, path: str) -> str | None:
    """Like `joined`, and what stands in a mount does not get out of it."""
    place = joined(folder, path)
    if place is not None and folder.startswith(f"{MOUNTS}/"):
        mount = "/".join(folder.split("/")[:2])
        if place != mount and not place.startswith(f"{mount}/"):
            return None
    return place


def address_of(text: str) -> Address | None:
    """What an entry that is no path of the source names; None when kustomize would not take it for an address."""
    path = urlsplit(text).path if text.lower().startswith(("https://", "http://")) else ""
    if path.endswith(_FILE_ENDINGS) and "//" not in path and "_git/" not in path:
        return Address(text, is_file=True)
    rest, _, query = text.partition("?")
    if rest.startswith("/") or "\0" in text:
        return None
    host, rest = _host(rest)
    if not host:
        return None
    url, folder = _split(rest)
    place = joined("", folder.lstrip("/"))
    if not url or place is None:
        return None
    values = parse_qs(query)
    ref = (values.get("ref") or values.get("version") or [""])[0]
    return Address(host + url, ref, place)


def _host(text: str) -> tuple[str, str]:
    """Scheme, user and host with what separates them from the path, and the path; "" for none."""
    if text.lower().startswith("git::"):
        text = text[5:]
    scheme = next((one for one in _SCHEMES if text.lower().startswith(one)), "")
    text = text[len(scheme) :]
    user = match[0] if (match := _USER.match(text)) else ""
    text = text[len(user) :]
    is_github = text.lower().startswith(("github.com/", "github.com:"))
    is_short = not scheme and bool(user or is_github)
    if scheme == "file://" or not (scheme or is_short):
        return "", text
    at = text.find("/")
    if is_short and ":" in text and (at < 0 or 0 < text.find(":") < at):
        at = text.find(":")
    host, rest = text[: at + 1], text[at + 1 :]
    if is_github:
        by_ssh = scheme == "ssh://" or bool(user)
        return ("ssh://" + (user or "git@") if by_ssh else "https://") + "github.com/", rest
    if is_short:
        return f"ssh://{user}{host[:-1]}/", rest
    return (scheme + user + host if host else ""), rest


def _split(path: str) -> tuple[str, str]:
    """The repository and the folder in it: at `_git/NAME`, at `//`, behind `.git`, or after two names."""
    at = path.find("_git/")
    if at >= 0:
        name, _, folder = path[at + 5 :].partition("/")
        return path[: at + 5] + name, folder
    if "//" in path:
        url, _, folder = path.partition("//")
        return url, folder
    at = path.find(".git")
    if at >= 0:
        return path[: at + 4], path[at + 4 :]
    names = path.split("/")
    return ("/".join(names[:2]), "/".join(names[2:])) if len(names) >= 2 else ("", "")


def checked(source: Files) -> None:
    """Refuse a source that has what looks like fetched bases. Raises: BuildError."""
    if source.has_folder(MOUNTS):
        raise BuildError(f'"{MOUNTS}": the source has a folder of this name', "give the folder another name")
