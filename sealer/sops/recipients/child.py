"""Run a program of the person's, with bounds on its time and on what it says.

It stays in our process group, so that it may ask at the terminal; nothing of what it is given goes through its
arguments but what the person wrote there.
"""

import os
import select
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Final

from engine.errors import KsealError

_AT_ONCE: Final = 64 * 1024


class _TooMuch(Exception):
    """A program says more than it may."""


def run(
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    timeout_seconds: float,
    limit_bytes: int,
    given: bytes = b"",
    is_heard: bool = True,
) -> tuple[int, bytes, bytes]:
    """Exit code, standard output, standard error. Unless `is_heard`, standard error goes where ours goes.

    Raises: KsealError when it cannot be started, takes too long or says more than `limit_bytes`. Its arguments are
    not repeated there: a person may have written a secret among them.
    """
    try:
        child = subprocess.Popen(
            arguments,
            env=dict(environ),
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if is_heard else None,
        )
    except OSError as error:
        raise KsealError(f'cannot start "{arguments[0]}": {(error.strerror or str(error)).lower()}') from error
    with child:
        try:
            output, errors = _exchange(child, given, timeout_seconds, limit_bytes)
            return child.wait(timeout_seconds), output, errors
        except subprocess.TimeoutExpired as error:
            raise KsealError(f'"{arguments[0]}": no end after {timeout_seconds:g} s') from error
        except _TooMuch as error:
            raise KsealError(f'"{arguments[0]}": more than {limit_bytes} bytes came out of it') from error
        finally:
            if child.poll() is None:
                child.kill()


def _exchange(child: subprocess.Popen[bytes], given: bytes, timeout_seconds: float, limit: int) -> tuple[bytes, bytes]:
    """Feed it and hear it until it has said everything. Raises: TimeoutExpired, _TooMuch."""
    deadline = time.monotonic() + timeout_seconds
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as ready:
        for pipe, said in ((child.stdout, output), (child.stderr, errors)):
            if pipe:
                ready.register(pipe, selectors.EVENT_READ, (pipe, said))
        if child.stdin:
            ready.register(child.stdin, selectors.EVENT_WRITE, (child.stdin, None))
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(child.args, timeout_seconds)
            for key, _ in ready.select(left):
                pipe, said = key.data
                if said is None:
                    given = _feed(key.fd, given)
                    is_done = not given
                else:
                    said.extend(chunk := os.read(key.fd, _AT_ONCE))
                    is_done = not chunk
                if is_done:
                    ready.unregister(pipe)
                    pipe.close()
            if len(output) + len(errors) > limit:
                raise _TooMuch
    return bytes(output), bytes(errors)


def _feed(pipe: int, given: bytes) -> bytes:
    """What is left after as much as the pipe takes at once. One that does not listen has taken everything."""
    try:
        return given[os.write(pipe, given[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return b""
