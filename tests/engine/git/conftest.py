"""Repositories over HTTP and ssh, and who asks."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.git.wire import Pinned
from tests.engine.git.bare import Bare
from tests.kit.gitserver import GitServer


class Anywhere:
    """Lets everything be dialled, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolve(self, host: str, port: int) -> Pinned:
        self.asked.append(host)
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return Pinned(family, str(address[0]), port)


@pytest.fixture
def anywhere() -> Anywhere:
    return Anywhere()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with GitServer(tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def repository(server: GitServer, tmp_path: Path) -> Bare:
    url = server.repository(tmp_path.name)
    return Bare(server.folder / f"{tmp_path.name}.git", url)


@pytest.fixture
def environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}
