"""The way to a server: what to dial, what to ask a proxy for, and what to write into each request."""

from base64 import b64encode
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from engine.kube import proxy
from engine.kube.config import Connection

_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """A host name or IP address without brackets, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Route(NamedTuple):
    """Made once for a Connection."""

    dial: Address | str
    """Where to connect: the server or its proxy; a text is the path of a Unix socket."""
    tunnel: Address | None
    """What the proxy is asked to connect to, for https."""
    proxy_authorization: str | None
    prefix: str
    """What stands before every path: of the server's own URL, and for http through a proxy its whole origin."""
    host: str
    """For the Host header."""
    tls_name: str | None
    """The name that the server's certificate must have; None without TLS."""

    def __repr__(self) -> str:
        return f"<Route to {self.host}>"


def make_route(connection: Connection) -> Route:
    """Raises: ConfigError for a proxy that cannot be used."""
    url = urlsplit(connection.server)
    if url.scheme == "unix":
        return Route(url.path, None, None, "", "localhost", None)
    server = Address(url.hostname or "", url.port or _PORTS[url.scheme])
    host = url.netloc.rpartition("@")[2]
    name = connection.tls_server_name or server.host if url.scheme == "https" else None
    if connection.proxy_url is None:
        return Route(server, None, None, url.path, host, name)
    between = proxy.parse(connection.proxy_url, connection.origin)
    authorization = None
    if between.username is not None:
        pair = f"{unquote(between.username)}:{unquote(between.password or '')}"
        authorization = f"Basic {b64encode(pair.encode()).decode()}"
    dial = Address(between.hostname or "", between.port or _PORTS["http"])
    if name is None:
        return Route(dial, None, authorization, f"http://{host}{url.path}", host, None)
    return Route(dial, server, authorization, url.path, host, name)
