"""Artifacts over HTTP as Flux's controllers serve and fetch them, and trees of artifacts whoever has stored them.

Source: flux.md section 2.
"""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from http import HTTPStatus
from threading import Event
from typing import BinaryIO, Final
from urllib.parse import urlsplit, urlunsplit

from controller.runtime.http import Route
from controller.runtime.httpwire import Request, Response, text
from engine.source.archive import Limits
from engine.source.base import Artifact, SourceError
from engine.source.download import download
from engine.source.guard import Guard
from engine.source.store import Store
from engine.source.tree import Tree
from engine.source.trees import Trees

GZIP: Final = "application/gzip"
BYTES: Final = "application/octet-stream"
_WATCHER: Final = "//source-watcher"  # how the original tells whose artifact it is
_SEGMENT: Final = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_PATH: Final = re.compile(rf"/([a-z]{{1,63}}/{_SEGMENT}/{_SEGMENT}/[A-Za-z0-9][A-Za-z0-9._+-]{{0,254}})")
"""KIND/NAMESPACE/NAME/FILE: nothing else is a file of the store, and none of these climbs."""


def advertised_url(address: str, path: str) -> str:
    """Where an artifact is to be had. The address may carry a scheme of its own."""
    base = address if "://" in address else f"http://{address}"
    return f"{base.rstrip('/')}/{path}"


def routes(store: Store) -> list[Route]:
    """All files of the store, to whoever asks, as the original; no listings."""

    def handler(request: Request) -> Response:
        match = _PATH.fullmatch(request.path)
        if match is None:
            return text(HTTPStatus.NOT_FOUND, "not found")
        try:
            file = store.open(match[1])
        except (SourceError, OSError):
            return text(HTTPStatus.NOT_FOUND, "not found")
        told = os.fstat(file.fileno())
        modified = format_datetime(datetime.fromtimestamp(int(told.st_mtime), UTC), usegmt=True)
        kind = GZIP if match[1].endswith(("gz", ".tgz")) else BYTES
        return Response(
            HTTPStatus.OK, content_type=kind, headers=(("Last-Modified", modified),), file=file, size=told.st_size
        )

    return [Route("GET", "/", handler, is_tree=True)]


class Artifacts:
    """Trees of artifacts: from our own store where the very file is there, else from where its status says.

    Thread-safe. Nothing is extracted before its digest was found to be right, and each artifact only once.
    """

    def __init__(
        self,
        store: Store,
        trees: Trees,
        guard: Guard,
        *,
        attempts: int = 10,
        size_limit: int = Limits().compressed,
        source_host: str = "",
        watcher_host: str = "",
        stop: Event | None = None,
    ) -> None:
        """The hosts are asked instead of those in URLs: SOURCE_CONTROLLER_LOCALHOST and SOURCE_WATCHER_LOCALHOST."""
        self._store = store
        self._trees = trees
        self._guard = guard
        self._attempts = attempts
        self._size_limit = size_limit
        self._source_host = source_host
        self._watcher_host = watcher_host
        self._stop = stop

    def lease(self, artifact: Artifact) -> AbstractContextManager[Tree]:
        """The files of an artifact, for as long as the context lasts. Entering raises: SourceError."""
        return self._trees.lease(artifact.digest, partial(self._opened, artifact))

    @contextmanager
    def _opened(self, artifact: Artifact) -> Iterator[BinaryIO]:
        if self._is_ours(artifact):
            with self._store.open(artifact.path) as file:
                yield file
            return
        is_watcher = _WATCHER in artifact.url
        url = with_host(artifact.url, self._watcher_host if is_watcher else self._source_host)
        with download(
            url, guard=self._guard, size_limit=self._size_limit, attempts=self._attempts, cancel=self._stop
        ) as file:
            yield file

    def _is_ours(self, artifact: Artifact) -> bool:
        """Another controller may have a file of the same path: only the digest tells."""
        try:
            return self._store.verify(artifact.path, artifact.digest)
        except SourceError:
            return False


def with_host(url: str, host: str) -> str:
    """The URL with another host and port; as it is where none is given."""
    if not host:
        return url
    found = urlsplit(url)
    return urlunsplit((found.scheme, host, found.path, found.query, found.fragment))
