"""Fixtures for tests of both controllers side by side."""

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import install_crd

pytest.register_assert_rewrite("tests.kit.sopsground")  # it compares what both programs did


@pytest.fixture(scope="session")
def served(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRD installed."""
    install_crd(control_plane)
    return control_plane
