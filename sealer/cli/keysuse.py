"""Who uses the keys: the live SealedSecrets, and those in the folders and repositories that a person names."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sealer.cli.keystore import Keystore
from sealer.cli.scratch import Scratch
from sealer.cli.verb import Given
from sealer.rotation import use
from sealer.rotation.job import Job

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal


def of_cluster(store: Keystore, terminal: "Terminal") -> list[use.Use]:
    """The use by live SealedSecrets. Raises: KsealError when they cannot be listed."""
    terminal.info("looking at the live SealedSecrets")
    return use.live(store.client, store.ring)


def of_repositories(
    store: Keystore, given: Given, terminal: "Terminal", environ: Mapping[str, str]
) -> "list[use.Use] | None":
    """The use by files, None where no folder and no repository is named. Raises: KsealError."""
    if not given.texts("repo"):
        return None
    found = []
    for where in given.texts("repo"):
        terminal.info(f"looking at {where}")
        found += _of_url(store, where, given, environ) if _is_url(where) else _of_folder(store, where, given)
    return found


def _of_folder(store: Keystore, path: str, given: Given) -> list[use.Use]:
    return use.in_files(Job([path], use.Reader(store.ring), namespace=given.text("namespace")))


def _of_url(store: Keystore, url: str, given: Given, environ: Mapping[str, str]) -> list[use.Use]:
    from engine.git.address import check_url
    from engine.git.child import Git
    from engine.git.clone import clone
    from engine.git.credentials import Credentials

    check_url(url)
    folder = given.text("git-credentials")
    with Scratch("kseal-keys-") as scratch:
        credentials = Credentials(Path(folder) if folder else None, scratch.path)
        top = scratch.path / "clone"
        clone(Git(scratch.path, environ=environ, environment=credentials.environment(url)), url, top, branch=None)
        job = Job(["."], use.Reader(store.ring), namespace=given.text("namespace"), root=top)
        return [found._replace(place=f"{url}: {found.place}") for found in use.in_files(job)]


def _is_url(where: str) -> bool:
    """Whether a repository elsewhere is meant: what is no folder here, and looks like a URL or `user@host:path`."""
    return not Path(where).exists() and ("://" in where or ("@" in where and ":" in where))
