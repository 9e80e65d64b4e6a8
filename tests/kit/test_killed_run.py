"""A test run that is stopped, politely or not, leaves no server and no folder behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import real
from tests.kit.cache import Cache
from tests.kit.process import wait_until

ROOT = Path(__file__).parents[2]
TEST = """
from pathlib import Path
from tests.kit.process import wait_until

def test_that_never_ends(full_control_plane):
    folder = full_control_plane.nest.folder
    Path({said!r}).write_text(str(folder))
    wait_until(lambda: False, "the end of time", limit_seconds=1000)
"""

pytestmark = pytest.mark.cluster


def processes_naming(folder: Path) -> list[str]:
    """The command lines of all processes that mention a folder."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = cmdline.read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if str(folder) in text:
            found.append(text)
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_remains_of_a_run_that_is_stopped(tmp_path: Path, how: signal.Signals) -> None:
    for name in ("etcd", "kube"):
        real.require(name)
    said = tmp_path / "said"
    (tmp_path / "test_endless.py").write_text(TEST.format(said=str(said)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            wait_until(lambda: said.exists() and said.read_text() != "", "the test has its servers", limit_seconds=90)
            folder = Path(said.read_text())
            assert folder.parent == Cache.of(os.environ).runs()
            assert len(processes_naming(folder)) >= 4
            run.send_signal(how)
            run.wait(timeout=30)
        finally:
            run.kill()
    wait_until(lambda: not folder.exists(), "the folder is gone")
    assert processes_naming(folder) == []
