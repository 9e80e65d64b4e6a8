"""One connection: dialled, perhaps through a proxy, perhaps under TLS; to be aborted from any thread."""

import contextlib
import http.client
import select
import socket
import ssl
import time

from engine.kube.http.route import Address, Route


class Aborted(ConnectionError):
    """Another thread has ended this connection on purpose."""


class ProxyRefused(ConnectionError):
    """The proxy would not connect us."""


_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds and counts: a peer that vanished without a word is noticed within 45 s, also in the quiet of a watch."""


class Channel:
    """A socket with its story. One thread at a time uses it; `abort` alone may come from any other."""

    def __init__(self, route: Route, tls: ssl.SSLContext | None) -> None:
        self._route = route
        self._tls = tls
        self._socket: socket.socket | None = None
        self._is_aborted = False
        self.used_at = 0.0
        """When the last answer was complete, monotonic; 0 before the first one."""

    def connect(self, timeout_seconds: float) -> None:
        """Raises: OSError (TLS errors among them), HTTPException."""
        if isinstance(self._route.dial, Address):
            self._dial(self._route.dial, timeout_seconds)
        else:
            self._try(socket.AF_UNIX, self._route.dial, timeout_seconds)
        if self._route.tunnel is not None:
            self._ask_proxy(self._route.tunnel)
        if self._tls is not None:
            self._wrap(self._tls)

    def send(self, request: bytes) -> None:
        """Raises: OSError; then the server has not got the whole request and cannot act on it."""
        self._open.sendall(request)

    def answer(self, method: str) -> http.client.HTTPResponse:
        """Wait for status and headers. Raises: OSError, HTTPException."""
        response = http.client.HTTPResponse(self._open, method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        return response

    def set_timeout(self, seconds: float) -> None:
        """For each following wait for the other side."""
        self._open.settimeout(seconds)

    def is_fresh(self, idle_seconds: float) -> bool:
        """Whether a kept connection may serve again: not idle for too long, and nothing has arrived on it unasked.

        What arrives between two requests is the server's goodbye.
        """
        if time.monotonic() - self.used_at > idle_seconds:
            return False
        poll = select.poll()
        poll.register(self._open, select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """End whatever wait the using thread is in; that thread still has to close."""
        self._is_aborted = True
        if (current := self._socket) is not None:
            with contextlib.suppress(OSError):  # not connected yet, or closed meanwhile
                # Not SSLSocket.shutdown: it drops the TLS state that the other thread is reading with.
                socket.socket.shutdown(current, socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back; safe to repeat."""
        if (current := self._socket) is not None:
            self._socket = None
            current.close()

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise Aborted("closed")
        return self._socket

    def _dial(self, address: Address, timeout_seconds: float) -> None:
        """Try each address that the name has, in the resolver's order. Raises: the last failure."""
        failure: OSError | None = None
        for family, kind, protocol, _, sockaddr in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            try:
                self._try(family, sockaddr, timeout_seconds, kind, protocol)
            except Aborted:
                raise
            except OSError as error:
                failure = error
            else:
                _tune(self._open)
                return
        raise failure or OSError("the name has no address")

    def _try(
        self,
        family: int,
        sockaddr: str | tuple[object, ...],
        timeout_seconds: float,
        kind: int = socket.SOCK_STREAM,
        protocol: int = 0,
    ) -> None:
        current = socket.socket(family, kind, protocol)
        try:
            self._adopt(current)
            current.settimeout(timeout_seconds)
            current.connect(sockaddr)
            self._adopt(current)
        except BaseException:
            self._socket = None
            current.close()
            raise

    def _adopt(self, current: socket.socket) -> None:
        """From here on `abort` reaches this socket; an abort that came just before counts as well."""
        self._socket = current
        if self._is_aborted:
            raise Aborted("closed")

    def _ask_proxy(self, tunnel: Address) -> None:
        lines = [f"CONNECT {tunnel} HTTP/1.1", f"Host: {tunnel}"]
        if self._route.proxy_authorization:
            lines.append(f"Proxy-Authorization: {self._route.proxy_authorization}")
        self.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
        with self.answer("CONNECT") as response:
            if response.status != http.client.OK:
                raise ProxyRefused(f"the proxy {self._route.dial} answered {response.status}")

    def _wrap(self, tls: ssl.SSLContext) -> None:
        plain = self._open
        wrapped = tls.wrap_socket(plain, server_hostname=self._route.tls_name, do_handshake_on_connect=False)
        self._adopt(wrapped)
        wrapped.do_handshake()


def _tune(current: socket.socket) -> None:
    current.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    current.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if (option := getattr(socket, name, None)) is not None:  # macOS lacks one of them
            current.setsockopt(socket.IPPROTO_TCP, option, value)
