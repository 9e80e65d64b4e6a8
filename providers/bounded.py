"""Answers over HTTP with an end: so many bytes and so many seconds, for libraries that would read for ever.

The address of a server may come from a file that a stranger wrote.
"""

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

LIMIT_BYTES: Final = 1024 * 1024
LIMIT_SECONDS: Final = 30.0
_AT_ONCE: Final = 64 * 1024


class TooMuch(requests.RequestException):
    """An answer is too long, or too slow."""


def session() -> requests.Session:
    """A session of requests whose answers are read at once, and only so far."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Bounded())
    return made


@contextmanager
def _hurried(connection: HTTPConnection) -> Iterator[None]:
    """Hang up when the head of an answer is not there in time: a time limit of a socket begins anew with each byte."""
    timer = Timer(LIMIT_SECONDS, _hang_up, (connection.sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS has a `shutdown` of its own, not for another thread


class _Http(HTTPConnection):
    def getresponse(self) -> Any:
        with _hurried(self):
            return super().getresponse()


class _Https(HTTPSConnection):
    def getresponse(self) -> Any:
        with _hurried(self):
            return super().getresponse()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _Bounded(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        manager: Any = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Raises: requests.RequestException, TooMuch among them."""
        try:
            return self._read(request, *arguments, **options)
        except HTTPError as error:  # requests lets those about names of hosts through, and answers are read here
            raise requests.ConnectionError(f"the answer cannot be read: {type(error).__name__}") from error

    def _read(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        deadline = time.monotonic() + LIMIT_SECONDS
        response: requests.Response = super().send(request, *arguments, **{**options, "stream": True})
        body = bytearray()
        with response.raw as answer:
            more = True
            while more:
                chunk = answer.read1(_AT_ONCE, decode_content=True)
                body += chunk
                more = bool(chunk)
                if len(body) > LIMIT_BYTES or time.monotonic() > deadline:
                    raise TooMuch(f"more than {LIMIT_BYTES} bytes, or longer than {LIMIT_SECONDS:g} s", request=request)
        response.raw = io.BytesIO(body)
        return response
