"""A folder for plaintext that only its owner can enter, and that goes away however the process ends.

It lies in memory where the system has a place for that. A child process waits for our end, so that the folder is
removed even after SIGKILL.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sealer.cli.files import end_by_exception

_IN_MEMORY = "/dev/shm"  # noqa: S108  # the folder made in it is private


@contextmanager
def private_folder(environ: Mapping[str, str], *, prefix: str = "") -> Iterator[str]:
    """A new folder with mode 0700, its path; removed with all its content at the end. Raises: OSError."""
    folder = tempfile.mkdtemp(prefix=prefix or None, dir=_place(environ))
    end_by_exception()
    guard, pipe = _guard(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(pipe)
        os.waitpid(guard, 0)


def _place(environ: Mapping[str, str]) -> str | None:
    """Where to make it: where TMPDIR says, else in memory, else where temporary files belong."""
    return environ.get("TMPDIR") or (_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None)


def _guard(folder: str) -> tuple[int, int]:
    """Start the child that removes the folder once our end of a pipe is closed, by us or by our death; both of them."""
    waits, held = os.pipe()
    child = os.fork()
    if child:
        os.close(waits)
        return child, held
    try:
        os.setsid()  # a terminal that goes away, or Ctrl-C in it, is not its end
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(held)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # who reads our output must see its end when we end
            os.dup2(null, stream)
        os.read(waits, 1)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os._exit(0)
