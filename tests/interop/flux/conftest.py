"""Fixtures for Flux's resources: a control plane with controllers and a node, and who brings Git into it.

A test that takes `stack` runs once with the real Flux controllers, which proves the test, and once with ours.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.flux import Stack, install_crds
from tests.kit.fluxground import FluxGround
from tests.kit.gitserver import GitServer
from tests.kit.process import Nest
from tests.kit.workcopy import Host, WorkCopy

MAKERS = ("flux", "kseal")
SOON = "--requeue-dependency=1s"
"""Half a minute is what those wait by default whose dependency is not ready."""


@pytest.fixture(scope="session")
def flux_plane() -> Iterator[ControlPlane]:
    """Deployments become ready in it, and every request is logged."""
    with ControlPlane("cluster", audit=True) as plane:
        install_crds(plane)
        plane.add_node("node-1")
        yield plane


@pytest.fixture(scope="module", params=MAKERS)
def stack(request: pytest.FixtureRequest, flux_plane: ControlPlane) -> Iterator[Stack]:
    """The running controllers of one maker."""
    with Nest("flux") as nest, Stack(request.param, nest, flux_plane, flags=[SOON]) as stack:
        yield stack


@pytest.fixture(scope="module")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Repositories for everyone."""
    with GitServer(tmp_path_factory.mktemp("repositories")) as server:
        yield server


@pytest.fixture
def new_ground(flux_plane: ControlPlane, git_server: GitServer, tmp_path: Path) -> Iterator[Callable[..., FluxGround]]:
    """Make a namespace and an empty repository on a host; what is in the namespace is suspended at the end."""
    grounds: list[FluxGround] = []

    def make(host: Host | None = None) -> FluxGround:
        namespace = flux_plane.create_namespace("team")
        copy = WorkCopy(host or git_server, tmp_path / namespace, namespace)
        grounds.append(FluxGround(flux_plane, copy, namespace))
        return grounds[-1]

    yield make
    for ground in grounds:
        ground.suspend()  # or the next controller would work on it too


@pytest.fixture
def ground(stack: Stack, new_ground: Callable[..., FluxGround]) -> FluxGround:
    """A namespace and an empty repository, under the controllers of `stack`."""
    return new_ground()
