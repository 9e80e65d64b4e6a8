"""Points at which a process may be ended."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine import faults


@pytest.fixture(autouse=True)
def _no_hook() -> Iterator[None]:
    yield
    faults.hook = None


def test_a_point_means_nothing_when_nobody_listens() -> None:
    faults.point("patch Secret/n/s")


def test_a_hook_hears_of_every_point() -> None:
    heard: list[str] = []
    faults.hook = heard.append
    faults.point("one")
    faults.point("two")
    assert heard == ["one", "two"]


def test_a_process_ends_at_the_point_of_its_number_without_a_word() -> None:
    program = (
        "from engine import faults\n"
        "faults.hook = faults.kill_at(3)\n"
        "try:\n"
        "    for number in range(1, 9): faults.point(''); print(number, flush=True)\n"
        "finally: print('told')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["1", "2"])
