"""The process that holds servers and a folder on behalf of another process, and removes both when that one is gone.

Run by tests/kit/process.py as `python -I -S keeper.py PARENT_PID PREFIX RUNS`; it imports nothing of ours, because it
must start fast and must go on when the project's code is broken.

Why a process of its own: a test run may be ended by SIGKILL, which no handler sees. The keeper watches its parent by
a pidfd, and its own standard input, whose other end only the parent holds. When either ends, the keeper kills every
process group that it started, waits for all of them, removes the folder and exits. Should the keeper itself be
killed, the kernel kills its children (PR_SET_PDEATHSIG, which follows the keeper's only thread).

Protocol: the first line of output is the folder's path. Then one JSON object a line on standard input, each answered
by one line: {"do": "start", "name", "argv", "env", "log", "cwd"} -> {"pid"}; {"do": "poll", "name"} -> {"code"};
{"do": "signal", "name", "number"} -> {"code"}; {"do": "stop", "name"} -> {"code"} after SIGKILL of its group and the
wait for it; a failure -> {"error"}.
"""

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
_GRACE_SECONDS = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


class Keeper:
    """The children by name, each in a session of its own, so that one kill reaches whatever a child started."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request; an operating system's refusal becomes an answer, not the end of the keeper."""
        try:
            if request["do"] == "start":
                return {"pid": self.start(request)}
            child = self.children[request["name"]]
            if request["do"] == "signal":
                child.send_signal(request["number"])
            if request["do"] == "stop":
                kill_group(child)
                child.wait()
            return {"code": child.poll()}
        except OSError as error:
            return {"error": str(error)}

    def start(self, request: dict[str, Any]) -> int:
        """Start a child with its output appended to a log file; a name may be used again once its child has ended."""
        with Path(request["log"]).open("ab") as log:
            child = subprocess.Popen(
                request["argv"],
                env=request["env"],
                cwd=request["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_the_keeper,  # noqa: PLW1509 - this process has one thread
            )
        self.children[request["name"]] = child
        return child.pid

    def end(self) -> None:
        """Kill all children, then whatever they left behind: orphans come to this process (child subreaper).

        Orphans get a moment first: the keeper of a nested run is one, and has a folder of its own to remove.
        """
        for child in self.children.values():
            kill_group(child)
        deadline = time.monotonic() + _GRACE_SECONDS
        while orphans := children_of(os.getpid()):
            if time.monotonic() > deadline or not any(is_keeper(pid) for pid in orphans):
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)
            reap()
            time.sleep(0.01)


def die_with_the_keeper() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_group(child: "subprocess.Popen[bytes]") -> None:
    """End a child and its process group. Until it is waited for, its number cannot belong to anyone else."""
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)


def reap() -> None:
    """Collect what has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def is_keeper(pid: int) -> bool:
    """Whether a process runs this same file."""
    try:
        return os.fsencode(__file__) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(parent: int) -> list[int]:
    """The direct children of a process, dead ones not yet waited for included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if int(after_name[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def watch(parent: int) -> list[int]:
    """A descriptor that becomes readable when the parent ends; none before Linux 5.3, where the pipe must do."""
    try:
        return [os.pidfd_open(parent)]
    except (AttributeError, OSError):
        return []


def serve(keeper: Keeper, parent: int) -> None:
    """Answer requests until the parent closes the pipe or ends."""
    watched = watch(parent)
    if os.getppid() != parent:
        return
    buffered = b""
    while True:
        ready, _, _ = select.select([0, *watched], [], [])
        data = os.read(0, 65536) if ready == [0] else b""
        if not data:
            return
        *lines, buffered = (buffered + data).split(b"\n")
        for line in lines:
            os.write(1, json.dumps(keeper.answer(json.loads(line))).encode() + b"\n")


def main() -> None:
    parent, prefix, runs = sys.argv[1:]
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    folder = tempfile.mkdtemp(prefix=prefix, dir=runs)
    keeper = Keeper()
    try:
        os.write(1, folder.encode() + b"\n")
        serve(keeper, int(parent))
    finally:
        keeper.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
