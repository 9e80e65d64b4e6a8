"""Requests out of bytes: what is understood, and what is refused with which status."""

from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.runtime.httpwire import HEAD_LIMIT, Refused, Response, parse_head, serialize, split_head, text

NOW = datetime(2026, 7, 29, 12, 30, 45, tzinfo=UTC)


def head(request_line: str = "GET / HTTP/1.1", *headers: str, host: bool = True) -> bytes:
    return "\r\n".join([request_line, *(["Host: x"] if host else []), *headers]).encode("latin-1")


def test_a_request_is_taken_apart() -> None:
    request, length = parse_head(
        head("POST /v1/verify?x=1&y HTTP/1.1", "Content-Length: 12", "X-Forwarded-For:  a ", "x-forwarded-for: b")
    )
    assert (request.method, request.path, request.query, length) == ("POST", "/v1/verify", "x=1&y", 12)
    assert request.headers["x-forwarded-for"] == "a, b"
    assert request.keep_alive


@pytest.mark.parametrize(
    ("line", "headers", "keep_alive"),
    [
        ("GET / HTTP/1.1", [], True),
        ("GET / HTTP/1.1", ["Connection: Upgrade, Close"], False),
        ("GET / HTTP/1.0", [], False),
        ("GET / HTTP/1.0", ["Connection: keep-alive"], False),
    ],
)
def test_only_http_1_1_goes_on(line: str, headers: list[str], keep_alive: bool) -> None:
    assert parse_head(head(line, *headers))[0].keep_alive is keep_alive


def test_http_1_0_needs_no_host() -> None:
    assert parse_head(head("GET / HTTP/1.0", host=False))[0].path == "/"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (head("get / HTTP/1.1"), HTTPStatus.BAD_REQUEST),
        (head("GET  / HTTP/1.1"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/2.0"), HTTPStatus.BAD_REQUEST),
        (head("GET http://x/ HTTP/1.1"), HTTPStatus.BAD_REQUEST),
        (head("GET /a b HTTP/1.1"), HTTPStatus.BAD_REQUEST),
        (head("GET /a\x00 HTTP/1.1"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", host=False), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "Host: y"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "Broken"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "Name : x"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "A: b", " folded"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "A: b\nB: c"), HTTPStatus.BAD_REQUEST),
        (head("GET / HTTP/1.1", "A: b\x07"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", "Content-Length: +1"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", "Content-Length: 1, 2"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", f"Content-Length: {'9' * 4000}"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", "Content-Length: ²"), HTTPStatus.BAD_REQUEST),
        (head("POST / HTTP/1.1", "Transfer-Encoding: chunked"), HTTPStatus.LENGTH_REQUIRED),
        (head("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 1"), HTTPStatus.LENGTH_REQUIRED),
        (head(f"GET /{'a' * 3000} HTTP/1.1"), HTTPStatus.REQUEST_URI_TOO_LONG),
        (head("GET / HTTP/1.1", *[f"A{n}: b" for n in range(70)]), HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    ],
)
def test_what_is_not_clear_is_refused(raw: bytes, status: HTTPStatus) -> None:
    with pytest.raises(Refused) as caught:
        parse_head(raw)
    assert caught.value.status == status


def test_a_head_ends_at_the_empty_line() -> None:
    assert split_head(b"GET / HTTP/1.1\r\nHost: x\r\n") is None
    assert split_head(b"A\r\n\r\nrest\r\n\r\n") == (b"A", b"rest\r\n\r\n")


def test_a_head_without_end_is_refused() -> None:
    assert split_head(b"a" * HEAD_LIMIT) is None
    with pytest.raises(Refused) as caught:
        split_head(b"a" * (HEAD_LIMIT + 1))
    assert caught.value.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    with suppress(Refused):
        request, length = parse_head(raw)
        assert request.path.startswith("/")
        assert length >= 0


def test_an_answer_tells_no_server_name_and_no_more_than_needed() -> None:
    answer = serialize(text(HTTPStatus.OK, "ok"), NOW, keep_alive=True, with_body=True)
    assert answer == (
        b"HTTP/1.1 200 OK\r\nDate: Wed, 29 Jul 2026 12:30:45 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 3\r\nX-Content-Type-Options: nosniff\r\n\r\nok\n"
    )


def test_the_answer_to_head_has_the_length_without_the_body() -> None:
    answer = serialize(Response(HTTPStatus.OK, b"12345"), NOW, keep_alive=False, with_body=False)
    assert b"Content-Length: 5\r\n" in answer
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
