"""Repositories served by the real git over HTTP, and a source that reads them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.source.git import GitCredentials, GitRef, GitSource, GitWanted
from engine.source.guard import Guard
from tests.engine.git.bare import Bare
from tests.kit.gitserver import USER, GitServer

PASSWORD = "open sesame"
Wanted = Callable[..., GitWanted]


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("open")) as server:
        yield server


@pytest.fixture(scope="session")
def closed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("closed"), password=PASSWORD) as server:
        yield server


@pytest.fixture
def repository(open_server: GitServer, tmp_path: Path) -> Bare:
    """Empty; its HEAD is `main`."""
    url = open_server.repository(tmp_path.name)
    return Bare(open_server.folder / f"{tmp_path.name}.git", url)


@pytest.fixture
def source(tmp_path: Path) -> GitSource:
    return GitSource(tmp_path / "source", environ={"PATH": os.environ["PATH"]}, guard=Guard())


@pytest.fixture
def wanted(repository: Bare) -> Wanted:
    """Makes what is wanted of the repository; keywords are the reference's."""

    def make(*, sparse: tuple[str, ...] = (), **ref: str) -> GitWanted:
        return GitWanted(repository.url, GitRef(**(ref or {"branch": "main"})), sparse, timeout_seconds=20.0)

    return make


@pytest.fixture
def log_in() -> Callable[[str], GitCredentials]:
    """Credentials that the closed server takes."""
    return lambda url: GitCredentials.of({"username": USER.encode(), "password": PASSWORD.encode()}, url)
