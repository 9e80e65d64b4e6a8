"""Fixtures of deliveries: the controller under lock-down, and tenants of its cluster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.fluxobjects import install_definitions
from tests.kit.gitserver import GitServer
from tests.kit.sourceground import SourceGround, source_ground
from tests.kit.tenants import LockedDown, Tenant


@pytest.fixture(scope="module")
def flux_plane(control_plane: ControlPlane) -> ControlPlane:
    """The API server of the run, with the definitions of deliveries."""
    install_definitions(control_plane)
    return control_plane


@pytest.fixture
def ground(flux_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[SourceGround]:
    """Sources of the test's namespace, worked on by our reconciler."""
    with source_ground(flux_plane, namespace, tmp_path / "data") as ground:
        yield ground


@pytest.fixture(scope="session")
def locked_down() -> Iterator[LockedDown]:
    """The real process with `--lockdown`, in a cluster that logs every request."""
    with ControlPlane("api", audit=True) as plane, LockedDown(plane) as one:
        yield one


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Repositories for tenants, at an address that may be dialled."""
    with GitServer(tmp_path_factory.mktemp("repositories")) as server:
        yield server


@pytest.fixture
def new_tenant(locked_down: LockedDown, repositories: GitServer, tmp_path: Path) -> Iterator[Callable[[], Tenant]]:
    """Make a tenant; nobody works on its resources any more in the end."""
    made: list[Tenant] = []

    def make() -> Tenant:
        made.append(Tenant(locked_down.plane, repositories, tmp_path))
        return made[-1]

    yield make
    for tenant in made:
        tenant.suspend()


@pytest.fixture
def tenant(new_tenant: Callable[[], Tenant]) -> Tenant:
    """One of them."""
    return new_tenant()
