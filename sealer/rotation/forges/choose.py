"""Which forge a remote belongs to, where its API is, and the token for it.

The token comes from a file or the environment, never from an argument or a URL. Raised errors are about what the person
said; nothing has been asked yet.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from engine.errors import KsealError
from engine.git.address import LOOPBACK, Address, read
from sealer.rotation.forges.base import Forge
from sealer.rotation.forges.gitea import Gitea
from sealer.rotation.forges.github import GitHub
from sealer.rotation.forges.gitlab import GitLab


class Kind(NamedTuple):
    """One program that forges run."""

    make: Callable[[str, str, str], Forge]
    variables: tuple[str, ...]
    """Where its token is looked for, in this order."""
    api: str
    """Where the API is, below the address of the web pages."""
    has_groups: bool = False
    """Whether the path of a repository may have more than two parts."""


KINDS: Final[Mapping[str, Kind]] = {
    "github": Kind(GitHub, ("GH_TOKEN", "GITHUB_TOKEN"), "/api/v3"),
    "gitlab": Kind(GitLab, ("GITLAB_TOKEN",), "/api/v4", has_groups=True),
    "gitea": Kind(Gitea, ("GITEA_TOKEN",), "/api/v1"),
}
_HOSTS: Final = {"github.com": "github", "gitlab.com": "gitlab", "gitea.com": "gitea", "codeberg.org": "gitea"}
_SSH_HOSTS: Final = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Hosts that serve ssh on port 443 for others."""
_SPELLED: Final = "say --forge github, gitlab or gitea, with =URL where its pages are not at the remote's host"


def choose(said: str | None, remote: str, *, token: str | None, environ: Mapping[str, str]) -> Forge:
    """The forge of a remote. `said` is `KIND` or `KIND=URL`, `token` what a file holds.

    Raises: KsealError for an unknown forge, an address to which no token goes, or a missing token.
    """
    address = read(remote)
    address = address._replace(host=_SSH_HOSTS.get(address.host, address.host))
    name, _, given = (said or "").partition("=")
    name = name or _HOSTS.get(address.host, "")
    if not name:
        raise KsealError(f"{address.host}: nobody knows what kind of forge this is", _SPELLED)
    if (kind := KINDS.get(name)) is None:
        raise KsealError(f'"{name}" is no forge that can be asked for a pull request', _SPELLED)
    web = _checked(given) if given else _web(address)
    repository = _repository(kind, address, urlsplit(web).path.strip("/"))
    return kind.make(_api(kind, web), repository, _token(kind, token, environ))


def _api(kind: Kind, web: str) -> str:
    host = urlsplit(web).hostname or ""
    if kind.make is GitHub and (host == "github.com" or host.endswith(".ghe.com")):
        return f"https://api.{host}"
    return web + kind.api


def _web(address: Address) -> str:
    """The address of the web pages, as far as the remote tells it."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    if address.scheme == "ssh":
        return f"https://{host}"  # its port is that of ssh
    port = f":{address.port}" if address.port else ""
    return _checked(f"{address.scheme}://{host}{port}")


def _checked(web: str) -> str:
    """Raises: KsealError for what is no address of web pages, or one that is not encrypted."""
    try:
        parts = urlsplit(web)
        _ = parts.port
    except ValueError as error:
        raise KsealError("the URL of the forge cannot be read", _SPELLED) from error
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise KsealError("the URL of the forge is no address of web pages", "for example: https://git.example.org")
    if parts.username is not None or parts.password is not None:
        raise KsealError(f"{parts.scheme}://…@{parts.hostname}: credentials do not belong into a URL")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise KsealError(f"{web}: tokens do not travel over plain http", "say --forge KIND=https://HOST")
    return web.rstrip("/")


def _repository(kind: Kind, address: Address, folder: str) -> str:
    """The path of the repository on its forge; `folder` is where the forge's pages are below their host."""
    path = address.path
    if folder and address.scheme != "ssh":
        path = path.removeprefix(f"{folder}/")
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or len(parts) < 2 or (len(parts) > 2 and not kind.has_groups):
        shape = "GROUP/…/NAME" if kind.has_groups else "OWNER/NAME"
        raise KsealError(f"{path}: no repository of this forge is called so", f"expected: {shape}")
    return path


def _token(kind: Kind, given: str | None, environ: Mapping[str, str]) -> str:
    named = ("the file forge-token", given), *((variable, environ.get(variable)) for variable in kind.variables)
    where, token = next(((where, text) for where, text in named if text), ("", ""))
    if not token:
        job = "; CI_JOB_TOKEN cannot open merge requests" if kind.make is GitLab and "CI_JOB_TOKEN" in environ else ""
        raise KsealError(
            "there is no token for the pull request",
            f"put one into {kind.variables[-1]}, or into a file forge-token in --git-credentials{job}",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise KsealError(f"{where} holds characters that no token has", "one line, without spaces")
    return token
