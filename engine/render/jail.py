"""Programs that read what strangers wrote, as children that can do nothing else.

The children are started by one little process (`jailed.py`) that is started once and has a single thread: between fork
and exec code runs that locks the child in, which a process with threads must not do. Asking it costs a millisecond;
starting an interpreter for each child would cost 15.
"""

import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.render.base import BuildError, LimitError

GUARDS: Final = ("landlock", "seccomp")
"""Those that a kernel may lack. The others (limits, no_new_privs, process group, empty environment) always hold."""
_SCRIPT: Final = Path(__file__).with_name("jailed.py")
_ERROR_BYTES: Final = 64 * 1024
_CHUNK: Final = 256 * 1024
_LONGEST_MESSAGE: Final = 60 * 1024
_MARGIN_SECONDS: Final = 10.0
_RESERVED_BYTES: Final = 2 * 1024 * 1024 * 1024
"""Address space beyond the memory that may be used: runtimes reserve more than they touch."""
_PATH: Final = "/nonexistent"


class JailError(BuildError):
    """A jailed program failed. `output` is what it said on standard error; callers shorten and clean it."""

    def __init__(self, message: str, hint: str | None = None, *, output: bytes = b"", code: int = 0) -> None:
        super().__init__(message, hint)
        self.output = output
        self.code = code


class Used(NamedTuple):
    """What a child has cost."""

    cpu_seconds: float
    peak_kib: int


class Jail:
    """Starts children; used by many threads at once. A context manager: at its end no child is left."""

    def __init__(
        self, *, python: Path | None = None, guards: Sequence[str] = GUARDS, children: int | None = None
    ) -> None:
        """`guards` are those that are used where the kernel has them. `python` runs the little process.

        `children` is how many may run at once; others wait, and their time begins later. None: as many as there are
        processors, and two at least, since a child works most of its time.
        """
        self._turns = threading.BoundedSemaphore(children or max(2, os.cpu_count() or 1))
        self._python = python or Path(sys.executable)
        self._guards = tuple(guards)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._held: Mapping[str, bool] | None = None
        self._is_closed = False

    def __enter__(self) -> "Jail":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all children. Nothing can be run afterwards."""
        with self._lock:
            self._is_closed = True
            self._drop()

    def held(self) -> Mapping[str, bool]:
        """Which guards hold on this machine, by name. Raises: BuildError when that cannot be found out."""
        with self._lock:
            if self._held is None:
                try:
                    asked = subprocess.run(
                        [self._python, "-I", "-S", _SCRIPT, "held"],
                        env={},
                        stdin=subprocess.DEVNULL,
                        capture_output=True,
                        timeout=30,
                        check=True,
                    )
                except (OSError, subprocess.SubprocessError) as error:
                    raise BuildError(
                        "the jail cannot be started", "is the interpreter of this program still there?"
                    ) from error
                found = json.loads(asked.stdout)
                self._held = {
                    "no_new_privs": True,
                    "limits": True,
                    **{name: bool(found[name]) and name in self._guards for name in GUARDS},
                }
            return self._held

    def run(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        stdin: bytes = b"",
        timeout_seconds: float,
        memory_bytes: int,
        output_bytes: int,
        readable: Sequence[Path] = (),
        writable: Sequence[Path] = (),
        environ: Mapping[str, str] | None = None,
        used: list[Used] | None = None,
    ) -> bytes:
        """What a program writes to standard output. `argv[0]` is its absolute path.

        It starts in `folder`, which it may read; what is `readable` it may read and run, such as the libraries of the
        program; nothing else is there for it where Landlock holds. `environ` is added to a PATH that leads nowhere and
        a HOME that is the folder. What it has cost is put at the end of `used`.

        Raises: JailError when it fails or cannot be started, LimitError when it takes or says too much.
        """
        environment = {"PATH": _PATH, "HOME": str(folder), "LC_ALL": "C", **(environ or {})}
        asked = {
            "argv": list(argv),
            "folder": str(folder),
            "environ": environment,
            "seconds": timeout_seconds,
            "cpu_seconds": 4 * int(timeout_seconds) + 1,  # a child may use several processors
            "memory_bytes": memory_bytes,
            "address_bytes": memory_bytes + _RESERVED_BYTES,
            "file_bytes": output_bytes if writable else 0,
            "run": [argv[0], *map(str, readable)],
            "read": [str(folder), *map(str, readable)],
            "write": [str(path) for path in writable],
            "guards": list(self._guards),
        }
        name = Path(argv[0]).name
        with self._turns, ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with ExitStack() as passed:
                passed.enter_context(theirs)
                given = self._input(stdin, passed)
                out, to_out = _pipe(stack, passed)
                errors, to_errors = _pipe(stack, passed)
                self._ask(json.dumps(asked).encode(), [given, to_out, to_errors, theirs.fileno()])
            output, said, ending = _collect(
                ours, out, errors, output_bytes, time.monotonic() + timeout_seconds + _MARGIN_SECONDS
            )
        if ending is None:
            raise LimitError(f"{name}: more than {output_bytes} bytes of output", "split the kustomization")
        if used is not None and ending:
            used.append(Used(ending["cpu_seconds"], ending["peak_kib"]))
        if not ending:
            raise JailError(f"{name}: the jail ended while it ran")
        if ending["is_late"]:
            raise LimitError(f"{name}: no end after {timeout_seconds:g} s", "split the kustomization")
        if ending["code"]:
            raise JailError(f"{name}: failed ({_how(ending['code'])})", output=said, code=ending["code"])
        return output

    def _input(self, data: bytes, stack: ExitStack) -> int:
        if not data:
            descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        else:
            descriptor = os.memfd_create("input", os.MFD_CLOEXEC)
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(data)
            os.lseek(descriptor, 0, os.SEEK_SET)
        stack.callback(os.close, descriptor)
        return descriptor

    def _ask(self, message: bytes, descriptors: list[int]) -> None:
        """Hand a child's description over, starting the little process where there is none. Raises: JailError."""
        if len(message) > _LONGEST_MESSAGE:
            raise JailError("more arguments and variables than a program is started with")
        with self._lock:
            for attempt in range(2):
                control = self._control or self._begin()
                try:
                    socket.send_fds(control, [message], descriptors)
                except (BrokenPipeError, ConnectionResetError) as error:
                    self._drop()
                    if attempt:
                        raise JailError("the jail cannot be started") from error
                except OSError as error:
                    raise JailError(f"the jail cannot be asked: {(error.strerror or str(error)).lower()}") from error
                else:
                    return

    def _begin(self) -> socket.socket:
        if self._is_closed:
            raise JailError("the jail is closed")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [str(self._python), "-I", "-S", str(_SCRIPT)],
                    env={},
                    cwd="/",
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    process_group=0,
                )
            except OSError as error:
                ours.close()
                raise JailError(f"the jail cannot be started: {(error.strerror or str(error)).lower()}") from error
        self._control = ours
        return ours

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        self._control = self._process = None


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    read, write = os.pipe()
    ours.callback(os.close, read)
    theirs.callback(os.close, write)
    os.set_blocking(read, False)
    return read, write


def _collect(
    answer: socket.socket, out: int, errors: int, limit: int, deadline: float
) -> tuple[bytes, bytes, dict[str, Any] | None]:
    """Output, errors and how it ended: empty when the jail is gone, None when the output was cut off."""
    output, said, ending = bytearray(), bytearray(), b""
    with selectors.DefaultSelector() as selector:
        for source in (out, errors, answer.fileno()):
            selector.register(source, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                break  # the little process is stopped or gone astray
            for key, _ in ready:
                data = answer.recv(4096) if key.fd == answer.fileno() else os.read(key.fd, _CHUNK)
                if not data:
                    selector.unregister(key.fd)
                elif key.fd == out:
                    output += data
                elif key.fd == errors:
                    said += data[: max(0, _ERROR_BYTES - len(said))]
                else:
                    ending += data
            if len(output) > limit:
                return b"", b"", None
    return bytes(output), bytes(said), json.loads(ending) if ending else {}


def _how(code: int) -> str:
    if code == -9:
        return "killed"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
