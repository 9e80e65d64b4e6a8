"""Answers that are files, and routes for all that is below a path."""

import http.client
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from controller.runtime.http import HttpServer, Route
from controller.runtime.httpwire import Request, Response, text

SIZE = 3 * 256 * 1024 + 17


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256))
    return path


@pytest.fixture
def server(file: Path) -> Iterator[HttpServer]:
    def whole(_: Request) -> Response:
        return Response(HTTPStatus.OK, content_type="application/gzip", file=file.open("rb"), size=SIZE)

    def promised_too_much(_: Request) -> Response:
        return Response(HTTPStatus.OK, file=file.open("rb"), size=SIZE + 1)

    def below(request: Request) -> Response:
        return text(HTTPStatus.OK, request.path)

    served = HttpServer(
        "127.0.0.1:0",
        [
            Route("GET", "/whole", whole),
            Route("GET", "/short", promised_too_much),
            Route("GET", "/tree/", below, is_tree=True),
            Route("POST", "/tree/deeper/", below, is_tree=True),
        ],
        observe=lambda *_: None,
        on_error=lambda _: None,
    )
    served.start()
    yield served
    served.stop(1)


def ask(server: HttpServer, method: str, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_file_is_sent_whole_with_its_length(server: HttpServer, file: Path) -> None:
    status, headers, body = ask(server, "GET", "/whole")
    assert (status, headers["Content-Length"], body) == (200, str(SIZE), file.read_bytes())


def test_head_says_the_length_and_sends_nothing(server: HttpServer) -> None:
    status, headers, body = ask(server, "HEAD", "/whole")
    assert (status, headers["Content-Length"], body) == (200, str(SIZE), b"")


def test_a_file_that_is_shorter_than_said_breaks_off(server: HttpServer) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(server, "GET", "/short")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tree/", 200),
        ("GET", "/tree/a/b", 200),
        ("GET", "/tree", 404),
        ("GET", "/trees/a", 404),
        ("POST", "/tree/a", 405),
        ("POST", "/tree/deeper/a", 200),
        ("GET", "/tree/deeper/a", 405),
    ],
)
def test_a_tree_answers_what_is_below_it_and_the_nearest_one_counts(
    server: HttpServer, method: str, path: str, status: int
) -> None:
    assert ask(server, method, path)[0] == status
