"""Fixtures for tests that meet real programs: a control plane, a namespace in it, kubectl, and programs by name.

With pytest-xdist each worker starts a control plane of its own. Sharing one would save 330 MB and 2.5 s a worker, but
its life would hang on a count of its users, and tests count the API server's requests: they must be alone with it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.kit import real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """The API server of this run, without controllers: nothing changes an object but who is asked to."""
    with ExitStack() as stack:
        yield _started(stack, ControlPlane("api"))


@pytest.fixture(scope="session")
def full_control_plane() -> Iterator[ControlPlane]:
    """A second one with controllers and scheduler: garbage collection, Deployments, ServiceAccounts in Pods."""
    with ExitStack() as stack:
        yield _started(stack, ControlPlane("cluster"))


@pytest.fixture
def new_control_plane() -> Iterator[Callable[..., ControlPlane]]:
    """Start one for this test alone, with ControlPlane's arguments; for tests that pause, audit or encrypt it."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: _started(stack, ControlPlane(*arguments, **options))


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A new namespace in `control_plane` for this test."""
    return control_plane.create_namespace()


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Callable[..., CompletedProcess[str]]:
    """The real kubectl against `control_plane`; see ControlPlane.kubectl for what it takes."""
    return control_plane.kubectl


@pytest.fixture(scope="session")
def program() -> Callable[[str], Path]:
    """The path of a real program by its name in tests/kit/table.py."""
    return real.require


def _started(stack: ExitStack, plane: ControlPlane) -> ControlPlane:
    try:
        return stack.enter_context(plane)
    except Unavailable as error:
        real.do_without(error)
