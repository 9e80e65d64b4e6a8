"""One client of the HTTP server: requests out of its socket, answers into it, and a bound on every wait for it."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import BinaryIO, Final

from controller.runtime.httpwire import HEAD_LIMIT, Refused, Request, parse_head, split_head

_HEAD_SECONDS: Final = 10.0  # from the first byte of a request to the end of its headers
_IDLE_SECONDS: Final = 60.0  # between two requests on a connection, and before the first byte
_LINGER_SECONDS: Final = 1.0
_PIECE: Final = 256 * 1024  # of a file, at a time


class Connection:
    """One client: its socket, its thread, and since when we wait for it."""

    def __init__(self, client: socket.socket, serve: Callable[["Connection"], None]) -> None:
        self.thread: Final = threading.Thread(target=serve, args=(self,), name="http client", daemon=True)
        self.waiting_since: float | None = time.monotonic()
        """Monotonic; None while a request is complete and being answered."""
        self._socket = client
        self._received = bytearray()

    def read(self, timeout: float, admit: Callable[[Request, int], None]) -> Request | None:
        """The next request, or None when the client is done; `timeout` seconds from its first byte to its last one.

        `admit` is given the request without its body, and the length of that, before any of it is read.
        Raises: Refused, OSError.
        """
        self.waiting_since = time.monotonic()
        if not self._received and not self._receive(time.monotonic() + _IDLE_SECONDS):
            return None
        began = time.monotonic()
        while (parts := split_head(self._received)) is None:
            self._receive_more(began + min(_HEAD_SECONDS, timeout))
        head, rest = parts
        request, length = parse_head(head)
        admit(request, length)
        self._received = bytearray(rest)
        while len(self._received) < length:
            self._receive_more(began + timeout)
        body, self._received = bytes(self._received[:length]), self._received[length:]
        self.waiting_since = None
        return replace(request, body=body) if body else request

    def write(self, answer: bytes, timeout: float) -> None:
        """Send all of it within `timeout` seconds. Raises: OSError."""
        self._socket.settimeout(timeout)  # for the whole of sendall
        self._socket.sendall(answer)

    def write_file(self, file: BinaryIO, size: int, timeout: float) -> None:
        """Send `size` bytes of a file within `timeout` seconds, never holding more than a piece. Raises: OSError."""
        deadline = time.monotonic() + timeout
        while size:
            piece = file.read(min(size, _PIECE))
            if not piece:
                raise ConnectionError("a file is shorter than was said")  # the client sees a body that breaks off
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(piece)
            size -= len(piece)

    def linger(self) -> None:
        """Let the client read our last words: closing over unread bytes would reset the connection under it."""
        deadline = time.monotonic() + _LINGER_SECONDS
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(HEAD_LIMIT):
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                if not self._socket.recv(HEAD_LIMIT):
                    return

    def end_if_waiting(self) -> None:
        """End it from another thread, unless a request is being answered."""
        if self.waiting_since is not None:
            self.abort()

    def abort(self) -> None:
        """End it from another thread: its own thread wakes up and closes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _receive_more(self, deadline: float) -> None:
        try:
            alive = self._receive(deadline)
        except TimeoutError as error:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request took too long") from error
        if not alive:
            raise ConnectionError("the client left in the middle of a request")

    def _receive(self, deadline: float) -> bool:
        """Wait for some bytes; False at the end of the stream. Raises: TimeoutError, OSError."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        received = self._socket.recv(HEAD_LIMIT)
        self._received += received
        return bool(received)
