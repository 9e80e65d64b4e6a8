"""HTTP/1.1 as far as a few small resources need it: one request out of bytes, one response into bytes. Pure.

Strict where leniency has been a hole elsewhere: lines end in CRLF, names and values have no control characters, a body
has exactly one length, and nothing is guessed (RFC 9112 sections 2.2, 5 and 6).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import BinaryIO, Final

TEXT: Final = "text/plain; charset=utf-8"
HEAD_LIMIT: Final = 16 * 1024
"""Bytes of request line and headers together."""
TARGET_LIMIT: Final = 2048
"""Bytes of a request's path and query."""

_HEAD_END: Final = b"\r\n\r\n"
_HEADERS_LIMIT: Final = 64
_LENGTH_DIGITS: Final = 15
_REQUEST_LINE: Final = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.([01])")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
_SINGLE: Final = frozenset({"host", "content-length", "transfer-encoding"})


class Refused(Exception):
    """A request that gets an answer without being looked at; the connection ends after it."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `headers` has lower-case names; of a name sent twice the values are joined by commas."""

    method: str
    path: str
    """As it was sent, without the query: nothing is decoded, so no two spellings reach the same handler."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    keep_alive: bool = True
    """The client may send another request on the same connection."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: HTTPStatus
    body: bytes = field(default=b"", repr=False)
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    file: BinaryIO | None = field(default=None, repr=False)
    """A body that is too large to hold: it is sent piece by piece, from where it stands, and then closed."""
    size: int = 0
    """Bytes of `file` that are sent."""

    @property
    def length(self) -> int:
        """Bytes of the body, wherever it is."""
        return len(self.body) if self.file is None else self.size


def text(status: HTTPStatus, line: str) -> Response:
    """An answer of one line for people."""
    return Response(status, f"{line}\n".encode())


def split_head(received: bytes | bytearray) -> tuple[bytes, bytes] | None:
    """Head and what follows it, or None while the head is not complete. Raises: Refused when it is too large."""
    end = received.find(_HEAD_END, 0, HEAD_LIMIT + len(_HEAD_END))
    if end < 0:
        if len(received) > HEAD_LIMIT:
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")
        return None
    return bytes(received[:end]), bytes(received[end + len(_HEAD_END) :])


def parse_head(head: bytes) -> tuple[Request, int]:
    """A request without its body, and the length of the body that follows. Raises: Refused."""
    first, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")
    if len(match[2]) > TARGET_LIMIT:
        raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, "the path is too long")
    headers = _headers(lines)
    is_1_1 = match[3] == b"1"
    if is_1_1 and "host" not in headers:
        raise Refused(HTTPStatus.BAD_REQUEST, "the Host header is missing")
    path, _, query = match[2].decode("ascii").partition("?")
    tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    keep_alive = is_1_1 and "close" not in tokens
    request = Request(match[1].decode("ascii"), path, query, headers, keep_alive=keep_alive)
    return request, _body_length(headers)


def serialize(response: Response, now: datetime, *, keep_alive: bool, with_body: bool) -> bytes:
    """The bytes of a response up to a body that is a file; `with_body` is False for the answer to HEAD.

    `now` is aware and in UTC.
    """
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Date: {format_datetime(now, usegmt=True)}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {response.length}",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in response.headers),
        *(() if keep_alive else ("Connection: close",)),
    ]
    head = "\r\n".join(lines).encode("latin-1") + _HEAD_END
    return head + response.body if with_body else head


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > _HEADERS_LIMIT:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "a header line is malformed")
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        if name in headers and name in _SINGLE:
            raise Refused(HTTPStatus.BAD_REQUEST, f"the header {name} stands there twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Refused(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length")
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdecimal() or len(length) > _LENGTH_DIGITS:
        raise Refused(HTTPStatus.BAD_REQUEST, "the Content-Length is no sensible number")
    return int(length)
