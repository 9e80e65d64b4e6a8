"""The real sops as a key service, for kinds of key that we have no plug-in for, such as Huawei's.

It runs as `sops keyservice` on a Unix socket in a folder of our own, so that neither keys nor data are among its
arguments, and it meets the cloud with the person's environment as it always does. It ends with us, even when we are
killed: a shell between us waits for the end of a pipe that only we hold.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.remote import RemoteKeys

_START_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01
_END_SECONDS: Final = 5.0
# In the background the program has no input of ours; `cat` has it, and ends when we close it or are gone.
_WITH_US: Final = '"$@" & cat >/dev/null; kill $!; wait; rm -rf "$0"'


class BorrowedKeys:
    """Serves every kind of key that the program knows, from the first call until `close`."""

    def __init__(self, environ: Mapping[str, str], *, program: str = "sops") -> None:
        """`program` is a path, or a name to be found on the PATH of `environ`."""
        self._environ = environ
        self._program = program
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._client: RemoteKeys | None = None

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """Raises: KsealError."""
        return self._served().wrap(key, data)

    def unwrap(self, key: MasterKey) -> bytes:
        """Raises: KsealError."""
        return self._served().unwrap(key)

    def close(self) -> None:
        """End the program and remove its socket."""
        with self._lock:
            if self._client:
                self._client.close()
            self._client = None
            if self._child:
                self._end(self._child)
            self._child = None

    def _served(self) -> RemoteKeys:
        with self._lock:
            if self._client is None:
                self._client = self._started()
            return self._client

    def _started(self) -> RemoteKeys:
        program = shutil.which(self._program, path=self._environ.get("PATH"))
        if program is None or not Path(program).is_absolute():  # a repository must not bring the program
            raise KsealError(f'cannot start "{self._program}": it is not on the PATH', "install sops from getsops/sops")
        self._folder = tempfile.mkdtemp(prefix="kseal-keys-")  # 0700: the protocol lets in whoever reaches the socket
        socket = Path(self._folder, "socket")
        serving = [program, "keyservice", "--network", "unix", "--address", str(socket)]
        command = ["/bin/sh", "-c", _WITH_US, self._folder, *serving]
        environ = {**self._environ, "SOPS_DISABLE_VERSION_CHECK": "true"}
        silent = subprocess.DEVNULL
        child = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=silent, stderr=silent)
        deadline = time.monotonic() + _START_SECONDS
        while not socket.is_socket():
            if time.monotonic() > deadline:
                self._end(child)
                raise KsealError(f'"{program} keyservice" does not serve keys after {_START_SECONDS:g} s')
            time.sleep(_POLL_SECONDS)
        self._child = child
        return RemoteKeys(f"unix://{socket}")

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            shutil.rmtree(self._folder, ignore_errors=True)  # else the shell has removed it
