"""Children of a test run that never outlive it: a nest is one folder and the processes that work in it."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.kit import keeper
from tests.kit.cache import Cache
from tests.kit.errors import Died

_LOG_TAIL_LINES = 30
_POLL_SECONDS = 0.05
# Below what Linux hands out for outgoing connections (32768 up): no connection may take a server's port while the
# server is away for a moment.
_PORTS = range(20000, 32000)


class Nest:
    """A folder and its processes, held by a keeper process. All are gone on close(), or when this process ends."""

    def __init__(self, name: str, *, cache: Cache | None = None) -> None:
        runs = (cache or Cache.of(os.environ)).runs()
        self._lock = threading.Lock()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(os.getpid()), f"{name}-", str(runs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the parent; the keeper follows it
        )
        self.keeper_pid = self._keeper.pid
        self.folder = Path(self._read_line())

    def start(
        self, name: str, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> "Process":
        """Start a program; its output goes to `FOLDER/NAME.log`. Without `env` it gets a bare environment.

        Raises: Died when the operating system cannot start it.
        """
        request = {
            "do": "start",
            "name": name,
            "argv": [str(part) for part in argv],
            "env": dict(self.bare_environment() if env is None else env),
            "log": str(self.folder / f"{name}.log"),
            "cwd": str(cwd or self.folder),
        }
        return Process(self, name, self._ask(request)["pid"])

    def bare_environment(self) -> dict[str, str]:
        """What a child needs and nothing of the person's own set-up: no proxy, no kubeconfig, no home folder."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "TMPDIR": str(self.folder)}

    def close(self) -> None:
        """Kill the processes, remove the folder, and wait until both are gone."""
        if self._keeper.stdin and not self._keeper.stdin.closed:
            self._keeper.stdin.close()
        self._keeper.wait()
        if self._keeper.stdout:
            self._keeper.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            assert self._keeper.stdin
            try:
                self._keeper.stdin.write(json.dumps(request).encode() + b"\n")
            except BrokenPipeError as error:
                raise Died("the keeper of the test servers ended", "its own message stands above") from error
            answer: dict[str, Any] = json.loads(self._read_line())
        if "error" in answer:
            raise Died(f"{request['name']} could not be started: {answer['error']}")
        return answer

    def _read_line(self) -> str:
        assert self._keeper.stdout
        line = self._keeper.stdout.readline()
        if not line:
            raise Died("the keeper of the test servers ended", "its own message stands above")
        return line.decode().rstrip("\n")


class Process:
    """One child in a nest, in a process group of its own."""

    def __init__(self, nest: Nest, name: str, pid: int) -> None:
        self._nest = nest
        self.name = name
        self.pid = pid
        self.log = nest.folder / f"{name}.log"

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        code: int | None = self._nest._ask({"do": "poll", "name": self.name})["code"]
        return code

    def wait(self, *, tick: Callable[[], None] = lambda: None) -> int:
        """Wait for the end, however long it takes, calling `tick` each 50 ms. Returns the exit code."""
        while (code := self.poll()) is None:
            tick()
            time.sleep(_POLL_SECONDS)
        return code

    def stop(self) -> None:
        """Kill the process group and wait until it is gone. Nothing happens to a process that has ended."""
        self._nest._ask({"do": "stop", "name": self.name})

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself. Nothing happens when it has ended."""
        self._nest._ask({"do": "signal", "name": self.name, "number": int(number)})

    def freeze(self) -> None:
        """Stop the process until it gets SIGCONT, and wait until none of its threads runs any more."""
        self.signal(signal.SIGSTOP)
        wait_until(self._is_frozen, f"{self.name} stands still")

    def _is_frozen(self) -> bool:
        states = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(state.read_text().rpartition(")")[2].split()[0] == "T" for state in states)

    def log_tail(self) -> str:
        """The last lines of its output, for error messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:])

    def wait_ready(self, is_ready: Callable[[], bool], *, limit_seconds: float = 60.0) -> None:
        """Wait until `is_ready()`. Raises: Died with the end of the log when the process ends first, or is too slow."""

        def ready_or_dead() -> bool:
            code = self.poll()
            if code is not None:
                raise Died(f"{self.name} ended with code {code} while starting; end of its log:\n{self.log_tail()}")
            return is_ready()

        try:
            wait_until(ready_or_dead, f"{self.name} is ready", limit_seconds=limit_seconds)
        except TimeoutError as error:
            raise Died(f"{error}; end of its log:\n{self.log_tail()}") from error


def wait_until(
    condition: Callable[[], bool], what: str, *, limit_seconds: float = 30.0, every_seconds: float = _POLL_SECONDS
) -> None:
    """Ask each 50 ms until the condition holds. Raises: TimeoutError that says what was waited for, and how long."""
    deadline = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {limit_seconds:g} s in vain until {what}")
        time.sleep(every_seconds)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, chosen at random so that parallel runs do not meet."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Died("no free port on 127.0.0.1 among 100 tried")
