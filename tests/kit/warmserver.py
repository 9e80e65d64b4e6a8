"""The process behind tests/kit/warm.py: has the program's modules, and forks for each command line that is sent.

Run as `python warmserver.py SOCKET`. A message is marshal's form of (arguments, folder, environment), with the three
standard streams beside it; the answer is the exit code as text, negative for the signal that ended the call.
"""

import gc
import importlib
import marshal
import os
import pkgutil
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

import sealer
from sealer.cli.main import main

_MOST_BYTES: Final = 1 << 20


def import_all() -> None:
    """All of the command line's modules, so that no child has to."""
    for module in pkgutil.walk_packages(sealer.__path__, "sealer."):
        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page


def serve(listener: socket.socket) -> NoReturn:
    """Start a child for each connection and send its exit code when it ends."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([listener.fileno(), *running], [], [])
        for source in ready:
            if source == listener.fileno():
                connection, _ = listener.accept()
                pid = start(connection)
                running[os.pidfd_open(pid)] = pid, connection
                continue
            pid, connection = running.pop(source)
            os.close(source)
            _, status = os.waitpid(pid, 0)
            with connection:
                connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))


def start(connection: socket.socket) -> int:
    """Fork; the child never returns. Gives its process number."""
    message, streams, _, _ = socket.recv_fds(connection, _MOST_BYTES, 3)
    pid = os.fork()
    if pid:
        for stream in streams:
            os.close(stream)
        return pid
    try:
        become(message, streams)
        main()
    except SystemExit as ending:
        os._exit(ending.code if isinstance(ending.code, int) else 1)
    finally:
        os._exit(1)


def become(message: bytes, streams: list[int]) -> None:
    """Take on the caller's arguments, folder, environment and standard streams."""
    arguments, folder, environ = marshal.loads(message)  # noqa: S302 - from the tests themselves
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = arguments
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    import_all()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as endpoint:
        endpoint.bind(f"{sys.argv[1]}.new")
        endpoint.listen(16)
        Path(f"{sys.argv[1]}.new").rename(sys.argv[1])  # whoever sees it can connect
        serve(endpoint)
