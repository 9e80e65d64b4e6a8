"""What children use is counted as their parent's, while they live and when they are gone."""

import subprocess
import sys

from tests.kit import family
from tests.kit.process import wait_until

# The parent starts a child, which works, takes memory and says so; when told, it ends the child and waits for it.
PARENT = """
import subprocess, sys
code = "data = bytearray(64 << 20); sum(range(3_000_000)); print(flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
input()
child.communicate()
print(flush=True)
input()
"""


def test_time_and_memory_of_children_are_in_what_a_process_used() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert list(family.members(parent.pid)) == [parent.pid, child]
        with family.Peak(parent.pid) as peak:
            wait_until(lambda: peak.megabytes > 64, "the peak is noticed")
        alone = family.cpu_seconds(child)
        assert alone > 0
        assert family.cpu_seconds(parent.pid) >= alone
        parent.stdin.write("\n")
        parent.stdin.flush()
        parent.stdout.readline()
        assert list(family.members(parent.pid)) == [parent.pid]
        assert family.megabytes(parent.pid) < 64 < peak.megabytes
        assert family.cpu_seconds(parent.pid) >= alone
        parent.stdin.write("\n")
        parent.stdin.flush()


def test_a_process_that_is_gone_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert (family.cpu_seconds(process.pid), family.megabytes(process.pid)) == (0, 0)
