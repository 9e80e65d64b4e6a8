"""The controller's HTTP API: bytes of strangers, to the reader of requests and to a running server."""

import json
import socket
from functools import cache
from typing import cast

from controller.runtime.http import HttpServer
from controller.runtime.httpwire import Refused, parse_head, split_head
from controller.runtime.probes import probes
from controller.sealed.answers import Answers
from controller.sealed.keys import KeyRegistry
from controller.settings import Http
from tests.fuzz.key import KEY, RING, SEALED
from tests.fuzz.rules import PLANTED, Broken, attempt, require

_ANSWER_SECONDS = 10.0  # much more than any answer takes, so that only one that never comes counts
_OBJECT = json.dumps(
    {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"encryptedData": {"password": SEALED}},
    }
).encode()


def _request(path: str, body: bytes, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


SEEDS = (
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.0\r\n\r\n",
    _request("/v1/verify", _OBJECT, "Connection: close\r\n"),
    _request("/v1/rotate", _OBJECT) + _request("/v1/identify", _OBJECT),
    _request("/v1/rotate", b"a: [") + b"HEAD /readyz HTTP/1.1\r\nHost: y\r\n\r\n",
    _request("/v1/verify", b"", "Transfer-Encoding: chunked\r\n"),
)
PIECES = (
    *(bytes([code]) for code in b' \r\n:/?,{}[]"a1\x00\t'),
    *(b"\r\n", b"\r\n\r\n", b"GET ", b"POST ", b"HEAD ", b"TRACE ", b"/v1/verify", b"/v1/rotate", b"/v1/identify"),
    *(
        b"/healthz",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"Host: x\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 5\r\n",
    ),
    *(b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"a" * 3000),
    *(b"X-Forwarded-For: 1\r\n", b"Expect: 100-continue\r\n", b"\xff", b"%2e%2e/", _OBJECT, b'"spec":', b'"metadata":'),
)


class _Keys:
    """Stands for the registry of keys, of which the answers use no more than this."""

    ring = RING
    newest = KEY


class _Server:
    """One server for all inputs, and the errors of its handlers."""

    def __init__(self) -> None:
        settings = Http(rate=1_000_000, burst=1_000_000)
        answers = Answers(cast(KeyRegistry, _Keys()), settings, accept_v1_data=True)
        routes = [*answers.routes(), *probes(alive=lambda: None, ready=lambda: None)]
        self.errors: list[Exception] = []
        self._http = HttpServer("127.0.0.1:0", routes, observe=lambda *_: None, on_error=self.errors.append)
        self._http.start()

    def ask(self, data: bytes) -> bytes:
        """All that comes back when a client sends this and no more."""
        with socket.create_connection(("127.0.0.1", self._http.port), timeout=_ANSWER_SECONDS) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: client.recv(65536), b""))
            except TimeoutError as error:
                raise Broken("no end of the answer") from error
            except OSError:
                return b""  # the server ended it while we were sending


@cache
def _server() -> _Server:
    return _Server()


def check(data: bytes) -> None:
    """A request or a refusal; whole answers with a status of ours, no value in them, no handler that fails."""
    parts = attempt(Refused, split_head, data)
    if parts is not None:
        attempt(Refused, parse_head, parts[0])
    server = _server()
    answers = server.ask(data)
    require(PLANTED.encode() not in answers, "an answer shows a value")
    if server.errors:
        raise Broken("a handler has failed") from server.errors.pop()
    while answers:
        answers = _after_one(answers, is_head=b"HEAD " in data)


def _after_one(answers: bytes, *, is_head: bool) -> bytes:
    """What follows the first answer, which has to be whole."""
    head, separator, rest = answers.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    require(bool(separator) and first.startswith(b"HTTP/1.1 ") and first[9:12].isdigit(), "this is no HTTP answer")
    lengths = [int(line.partition(b":")[2]) for line in lines if line.lower().startswith(b"content-length:")]
    require(len(lengths) == 1, "an answer has to have one length")
    if is_head and (not rest or rest.startswith(b"HTTP/1.1 ")):
        return rest
    require(len(rest) >= lengths[0], "an answer is cut off")
    return rest[lengths[0] :]
