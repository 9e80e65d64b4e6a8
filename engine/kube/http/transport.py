"""Requests and answers over kept connections: no retries and no meaning, those are `engine.kube.session`'s.

A request is written by us in one piece, the answer is parsed by the standard library's http.client. What goes
wrong ends in `Broken`, which says how far the request got, because that decides whether it may be repeated.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from engine.kube.config import Connection
from engine.kube.credentials import ClientCertificate, Headers
from engine.kube.http.broken import Broken, Stage, explain
from engine.kube.http.channel import Channel
from engine.kube.http.route import make_route
from engine.kube.http.tls import make_context

IDLE_SECONDS = 60.0
"""A connection unused for longer is not trusted any more. The API server closes its side after 90 s, some load
balancers forget it without a word after 240 s. Source: k8s.io/apiserver pkg/server/secure_serving.go, IdleTimeout."""

CHUNK = 1 << 18  # bytes asked for at once: bounds what a lying Content-Length can make us allocate


class Response(NamedTuple):
    """A whole answer. Its print shows no content."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class TooMuch(Exception):
    """The answer is larger than the caller wanted; nothing of it is kept."""


class Opened:
    """An answer that is still coming, such as a watch. `abort` may be called from any thread."""

    def __init__(self, channel: Channel, response: http.client.HTTPResponse, timeout_seconds: float) -> None:
        self.status = response.status
        self.headers = response.headers
        self._channel = channel
        self._response = response
        self._timeout = timeout_seconds

    def read(self, limit: int) -> bytes:
        """All that is left. Raises: Broken, TooMuch."""
        return _read(self._response, limit, self._timeout)

    def lines(self, limit: int) -> Iterator[bytes]:
        """Each line when it is complete, without its end; empty ones are left out. Raises: Broken, TooMuch."""
        rest = b""
        while piece := self._piece():
            *whole, rest = (rest + piece).split(b"\n")
            yield from filter(None, whole)
            if len(rest) > limit:
                raise TooMuch

    def abort(self) -> None:
        """End the answer now: whoever waits for a line gets Broken, or no further line."""
        self._channel.abort()

    def _piece(self) -> bytes:
        try:
            return self._response.read1(CHUNK)
        except OSError as error:
            raise explain(error, Stage.READING, self._timeout) from error
        except (http.client.HTTPException, ValueError) as error:
            raise explain(error, Stage.READING, self._timeout) from None


class Transport:
    """Kept connections to one server, as many as requests ran at the same time; thread-safe.

    An idle connection serves whichever thread asks next, the one used last first, so threads that come and go
    leave no sockets behind.
    """

    def __init__(self, connection: Connection, *, timeout_seconds: float, connect_timeout_seconds: float) -> None:
        self._connection = connection
        self._route = make_route(connection)
        self._timeout = timeout_seconds
        self._connect_timeout = connect_timeout_seconds
        self._lock = threading.Lock()
        self._idle: list[Channel] = []
        self._used: set[Channel] = set()
        self._is_closed = False
        self._tls: tuple[ClientCertificate | None, ssl.SSLContext] | None = None

    def exchange(
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | None,
        *,
        limit: int,
        before_sending: Callable[[], None] | None = None,
    ) -> Response:
        """Send a request and read its whole answer of at most `limit` bytes.

        `before_sending` is called when the connection stands and the next thing is to send; it stops that by raising.
        Raises: Broken, TooMuch, ConfigError, LoginError, and what `before_sending` raises.
        """
        with self._channel() as channel:
            response = self._ask(channel, method, url, headers, body, before_sending=before_sending)
            with response:
                content = _read(response, limit, self._timeout)
            if not response.will_close:
                channel.used_at = time.monotonic()
            return Response(response.status, response.headers, content)

    @contextmanager
    def open(self, url: str, headers: Headers, *, timeout_seconds: float) -> Iterator[Opened]:
        """GET, and hand the answer out while it comes; each wait for more of it ends after `timeout_seconds`.

        Raises: Broken, ConfigError, LoginError.
        """
        with self._channel() as channel, self._ask(channel, "GET", url, headers, None) as response:
            channel.set_timeout(timeout_seconds)
            yield Opened(channel, response, timeout_seconds)

    def drop_idle(self) -> None:
        """Let every further exchange use a new connection, with the client certificate that is valid then."""
        with self._lock:
            idle, self._idle = self._idle, []
        for channel in idle:
            channel.close()

    @property
    def certificate(self) -> ClientCertificate | None:
        """The client certificate presented last."""
        return self._tls[0] if self._tls else None

    def close(self) -> None:
        """End all exchanges now, in whatever threads they run: they raise Broken."""
        with self._lock:
            self._is_closed = True
            used = list(self._used)
        self.drop_idle()
        for channel in used:
            channel.abort()

    @contextmanager
    def _channel(self) -> Iterator[Channel]:
        """A connection for one exchange; kept afterwards when the exchange has marked it as used up to its end."""
        channel = self._take_idle()
        reused = channel is not None
        if channel is None:
            channel = self._connect()
        began = time.monotonic()
        try:
            yield channel
        except Broken as broken:
            broken.reused = reused
            if reused:
                self.drop_idle()  # the others have most likely met the same end
            self._say_if_closed(broken)
            raise
        finally:
            self._put_back(channel, keep=channel.used_at >= began)

    def _take_idle(self) -> Channel | None:
        with self._lock:
            while self._idle and not self._is_closed:
                channel = self._idle.pop()
                if channel.is_fresh(IDLE_SECONDS):
                    self._used.add(channel)
                    return channel
                channel.close()
        return None

    def _connect(self) -> Channel:
        channel = Channel(self._route, self._context())
        with self._lock:
            if self._is_closed:
                raise Broken(Stage.CONNECTING, "the client is closed")
            self._used.add(channel)
        try:
            channel.connect(self._connect_timeout)
            channel.set_timeout(self._timeout)
        except (OSError, http.client.HTTPException) as error:
            self._put_back(channel, keep=False)
            broken = explain(error, Stage.CONNECTING, self._connect_timeout)
            self._say_if_closed(broken)
            raise broken from error
        return channel

    def _put_back(self, channel: Channel, *, keep: bool) -> None:
        with self._lock:
            self._used.discard(channel)
            if keep and not self._is_closed:
                self._idle.append(channel)
                return
        channel.close()

    def _context(self) -> ssl.SSLContext | None:
        if self._route.tls_name is None:
            return None
        certificate = self._connection.client_certificate()
        with self._lock:
            if self._tls is None or self._tls[0] != certificate:
                self._tls = (certificate, make_context(self._connection, certificate))
            return self._tls[1]

    def _ask(
        self,
        channel: Channel,
        method: str,
        url: str,
        headers: Headers,
        body: bytes | None,
        *,
        before_sending: Callable[[], None] | None = None,
    ) -> http.client.HTTPResponse:
        # No compression is asked for: on loopback, 5 000 Secrets (14 MB) took 0.35 s to list with it, 0.21 s without.
        lines = [f"{method} {self._route.prefix}{url} HTTP/1.1", f"Host: {self._route.host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        if self._route.proxy_authorization and self._route.tunnel is None:
            lines.append(f"Proxy-Authorization: {self._route.proxy_authorization}")
        head = "\r\n".join([*lines, "", ""]).encode("ascii")
        message = head if body is None else head + body
        if before_sending is not None:
            before_sending()
        try:
            channel.send(message)
        except OSError as error:
            raise explain(error, Stage.SENDING, self._timeout) from error
        try:
            return channel.answer(method)
        except OSError as error:
            raise explain(error, Stage.WAITING, self._timeout) from error
        except (http.client.HTTPException, ValueError) as error:
            raise explain(error, Stage.WAITING, self._timeout) from None

    def _say_if_closed(self, broken: Broken) -> None:
        """After `close` the true reason is that one, whatever the socket says."""
        if self._is_closed:
            broken.why, broken.hint = "the client is closed", None


def _read(response: http.client.HTTPResponse, limit: int, timeout_seconds: float) -> bytes:
    declared = response.length
    if declared is not None and declared > limit:
        raise TooMuch
    try:
        if declared is not None and declared <= CHUNK:
            return response.read()
        pieces: list[bytes] = []
        size = 0
        while piece := response.read(CHUNK):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise TooMuch
    except OSError as error:
        raise explain(error, Stage.READING, timeout_seconds) from error
    except (http.client.HTTPException, ValueError) as error:
        raise explain(error, Stage.READING, timeout_seconds) from None
    if declared is not None and size != declared:
        raise Broken(Stage.READING, "it is not complete")
    return b"".join(pieces)
