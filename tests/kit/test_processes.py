"""Children and their folder end with the process that wanted them, however it ends."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.cache import Cache
from tests.kit.errors import Died
from tests.kit.process import Nest, free_port, wait_until

ROOT = Path(__file__).parents[2]
OWNER = """
    import sys
    from pathlib import Path
    from tests.kit.cache import Cache
    from tests.kit.process import Nest
    nest = Nest("owned", cache=Cache(Path(sys.argv[1])))
    child = nest.start("child", ["sleep", "600"])
    # A grandchild that left its session and its parent, as daemons do.
    nest.start("daemon", ["sh", "-c", "setsid sh -c 'echo $$ > daemon.pid; exec sleep 600' & exit 0"])
    print(nest.folder, child.pid, flush=True)
    sys.stdin.read()
"""
# A fork holds the pipe to the keeper open, so the keeper must see the end of the owner itself.
FORKING_OWNER = """
    import os, signal, sys
    from pathlib import Path
    from tests.kit.cache import Cache
    from tests.kit.process import Nest
    nest = Nest("owned", cache=Cache(Path(sys.argv[1])))
    copy = os.fork()
    if copy == 0:
        signal.pause()
    print(nest.folder, copy, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def nest(tmp_path: Path) -> Iterator[Nest]:
    with Nest("test", cache=Cache(tmp_path)) as nest:
        yield nest


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def owner(cache: Path, code: str = OWNER) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    """A process with a nest of its own: the process, the nest's folder, and the number of one child."""
    command = [sys.executable, "-c", textwrap.dedent(code), str(cache)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder, child = process.stdout.readline().split()
        try:
            yield process, Path(folder), int(child)
        finally:
            process.kill()


def test_closing_ends_the_processes_and_removes_the_folder(tmp_path: Path) -> None:
    with Nest("test", cache=Cache(tmp_path)) as nest:
        child = nest.start("child", ["sleep", "600"])
        assert lives(child.pid)
    assert not lives(child.pid)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    with owner(tmp_path) as (process, folder, child):
        wait_until((folder / "daemon.pid").exists, "the daemon has started")
        wait_until(lambda: (folder / "daemon.pid").read_text().strip() != "", "the daemon has said its number")
        daemon = int((folder / "daemon.pid").read_text())
        assert lives(child)
        assert lives(daemon)
        process.send_signal(how)
        process.wait()
        wait_until(lambda: not folder.exists(), "the folder is gone")
        assert not lives(child)
        assert not lives(daemon)


@pytest.mark.slow
def test_a_forked_copy_of_the_owner_does_not_keep_the_processes_alive(tmp_path: Path) -> None:
    with owner(tmp_path, FORKING_OWNER) as (process, folder, copy):
        try:
            process.kill()
            process.wait()
            wait_until(lambda: not folder.exists(), "the folder is gone")
            assert lives(copy)
        finally:
            os.kill(copy, signal.SIGKILL)


def test_the_children_die_with_their_keeper(nest: Nest) -> None:
    child = nest.start("child", ["sleep", "600"])
    os.kill(nest.keeper_pid, signal.SIGKILL)
    wait_until(lambda: not lives(child.pid), "the child is gone")
    with pytest.raises(Died, match="the keeper of the test servers ended"):
        child.poll()


def test_a_server_that_ends_while_starting_shows_the_end_of_its_log(nest: Nest) -> None:
    child = nest.start("server", ["sh", "-c", "echo flag --colour is unknown >&2; exit 3"])
    with pytest.raises(Died, match=r"server ended with code 3 while starting.*\nflag --colour is unknown"):
        child.wait_ready(lambda: False)


def test_a_server_that_never_gets_ready_is_given_up_at_its_limit(nest: Nest) -> None:
    child = nest.start("server", ["sh", "-c", "echo still thinking; exec sleep 600"])
    wait_until(lambda: "thinking" in child.log_tail(), "the server has spoken")
    with pytest.raises(Died, match=r"waited 0.2 s in vain until server is ready; end of its log:\nstill thinking"):
        child.wait_ready(lambda: False, limit_seconds=0.2)


def test_a_program_that_does_not_exist_is_said_so(nest: Nest) -> None:
    with pytest.raises(Died, match=r"server could not be started: .*No such file"):
        nest.start("server", ["/nowhere/server"])


def test_stopping_ends_the_whole_group_and_the_name_can_be_used_again(nest: Nest) -> None:
    child = nest.start("child", ["sh", "-c", "sleep 600 & echo $!; wait"])
    wait_until(lambda: child.log_tail() != "", "the grandchild has started")
    grandchild = int(child.log_tail())
    child.stop()
    assert child.poll() == -signal.SIGKILL
    wait_until(lambda: not lives(grandchild), "the grandchild is gone")
    assert nest.start("child", ["true"]).wait() == 0


def test_children_see_nothing_of_the_persons_own_environment(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/person/.kube/config")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    child = nest.start("child", ["env"])
    assert child.wait() == 0
    assert {line.partition("=")[0] for line in child.log_tail().splitlines()} <= {"PATH", "HOME", "TMPDIR", "PWD", "_"}


def test_a_free_port_lies_below_those_of_outgoing_connections() -> None:
    assert 20000 <= free_port() < 32000
