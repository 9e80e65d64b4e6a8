"""The command line without the time of its start: a process that has all its modules forks for each call.

For tests of what a command line says and does, where they make hundreds of calls: one takes 10 ms instead of 60. How
the program starts, which modules it imports and how signals end it is shown by tests that start the real one.
"""

import marshal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.kit.process import Nest
from tests.kit.tree import ROOT

_LIMIT_SECONDS: Final = 60.0

# Python without its site packages starts in 8 ms, of which importing `socket` instead of `_socket` would make 20.
_SCRIPT: Final = """#!@PYTHON@ -IS
# Instead of the script that calls sealer.cli.main: asks the process of tests/kit/warm.py.
import _socket, marshal, os, sys
asked = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
asked.connect(@PATH@)
words = [word.replace("/dev/fd/", f"/proc/{os.getpid()}/fd/") for word in sys.argv]
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
message = marshal.dumps((words, os.getcwd(), dict(os.environ)))
asked.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
code = int(asked.recv(16))
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class WarmKseal:
    """`kseal` as a function, and as a program for shells. It ends with its nest."""

    def __init__(self, nest: Nest) -> None:
        self._path = str(nest.folder / "warm")
        environ = {**nest.bare_environment(), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        self.program = nest.folder / "bin" / "kseal"
        """Calls it from a shell; its folder can be put on a PATH."""
        server = Path(__file__).with_name("warmserver.py")
        process = nest.start("warm", [sys.executable, server, self._path], env=environ)
        self.program.parent.mkdir()
        self.program.write_text(_SCRIPT.replace("@PYTHON@", sys.executable).replace("@PATH@", repr(self._path)))
        self.program.chmod(0o755)
        process.wait_ready(lambda: Path(self._path).exists())

    def run(
        self, words: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str], given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command line with `given` as its standard input."""
        arguments = [str(self.program), *map(str, words)]
        message = marshal.dumps((arguments, str(folder), dict(environ)))
        with (
            tempfile.TemporaryFile(dir=self.program.parent) as source,
            tempfile.TemporaryFile(dir=self.program.parent) as output,
            tempfile.TemporaryFile(dir=self.program.parent) as errors,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked,
        ):
            source.write(given)
            source.seek(0)
            asked.settimeout(_LIMIT_SECONDS)
            asked.connect(self._path)
            socket.send_fds(asked, [message], [file.fileno() for file in (source, output, errors)])
            code = int(asked.recv(16))
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(arguments, code, output.read(), errors.read())
