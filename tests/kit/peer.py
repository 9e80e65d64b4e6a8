"""A peer on loopback that sends what a test tells it to, broken as that may be. For tests of transports only.

It knows HTTP just enough to cut requests out of the stream; it is no API server and stands in for none.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self


class Asked(NamedTuple):
    """One request as it arrived. Header names are in lower case; `pairs` keeps those that come several times."""

    method: str
    target: str
    pairs: list[tuple[str, str]]
    body: bytes
    connection: int
    """Counts from 1."""

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.pairs)


class Wire:
    """One accepted connection, from the peer's side."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.connection = connection
        self.number = number
        self.is_open = True

    def send(self, data: bytes) -> None:
        """Errors are ignored: the client may have gone, and then it is the client that is looked at."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def close(self) -> None:
        """End it in order."""
        if self.is_open:
            self.is_open = False
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
            self.connection.close()

    def reset(self) -> None:
        """End it at once: the client's next read or write fails."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_open = False
        self.connection.close()


Script = Callable[[Asked, Wire], None]
"""Called for each request, in a thread of its connection."""


class Peer:
    """Listens from `start` to `stop`; `requests` and `connections` say what came."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, unix: Path | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self._listener.bind(str(unix) if unix else ("127.0.0.1", 0))
        self._listener.listen(64)
        self.url = f"unix://{unix}" if unix else f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.requests: list[Asked] = []
        self.connections = 0
        self._wires: list[Wire] = []
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    @property
    def port(self) -> int:
        """The TCP port."""
        name = self._listener.getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):  # stopped before
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        for wire in self._wires:
            wire.close()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def wait(self, seconds: float) -> bool:
        """For scripts that take their time: wait, or until the peer stops, which gives True."""
        return self._stopping.wait(seconds)

    def drop_connections(self) -> None:
        """Close all connections, as a server does that is restarted."""
        for wire in self._wires:
            wire.close()

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # stopped
            self.connections += 1
            self._begin(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(10)
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        wire = Wire(connection, number)
        self._wires.append(wire)
        buffer = b""
        try:
            while wire.is_open:
                asked, buffer = _next_request(connection, buffer, number)
                if asked is None:
                    break
                self.requests.append(asked)
                self._script(asked, wire)
        except OSError:
            pass  # the client or the test has ended it
        finally:
            wire.close()


def play(*acts: bytes | Script) -> Script:
    """A script for the whole peer: the first request gets the first act, and so on; the last act serves all others."""
    lock = threading.Lock()
    left = list(acts)

    def script(asked: Asked, wire: Wire) -> None:
        with lock:
            act = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(act, bytes):
            wire.send(act)
        else:
            act(asked, wire)

    return script


def reset(_: Asked, wire: Wire) -> None:
    """An act: end the connection without an answer."""
    wire.reset()


def answer(body: Any = None, status: int = 200, *, content_type: str = "application/json", **headers: str) -> bytes:
    """A whole HTTP answer; a body that is no bytes goes out as JSON. `Retry_After` means `Retry-After`."""
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def refused(status: int, reason: str, message: str = "no", **fields: Any) -> bytes:
    """An answer as an API server's refusal."""
    return answer({"kind": "Status", "code": status, "reason": reason, "message": message, **fields}, status)


def _next_request(connection: socket.socket, buffer: bytes, number: int) -> tuple[Asked | None, bytes]:
    while b"\r\n\r\n" not in buffer:
        if not (piece := connection.recv(65536)):
            return None, b""
        buffer += piece
    head, _, rest = buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = int(dict(pairs).get("content-length", 0))
    while len(rest) < length:
        if not (piece := connection.recv(65536)):
            return None, b""
        rest += piece
    method, target, _ = first.split(" ")
    return Asked(method, target, pairs, rest[:length], number), rest[length:]
