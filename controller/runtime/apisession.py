"""The HTTP session that kopf reads through: logged in as the rest of us, read-only, and overheard.

kopf tells neither when a list is complete nor that a watch still gets its bookmarks, so both are taken from the
requests themselves: a page of a list is seen before kopf gets it, and each piece of a watch as it passes.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec

from controller.runtime.presence import Item, Name
from engine.errors import KsealError
from engine.kube.config import Connection
from engine.kube.credentials import Headers
from engine.kube.errors import Unreachable
from engine.kube.http.broken import Stage, explain
from engine.kube.http.route import make_route
from engine.kube.http.tls import make_context
from engine.kube.refs import Resource
from engine.kube.status import Target, refusal
from engine.version import VERSION

ANSWER_SECONDS = 20.0
"""For the beginning of an answer: of a watch it comes at once, of a list when the first page is put together."""


class Listener(Protocol):
    """Who is told what passes; `path` is the one of the collection, as `Resource.path` has it. Called in the loop."""

    def asked(self, path: str) -> None:
        """A request leaves."""

    def heard(self, path: str) -> None:
        """Something has come that is no refusal."""

    def refused(self, path: str, error: KsealError) -> None:
        """A request failed."""

    def listed(self, path: str, items: list[Item], version: str, *, is_first: bool, is_last: bool) -> None:
        """A page of a list has come."""

    def is_known(self, item: Item) -> bool:
        """Whether this state of an object is known already: then its event need not pass."""


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    resource_version: str
    namespace: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata


class _Change(msgspec.Struct):
    type: str
    object: _Object


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    rest: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    items: list[_Object]
    metadata: _ListMetadata


def open_session(connection: Connection, resource: Resource, listener: Listener) -> tuple[str, aiohttp.ClientSession]:
    """A server URL for kopf, and a session to it; call in the loop that will use it, and close the session there.

    Raises: ConfigError, LoginError.
    """
    route = make_route(connection)
    tls = make_context(connection, connection.client_certificate()) if route.tls_name else None
    connector: aiohttp.BaseConnector
    if isinstance(route.dial, str):
        server, connector = f"http://{route.host}", aiohttp.UnixConnector(route.dial)
    else:
        server, connector = connection.server, aiohttp.TCPConnector(limit=0, ssl=tls or True)
    session = aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": f"kseal/{VERSION} frontdoor"},
        proxy=connection.proxy_url,
        middlewares=[_Doorman(connection, server, resource, listener)],
    )
    return server, session


class _Doorman:
    """Stands between kopf and the network: only questions to our server go out, each with the credentials of now."""

    def __init__(self, connection: Connection, server: str, resource: Resource, listener: Listener) -> None:
        self._connection = connection
        self._server = urlsplit(server)
        self._resource = resource
        self._listener = listener

    async def __call__(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if request.method != "GET" or request.url.raw_authority != self._server.netloc:
            raise RuntimeError(f"the front door only reads from {self._server.netloc}")  # a write, or a redirection
        path = request.url.path.removeprefix(self._server.path.rstrip("/"))
        is_watch = request.url.query.get("watch") == "true"
        self._listener.asked(path)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                response = await self._send(request, send)
            if response.status != 200:
                self._listener.refused(path, await self._refusal(response, path, "watch" if is_watch else "list"))
                return response
            if not is_watch:
                self._note_page(path, await response.read(), is_first="continue" not in request.url.query)
        except (aiohttp.ClientError, OSError) as error:
            self._listener.refused(path, Unreachable(f"{self._server.netloc}: {_why(error)}"))
            raise
        if is_watch:
            heard = _Overheard(response.content, lambda: self._listener.heard(path), self._is_echo)
            response.content = heard  # type: ignore[assignment]  # stands in for what it wraps
        self._listener.heard(path)
        return response

    async def _send(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Send with the credentials of now; after 401 once more, if renewing them gives others."""
        if self._connection.tls_server_name:
            request.server_hostname = self._connection.tls_server_name
        identity = await asyncio.to_thread(self._connection.headers)
        _put(request, identity)
        response = await send(request)
        if response.status == 401:
            await asyncio.to_thread(self._connection.credentials.renew)
            renewed = await asyncio.to_thread(self._connection.headers)
            if renewed != identity:
                response.release()
                _put(request, renewed)
                response = await send(request)
        return response

    async def _refusal(self, response: aiohttp.ClientResponse, path: str, verb: str) -> KsealError:
        try:
            answer = msgspec.json.decode(await response.read(), type=dict[str, Any])
        except msgspec.DecodeError:
            answer = None
        namespace = path.partition("/namespaces/")[2].partition("/")[0] or None
        is_ours = path == self._resource.path(namespace)
        target = Target.of(self._resource, verb, namespace, None) if is_ours else Target.of_path(path, "get")
        return refusal(target, response.status, answer, origin=self._connection.origin)

    def _note_page(self, path: str, body: bytes, *, is_first: bool) -> None:
        try:
            page = msgspec.json.decode(body, type=_Page)
        except msgspec.DecodeError:
            return  # no list: one of the discovery documents that kopf reads too
        items = [_item(found) for found in page.items]
        is_last = not page.metadata.rest
        self._listener.listed(path, items, page.metadata.resource_version, is_first=is_first, is_last=is_last)

    def _is_echo(self, line: bytes) -> bool:
        """Whether a line of a watch tells of a change that is known. What cannot be read is for kopf to judge."""
        try:
            change = msgspec.json.decode(line, type=_Change)
        except msgspec.DecodeError:
            return False
        return change.type == "MODIFIED" and self._listener.is_known(_item(change.object))


def _item(found: _Object) -> Item:
    metadata = found.metadata
    return Item(Name(metadata.namespace, metadata.name), metadata.uid, metadata.resource_version)


class _Overheard:
    """The content of a watch, telling of each piece that is read from it, and leaving out echoes.

    Half of what happens to SealedSecrets is that we write their status; each event costs kopf 0.4 ms.
    """

    def __init__(
        self, content: aiohttp.StreamReader, heard: Callable[[], None], is_echo: Callable[[bytes], bool]
    ) -> None:
        self._content = content
        self._heard = heard
        self._is_echo = is_echo

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        rest = b""
        async for piece in self._content.iter_chunked(size):
            self._heard()
            *lines, rest = (rest + piece).split(b"\n")
            if kept := [line for line in lines if not self._is_echo(line)]:
                yield b"\n".join([*kept, b""])
        if rest:
            yield rest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)


def _put(request: aiohttp.ClientRequest, identity: Headers) -> None:
    """Replace the headers that say who we are: one name may stand there several times."""
    for name in {name for name, _ in identity}:
        request.headers.popall(name, None)
    for name, value in identity:
        request.headers.add(name, value)


def _why(error: aiohttp.ClientError | OSError) -> str:
    """The words for what went wrong on the way, none of them from an answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError) and isinstance(error.certificate_error, OSError):
        return explain(error.certificate_error, Stage.CONNECTING, ANSWER_SECONDS).why
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()  # asyncio's own text has the address in it
    if isinstance(error, aiohttp.ClientConnectorError):
        return explain(error.os_error, Stage.CONNECTING, ANSWER_SECONDS).why
    return f"the connection broke ({type(error).__name__})"
