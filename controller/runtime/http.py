"""A small HTTP server on plain threads: few paths, every wait bounded, and no way to hold it up from outside.

Why not a framework: docs/decisions/0004-http-server.md.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from controller.runtime.httpconnection import Connection
from controller.runtime.httpwire import Refused, Request, Response, serialize, text
from engine.errors import KsealError

Handler = Callable[[Request], Response]
Observer = Callable[[str | None, str, int, float], None]
"""Told of each answer: path of the route (None for unknown ones), method, status, seconds."""

MAX_CONNECTIONS: Final = 64
ANY_METHOD: Final = "*"
SMALL_BODY: Final = 64 * 1024
"""Bytes of body that each connection may hold; larger ones only a few at a time, which bounds the memory."""
LARGE_BODIES: Final = 4
_PAUSE_SECONDS: Final = 0.1  # when the system has no more descriptors


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a path. A route for GET answers HEAD too, one for ANY_METHOD all that have none of their own.

    With `is_tree` the path ends in `/`, and all below it is answered that no other route names.
    """

    method: str
    path: str
    handler: Handler
    is_observed: bool = True
    """Counted and timed; probes are not."""
    body_limit: int = 0
    """Bytes of body that a request may bring."""
    is_tree: bool = False


class HttpServer:
    """Serves `routes` on `address` until `stop`; each connection has a thread while it lasts.

    A client has `read_timeout` seconds for a whole request (and 10 for its headers), and `write_timeout` for taking the
    whole answer. When all connections are taken, the one that has waited longest for its client gives way to a new one,
    so that silent connections never keep a probe out; where all of them are at work, the new one is told 503.
    What a handler raises goes to `on_error` and the client learns nothing of it.
    """

    def __init__(
        self,
        address: str,
        routes: Iterable[Route],
        *,
        observe: Observer,
        on_error: Callable[[Exception], None],
        read_timeout: float = 120.0,
        write_timeout: float = 120.0,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._address = address
        self._routes = {(route.method, route.path): route for route in routes}
        self._trees = sorted({route.path for route in self._routes.values() if route.is_tree}, key=len, reverse=True)
        self._paths = {path for _, path in self._routes}
        self._large_bodies = threading.BoundedSemaphore(LARGE_BODIES)
        self._observe = observe
        self._on_error = on_error
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._max_connections = max_connections
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._is_stopping = False
        self._listener: socket.socket | None = None
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, name=f"http {address}", daemon=True)

    def start(self) -> None:
        """Listen and serve; once only. Raises: KsealError when the address cannot be used."""
        self._listener = listen(self._address)
        self._acceptor.start()

    @property
    def port(self) -> int:
        """The port that it listens on, also where the address said 0."""
        if self._listener is None:
            raise RuntimeError("the server has not been started")
        number: int = self._listener.getsockname()[1]
        return number

    def stop(self, timeout: float) -> None:
        """Accept nothing more, end idle connections, and give answers under way up to `timeout` seconds."""
        deadline = time.monotonic() + timeout
        self._is_stopping = True
        self._wake.close()
        if self._acceptor.ident is not None:
            self._acceptor.join(timeout)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.end_if_waiting()
        for connection in connections:
            connection.thread.join(max(deadline - time.monotonic(), 0.0))
            connection.abort()
        if self._listener is not None:
            self._listener.close()
        self._woken.close()

    def answer(self, request: Request) -> tuple[Response, Route | None]:
        """The response to a request and the route that gave it. Never raises."""
        route = self._route(request)
        if route is None:
            return self._without_route(request.path), None
        try:
            return route.handler(request), route
        except Exception as error:  # noqa: BLE001 - a defect of one handler ends one request
            self._on_error(error)
            return text(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error"), route

    def _route(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        path = self._known(request.path)
        return self._routes.get((method, path)) or self._routes.get((ANY_METHOD, path))

    def _known(self, path: str) -> str:
        """The path of the route that is responsible; the given one where there is none."""
        if path in self._paths:
            return path
        return next((tree for tree in self._trees if path.startswith(tree)), path)

    def _body_limit(self, request: Request) -> int:
        route = self._route(request)
        return route.body_limit if route else 0

    def _without_route(self, path: str) -> Response:
        path = self._known(path)
        if path not in self._paths:
            return text(HTTPStatus.NOT_FOUND, "not found")
        allowed = {method for method, known in self._routes if known == path}
        allowed |= {"HEAD"} if "GET" in allowed else set()
        refusal = text(HTTPStatus.METHOD_NOT_ALLOWED, "method not allowed")
        return replace(refusal, headers=(("Allow", ", ".join(sorted(allowed))),))

    def _accept(self) -> None:
        assert self._listener is not None  # noqa: S101 - `start` has set it; said for the type checker
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._is_stopping:
                selector.select()
                try:
                    accepted, _ = self._listener.accept()
                except BlockingIOError:
                    continue  # woken to stop, or the client is gone already
                except OSError:
                    time.sleep(_PAUSE_SECONDS)
                else:
                    self._take_in(accepted)

    def _take_in(self, accepted: socket.socket) -> None:
        connection = Connection(accepted, self._serve)
        with self._lock:
            is_room = not self._is_stopping and self._make_room()
            if is_room:
                self._connections.add(connection)
        if is_room:
            connection.thread.start()
        else:
            self._observe(None, "", HTTPStatus.SERVICE_UNAVAILABLE, 0.0)
            with accepted, suppress(OSError):
                accepted.setblocking(False)  # one packet that fits, or nothing
                accepted.send(_bytes(text(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")))

    def _make_room(self) -> bool:
        """End the connection that has waited longest when all are taken; False when none of them waits."""
        if len(self._connections) < self._max_connections:
            return True
        waiting = [connection for connection in self._connections if connection.waiting_since is not None]
        if not waiting:
            return False
        longest = min(waiting, key=lambda connection: connection.waiting_since or 0.0)
        self._connections.discard(longest)
        longest.end_if_waiting()
        return True

    def _serve(self, connection: Connection) -> None:
        try:
            with suppress(OSError):  # the client went away, or was too slow for the answer
                while self._serve_one(connection):
                    pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _serve_one(self, connection: Connection) -> bool:
        """Read one request and answer it; False when the connection is to end. Raises: OSError."""
        with ExitStack() as held:
            return self._serve_with(connection, held)

    def _serve_with(self, connection: Connection, held: ExitStack) -> bool:
        def admit(request: Request, length: int) -> None:
            if length > (limit := self._body_limit(request)):
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {limit} bytes here")
            if length > SMALL_BODY:
                if not self._large_bodies.acquire(blocking=False):
                    raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many large bodies at once")
                held.callback(self._large_bodies.release)

        started = time.monotonic()
        try:
            request = connection.read(self._read_timeout, admit)
        except Refused as refused:
            self._observe(None, "", refused.status, time.monotonic() - started)
            connection.write(_bytes(text(refused.status, refused.why)), self._write_timeout)
            connection.linger()
            return False
        if request is None:
            return False
        started = time.monotonic()
        response, route = self.answer(request)
        keep_alive = request.keep_alive and not self._is_stopping
        with_body = request.method != "HEAD"
        answer = serialize(response, datetime.now(UTC), keep_alive=keep_alive, with_body=with_body)
        if response.file is not None:
            held.enter_context(response.file)
        try:
            connection.write(answer, self._write_timeout)
            if response.file is not None and with_body:
                connection.write_file(response.file, response.size, self._write_timeout)
        finally:
            if route is None or route.is_observed:
                path = route.path if route else None
                self._observe(path, request.method, response.status, time.monotonic() - started)
        return keep_alive


def listen(address: str) -> socket.socket:
    """A listening socket for an address as Go writes it: `:8080` (all, both families), `127.0.0.1:0`, `[::1]:80`.

    Raises: KsealError naming the address.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise KsealError(f'address "{address}": not understood', "write HOST:PORT, or :PORT for all addresses")
    host = host.removeprefix("[").removesuffix("]")
    try:
        listener = _bind(host, int(port))
    except OSError as error:
        raise KsealError(f'address "{address}": cannot listen: {error.strerror or error}') from error
    listener.setblocking(False)
    return listener


def _bind(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        with suppress(OSError):  # a kernel may know IPv6 and have it turned off
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    family = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)[0][0]  # noqa: S104 - asked for
    return socket.create_server((host, port), family=family, backlog=128)


def _bytes(response: Response) -> bytes:
    return serialize(response, datetime.now(UTC), keep_alive=False, with_body=True)
