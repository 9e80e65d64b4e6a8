"""One HTTP exchange with an address that was checked and pinned: perhaps through a proxy, perhaps under TLS.

What answers is a stranger: the answer is bounded in size, the whole exchange in time, and nothing is followed.
"""

import http.client
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from engine.errors import KsealError
from engine.git import socks

CHUNK: Final = 1 << 16
_PORTS: Final = {"http": 80, "https": 443, "ssh": 22}
_FAULTS: Final = (OSError, http.client.HTTPException, ValueError)
"""Of sockets, TLS and the HTTP parser; ValueError is what the parser lets through for some malformed numbers."""


class WireError(KsealError):
    """An exchange that did not come to an end. Never repeats what was sent."""


class Pinned(NamedTuple):
    """An address, checked: what to dial for a name."""

    family: int
    address: str
    port: int


class Resolver(Protocol):
    """Decides what may be dialled. engine.source.guard.Guard is one."""

    def resolve(self, host: str, port: int) -> Pinned: ...


class Origin(NamedTuple):
    """Who answers for a URL."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if _PORTS[self.scheme] == self.port else f"{host}:{self.port}"


class Proxy(NamedTuple):
    """Stands between. Its print shows no password."""

    scheme: str
    """http, https or socks5."""
    host: str
    port: int
    username: str = ""
    password: str = ""
    is_trusted: bool = False
    """Named by whoever runs the program, and not by a user of the cluster: its address is not judged."""

    def __repr__(self) -> str:
        return f"<Proxy {self.scheme}://{self.host}:{self.port}>"

    @property
    def authorization(self) -> str | None:
        """For the header Proxy-Authorization."""
        if not self.username:
            return None
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()


class Route(NamedTuple):
    """How to get there."""

    resolver: Resolver
    tls: ssl.SSLContext
    proxy: Proxy | None = None
    proxy_tls: ssl.SSLContext | None = None


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def origin_of(url: str) -> Origin:
    """Raises: WireError for a URL without host, or with a scheme that has no port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WireError("the URL cannot be read") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise WireError("the URL has no host", "for example: https://git.example.org/team/apps.git")
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def exchange(
    method: str,
    url: str,
    *,
    route: Route,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_seconds: float,
    size_limit: int,
) -> Answer:
    """Ask and read the whole answer. Raises: WireError as `opened`, and for an answer that is too large."""
    with opened(method, url, route=route, headers=headers, body=body, timeout_seconds=timeout_seconds) as response:
        parts = []
        left = size_limit
        while chunk := response.read():
            left -= len(chunk)
            if left < 0:
                raise WireError(f"{origin_of(url).netloc}: the answer is larger than {size_limit} bytes")
            parts.append(chunk)
        return Answer(response.status, response.headers, b"".join(parts))


class Opened:
    """An answer that is still coming."""

    def __init__(self, response: http.client.HTTPResponse, origin: Origin, watch: "_Watch") -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._origin = origin
        self._watch = watch

    def read(self) -> bytes:
        """What has come, empty at the end. Raises: WireError when it breaks off."""
        try:
            chunk = self._response.read1(CHUNK)
            if not chunk and self._response.length:  # http.client takes a hang-up here for the end
                raise http.client.IncompleteRead(b"", self._response.length)
        except _FAULTS as error:
            raise _explained(error, self._origin, self._watch) from error
        return chunk


@contextmanager
def opened(
    method: str,
    url: str,
    *,
    route: Route,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_seconds: float,
) -> Iterator[Opened]:
    """Ask; the answer is read inside the context, all of it within the time.

    Raises: WireError when the other side cannot be reached, breaks off or speaks no HTTP; whatever the resolver does.
    """
    origin = origin_of(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = {"Host": origin.netloc, "Accept-Encoding": "identity", "Connection": "close", **headers}
    if route.proxy is not None and origin.scheme == "http" and route.proxy.scheme != "socks5":
        target = f"http://{origin.netloc}{target}"
        sent |= {"Proxy-Authorization": route.proxy.authorization} if route.proxy.authorization else {}
    watch = _Watch(timeout_seconds)
    try:
        try:
            response = _ask(method, target, sent, body, _dial(origin, route, timeout_seconds, watch))
        except _FAULTS as error:
            raise _explained(error, origin, watch) from error
        with response:
            yield Opened(response, origin, watch)
    finally:
        watch.end()


@contextmanager
def reached(origin: Origin, route: Route, *, timeout_seconds: float) -> Iterator[socket.socket]:
    """A connection through a proxy to something that speaks no HTTP. Raises: WireError; whatever the resolver does."""
    watch = _Watch(timeout_seconds)
    try:
        try:
            current = _dial(origin, route, timeout_seconds, watch)
        except _FAULTS as error:
            raise _explained(error, origin, watch) from error
        watch.rest()
        yield current
    finally:
        watch.end()


def _ask(
    method: str, target: str, headers: Mapping[str, str], body: bytes | None, plain: socket.socket
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("unused")
    connection.sock = plain
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in (headers if body is None else {**headers, "Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


class _Watch:
    """Ends what takes too long as a whole; the socket's own time-out counts from byte to byte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._socket: socket.socket | None = None
        self.is_over = False
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True
        self._timer.start()

    def follow(self, current: socket.socket) -> None:
        self._socket = current
        if self.is_over:
            raise TimeoutError

    def rest(self) -> None:
        """No limit from here on."""
        self._timer.cancel()

    def end(self) -> None:
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    def _strike(self) -> None:
        self.is_over = True
        if (current := self._socket) is not None:
            with suppress(OSError):  # gone by itself meanwhile
                # Not SSLSocket.shutdown: it drops the TLS state that the other thread is reading with.
                socket.socket.shutdown(current, socket.SHUT_RDWR)


def _dial(origin: Origin, route: Route, seconds: float, watch: _Watch) -> socket.socket:
    proxy = route.proxy
    if proxy is None:
        current = _connected(route.resolver.resolve(origin.host, origin.port), seconds, watch)
    else:
        current = _at_proxy(proxy, route, seconds, watch)
        if proxy.scheme == "socks5":
            socks.ask(current, origin.host, origin.port, proxy.username, proxy.password)
        elif origin.scheme != "http":
            _ask_tunnel(current, origin, proxy)
    return _under_tls(current, route.tls, origin.host, watch) if origin.scheme == "https" else current


def _at_proxy(proxy: Proxy, route: Route, seconds: float, watch: _Watch) -> socket.socket:
    if proxy.is_trusted:
        family, _, _, _, address = socket.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)[0]
        pinned = Pinned(family, str(address[0]), proxy.port)
    else:
        pinned = route.resolver.resolve(proxy.host, proxy.port)
    current = _connected(pinned, seconds, watch)
    if proxy.scheme == "https":
        return _under_tls(current, route.proxy_tls or route.tls, proxy.host, watch)
    return current


def _connected(pinned: Pinned, seconds: float, watch: _Watch) -> socket.socket:
    current = socket.socket(pinned.family, socket.SOCK_STREAM)
    try:
        current.settimeout(seconds)
        watch.follow(current)
        current.connect((pinned.address, pinned.port))
        watch.follow(current)
        current.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        current.close()
        raise
    return current


def _ask_tunnel(current: socket.socket, origin: Origin, proxy: Proxy) -> None:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
    lines += [f"Proxy-Authorization: {proxy.authorization}"] if proxy.authorization else []
    current.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))
    with http.client.HTTPResponse(current, method="CONNECT") as response:
        response.begin()
        if response.status != http.client.OK:
            raise WireError(f"the proxy {proxy.host}:{proxy.port} answered {response.status}")


def _under_tls(plain: socket.socket, tls: ssl.SSLContext, name: str, watch: _Watch) -> socket.socket:
    wrapped = tls.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    watch.follow(wrapped)
    wrapped.do_handshake()
    return wrapped


def _explained(error: Exception, origin: Origin, watch: _Watch) -> WireError:
    """In words. Texts of the HTTP parser quote the answer and are not kept."""
    who = origin.netloc
    if isinstance(error, TimeoutError) or watch.is_over:
        return WireError(f"{who}: no answer within {watch.seconds:g} s")
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".").lower()
        return WireError(f"{who}: its certificate is not trusted: {why}", "a private authority goes into ca.crt")
    if isinstance(error, ssl.SSLError):
        return WireError(f"{who}: tls: {(error.reason or 'handshake failed').lower().replace('_', ' ')}")
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead)):
        return WireError(f"{who}: the answer broke off")
    if isinstance(error, OSError):
        return WireError(f"{who}: {(error.strerror or str(error) or type(error).__name__).lower()}")
    return WireError(f"{who}: it is no HTTP ({type(error).__name__})")
