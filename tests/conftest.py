"""Fixtures for tests that meet real programs: a control plane, a namespace in it, kubectl, and programs by name.

With pytest-xdist each worker starts a control plane of its own. Sharing one would save 330 MB and 2.5 s a worker, but
its life would hang on a count of its users, and tests count the API server's requests: they must be alone with it.
"""

import gc
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from hypothesis import settings

from tests.kit import netns, programs, real
from tests.kit.controlplane import ControlPlane
from tests.kit.errors import Unavailable

# Few examples a run, because there are many runs; tests/fuzz searches for hours. No limit of time for an example: on a
# busy machine it would only measure the neighbours.
settings.register_profile("kseal", max_examples=25, deadline=None)
settings.load_profile("kseal")

_LONG_SECONDS = 30.0
_LONGEST_FIRST = ("slow", "cluster", "interop")
_LONG_FILES = frozenset({"test_transcripts.py", "test_hostile_files.py", "test_hostile_files_kill.py"})
"""Those of a run without such markers: begun near the end, they would be waited for."""
_CONTROL_PLANES = frozenset({"control_plane", "full_control_plane", "new_control_plane", "unsteady_control_plane"})


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background; children would inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", f"{netns.MARKER}: runs inside a network namespace of its own")
    if netns.is_inside():
        config.pluginmanager.register(netns.Recorder(config))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Thousands of tests stay until the end: no garbage collection need look at them, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = min(ranks.get(item.path, len(_LONGEST_FIRST)), _rank(item))
    items.sort(key=lambda item: (ranks[item.path], item.path.name not in _LONG_FILES))
    if not netns.is_inside():
        for item in items:
            if item.get_closest_marker(netns.MARKER):
                item.add_marker(pytest.mark.timeout(0))  # the first one waits for all; each has its limit in the child


def _rank(item: pytest.Item) -> int:
    """Where the file of a test stands in a run: short files come last, so that all workers end at the same time."""
    marked = (rank for rank, marker in enumerate(_LONGEST_FIRST) if item.get_closest_marker(marker))
    return min(marked, default=len(_LONGEST_FIRST))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if item.get_closest_marker(netns.MARKER) is None or netns.is_inside():
        return None
    netns.run(item)
    # The test before left up what it shared with this one; only what the next one shares too may stay.
    item.session._setupstate.teardown_exact(nextitem)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where a long run spent its time: the file that takes longest is what the others wait for at the end."""
    seconds: Counter[str] = Counter()
    for report in (one for listed in terminalreporter.stats.values() for one in listed):
        if isinstance(report, pytest.TestReport):
            seconds[report.location[0]] += report.duration
    if seconds.total() > _LONG_SECONDS:
        terminalreporter.section("the slowest files")
        for name, spent in seconds.most_common(10):
            terminalreporter.write_line(f"{spent:6.1f} s  {name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    """A fixture whose program cannot be had skips its tests, or fails them: see tests/kit/real.py."""
    try:
        return (yield)
    except Unavailable as error:
        real.do_without(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """The same for a program that a test itself asks for."""
    try:
        return (yield)
    except Unavailable as error:
        real.do_without(error)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the control plane's programs before the first test that needs them: no test's time limit is that long."""
    if not any(_CONTROL_PLANES.intersection(getattr(item, "fixturenames", ())) for item in session.items):
        return
    if session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled(), suppress(Unavailable):
        for name in ("etcd", "kube"):
            programs.find(name)


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where programs under test make their temporary folders: what a killed one leaves goes with the run's others."""
    folder = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """The API server of this run, without controllers: nothing changes an object but who is asked to."""
    with ControlPlane("api") as plane:
        yield plane


@pytest.fixture(scope="session")
def full_control_plane() -> Iterator[ControlPlane]:
    """A second one with controllers and scheduler: garbage collection, Deployments, ServiceAccounts in Pods."""
    with ControlPlane("cluster") as plane:
        yield plane


@pytest.fixture
def new_control_plane() -> Iterator[Callable[..., ControlPlane]]:
    """Start one for this test alone, with ControlPlane's arguments; for tests that pause, audit or encrypt it."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(ControlPlane(*arguments, **options))


@pytest.fixture(scope="module")
def _plane_for_outages() -> Iterator[ControlPlane]:
    with ControlPlane("api") as plane:
        yield plane


@pytest.fixture
def unsteady_control_plane(_plane_for_outages: ControlPlane) -> Iterator[ControlPlane]:
    """One that the tests of a file may pause, and that is there again for the next of them."""
    yield _plane_for_outages
    if not _plane_for_outages.api.answers("/readyz"):
        _plane_for_outages.resume()


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
