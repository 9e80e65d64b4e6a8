"""Fixtures for tests of the running controller."""

from collections.abc import Iterator

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, install_crd, open_ground


@pytest.fixture(scope="session")
def served(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRD installed."""
    install_crd(control_plane)
    return control_plane


@pytest.fixture(scope="module")
def ground(served: ControlPlane) -> Iterator[Ground]:
    """A namespace with a running controller, shared by the tests of one file: give objects names of their own."""
    with open_ground(served) as ground:
        ground.controller.start()
        yield ground
