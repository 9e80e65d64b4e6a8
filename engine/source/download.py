"""Fetch an artifact over HTTP into a temporary file: guarded, bounded, and again after a while when that may help.

The digest is not looked at here: who extracts does that first (engine.source.trees). Redirects are not followed, since
no controller that serves artifacts sends any. Source: fluxcd/pkg http/fetch/archive_fetcher.go.
"""

import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, cast

from engine.git.access import tls_context
from engine.git.wire import Route, WireError, opened, origin_of
from engine.source.base import READ_FAILED, SourceError
from engine.source.guard import Guard

TIMEOUT_SECONDS: Final = 60.0
"""Of one attempt."""
_FIRST_SECONDS: Final = 0.25
_LONGEST_SECONDS: Final = 30.0
_IN_MEMORY: Final = 1 << 20
"""Bytes; what is larger goes to the disk."""


class Gone(SourceError):
    """The server has no such artifact (any more): the source's status is about to say something newer."""


class _Again(Exception):
    """An attempt failed in a way that another one may not."""


@contextmanager
def download(
    url: str,
    *,
    guard: Guard,
    size_limit: int,
    attempts: int = 10,
    cancel: threading.Event | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    chance: Callable[[], float] = random.random,
) -> Iterator[BinaryIO]:
    """The content of a URL, as a file that can be read from its beginning and is gone after the context.

    What may pass by itself (no connection, 429, 5xx, an answer that breaks off) is tried again, with growing waits;
    `cancel` ends them.

    Raises: SourceError; Gone for an artifact that is not there.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
        file = cast(BinaryIO, spooled)
        stop = cancel or threading.Event()
        for attempt in range(1, attempts + 1):
            try:
                _once(url, file, guard, size_limit=size_limit, stop=stop, timeout_seconds=timeout_seconds)
                break
            except _Again as again:
                if attempt == attempts or stop.is_set():
                    raise SourceError(f"failed to download archive: {again}", reason=READ_FAILED) from again
                longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2 ** (attempt - 1))
                stop.wait(longest * (0.5 + chance() / 2))
        yield file


def _once(
    url: str, file: BinaryIO, guard: Guard, *, size_limit: int, stop: threading.Event, timeout_seconds: float
) -> None:
    file.seek(0)
    file.truncate()
    if not url.startswith(("http://", "https://")):
        raise SourceError("failed to download archive: its URL is not one of http or https", reason=READ_FAILED)
    try:
        where = origin_of(url).netloc
    except WireError as error:
        raise SourceError(f"failed to download archive: {error.message}", reason=READ_FAILED) from error
    route = Route(guard, tls_context(b"", b"", b""))
    try:
        with opened(
            "GET", url, route=route, headers={"User-Agent": "kseal"}, timeout_seconds=timeout_seconds
        ) as answer:
            if answer.status == 404:
                raise Gone("failed to download archive: file not found", reason=READ_FAILED)
            if answer.status == 429 or answer.status >= 500:
                raise _Again(f"{where} answered {answer.status}")
            if answer.status != 200:
                raise SourceError(f"failed to download archive: {where} answered {answer.status}", reason=READ_FAILED)
            left = size_limit
            while chunk := answer.read():
                left -= len(chunk)
                if left < 0:
                    raise SourceError(f"the artifact is larger than {size_limit} bytes", reason=READ_FAILED)
                if stop.is_set():
                    raise _Again("cancelled")
                file.write(chunk)
    except WireError as error:
        raise _Again(error.message) from error
    except OSError as error:
        raise SourceError(
            f"the artifact cannot be kept: {(error.strerror or str(error)).lower()}", reason=READ_FAILED
        ) from error
    file.seek(0)
