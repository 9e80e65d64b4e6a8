"""The address of a repository elsewhere: which ones are taken, and the parts of one."""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from engine.errors import KsealError

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_SCP_LIKE: Final = re.compile(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[A-Za-z0-9][\w.-]*):(?!//)(?P<path>[^-:].*)")


class Address(NamedTuple):
    """`https://git.example.org:8443/team/clusters.git` in parts; `git@host:path` counts as ssh."""

    scheme: str
    host: str
    port: int | None
    path: str
    """Without the slash before it and the `.git` behind it."""


def read(url: str) -> Address:
    """The parts of a URL that `check_url` takes. Raises: KsealError as that does."""
    check_url(url)
    if found := None if "://" in url else _SCP_LIKE.fullmatch(url):
        return Address("ssh", found["host"].lower(), None, _bare(found["path"]))
    parts = urlsplit(url)
    return Address(parts.scheme, parts.hostname or "", parts.port, _bare(parts.path))


def check_url(url: str) -> str:
    """The URL, when it is one of a repository elsewhere.

    Raises: KsealError for one with a password in it, for local paths and for other schemes. The message never repeats
    a password.
    """
    if is_http(url) or url.startswith("ssh://"):
        try:
            address = urlsplit(url)
            _ = address.port
        except ValueError as error:
            raise KsealError("the URL of the repository cannot be read") from error
        if address.password is not None or (address.username is not None and address.scheme != "ssh"):
            raise KsealError(
                f"{address.scheme}://…@{address.hostname}: credentials do not belong into a URL",
                "they would end in logs and process lists; name a folder with --git-credentials",
            )
        if not address.hostname or address.hostname.startswith("-") or not address.path.strip("/"):
            raise KsealError("the URL names no repository", "for example: https://git.example.org/team/clusters.git")
        return url
    if "://" not in url and _SCP_LIKE.fullmatch(url):
        return url
    raise KsealError(
        "a repository is named by an https, http or ssh URL",
        "for a folder of this machine, name its path instead of --repo",
    )


def is_http(url: str) -> bool:
    """Whether git speaks HTTP to it."""
    return url.startswith(("https://", "http://"))


def _bare(path: str) -> str:
    return path.strip("/").removesuffix(".git")
