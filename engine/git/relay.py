"""`python -m engine.git.relay HOST PORT`: what ssh runs to get through a proxy; its ends are standard input and output.

The proxy comes by the environment, where other users of the machine do not see its password.
"""

import os
import select
import socket
import ssl
import sys
from typing import Final
from urllib.parse import unquote, urlsplit

from engine.errors import KsealError
from engine.git.wire import CHUNK, Origin, Pinned, Proxy, Route, reached

PROXY: Final = "KSEAL_GIT_PROXY"
"""`scheme://user:password@ADDRESS:port`, the address checked before."""
NAME: Final = "KSEAL_GIT_PROXY_NAME"
"""The name that the proxy's certificate must have."""
_TIMEOUT_SECONDS: Final = 30.0


class _Checked:
    """Dials the address that was checked."""

    def __init__(self, address: str) -> None:
        self._address = address

    def resolve(self, host: str, port: int) -> Pinned:
        del host
        return Pinned(socket.AF_INET6 if ":" in self._address else socket.AF_INET, self._address, port)


def main(host: str, port: int) -> None:
    """Raises: KsealError when the proxy cannot be reached, or refuses."""
    parts = urlsplit(os.environ[PROXY])
    name = os.environ[NAME]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    scheme = parts.scheme.replace("socks5h", "socks5")
    proxy = Proxy(scheme, name, parts.port or 0, user, password)
    route = Route(_Checked(parts.hostname or ""), ssl.create_default_context(), proxy)
    with reached(Origin("ssh", host, port), route, timeout_seconds=_TIMEOUT_SECONDS) as there:
        _pass(there)


def _pass(there: socket.socket) -> None:
    there.settimeout(None)
    ends: list[socket.socket | int] = [there, 0]
    while True:
        is_pending = isinstance(there, ssl.SSLSocket) and there.pending()
        ready: list[socket.socket | int] = [there] if is_pending else select.select(ends, [], [])[0]
        if there in ready:
            if not (data := there.recv(CHUNK)):
                return
            while data:
                data = data[os.write(1, data) :]
        if 0 in ready:
            if data := os.read(0, CHUNK):
                there.sendall(data)
            else:
                ends.remove(0)
                socket.socket.shutdown(there, socket.SHUT_WR)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except (KsealError, OSError) as error:
        sys.exit(f"{error}")
