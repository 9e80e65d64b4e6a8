"""The HTTP server on loopback: its paths, and clients that mean no good."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from typing import Any

import pytest

from controller.runtime import httpconnection
from controller.runtime.http import HttpServer, Route, listen
from controller.runtime.httpwire import Request, Response, text
from controller.runtime.probes import probes
from engine.errors import KsealError

DEADLINE_SECONDS = 10.0


class Served:
    """A running server, what it observed, and the errors of its handlers."""

    def __init__(self, *routes: Route, **options: Any) -> None:
        self.observed: list[tuple[str | None, str, int]] = []
        self.errors: list[Exception] = []
        self.server = HttpServer(
            "127.0.0.1:0",
            routes,
            observe=lambda path, method, status, _seconds: self.observed.append((path, method, int(status))),
            on_error=self.errors.append,
            **options,
        )
        self.server.start()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=DEADLINE_SECONDS)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def send(self, raw: bytes) -> bytes:
        """Everything that comes back until the server closes."""
        with self.connect() as client:
            client.sendall(raw)
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = b""
    while part := client.recv(65536):
        received += part
    return received


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.005)


@contextmanager
def serving(*routes: Route, **options: Any) -> Iterator[Served]:
    served = Served(*routes, **options)
    try:
        yield served
    finally:
        served.server.stop(DEADLINE_SECONDS)


def certificate(_: Request) -> Response:
    return Response(HTTPStatus.OK, b"-----BEGIN", "application/x-pem-file")


CERTIFICATE = Route("GET", "/v1/cert.pem", certificate)


def test_a_known_path_is_answered_and_observed() -> None:
    with serving(CERTIFICATE) as served:
        status, headers, body = served.ask("GET", "/v1/cert.pem")
        assert (status, headers["content-type"], body) == (200, "application/x-pem-file", b"-----BEGIN")
        assert "server" not in headers
    assert served.observed == [("/v1/cert.pem", "GET", 200)]


def test_head_is_answered_like_get_without_the_body() -> None:
    with serving(CERTIFICATE) as served:
        status, headers, body = served.ask("HEAD", "/v1/cert.pem")
    assert (status, headers["content-length"], body) == (200, "10", b"")


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/v1/cert.pem/"), ("GET", "/v1%2fcert.pem")])
def test_other_paths_are_not_found_and_make_no_label(method: str, path: str) -> None:
    with serving(CERTIFICATE) as served:
        assert served.ask(method, path)[0] == 404
    assert served.observed == [(None, "GET", 404)]


def test_other_methods_are_told_which_are_allowed() -> None:
    with serving(CERTIFICATE) as served:
        status, headers, _ = served.ask("DELETE", "/v1/cert.pem")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_probes_say_what_is_wrong_and_are_not_observed() -> None:
    troubles: list[str | None] = [None]
    with serving(*probes(alive=lambda: None, ready=lambda: troubles[0])) as served:
        assert served.ask("GET", "/healthz")[::2] == (200, b"ok\n")
        assert served.ask("GET", "/readyz")[::2] == (200, b"ok\n")
        troubles[0] = "no sealing key"
        assert served.ask("GET", "/readyz")[::2] == (503, b"no sealing key\n")
        assert served.ask("GET", "/healthz")[1]["content-type"] == "text/plain; charset=utf-8"
    assert served.observed == []


def test_what_a_handler_raises_is_told_to_us_and_not_to_the_client() -> None:
    def broken(_: Request) -> Response:
        raise ValueError("hunter2")

    with serving(Route("GET", "/", broken)) as served:
        assert served.ask("GET", "/")[::2] == (500, b"internal error\n")
        assert served.ask("GET", "/")[0] == 500
    assert [str(error) for error in served.errors] == ["hunter2", "hunter2"]
    assert served.observed == [("/", "GET", 500)] * 2


def test_a_body_reaches_its_handler_and_no_larger_one_is_read() -> None:
    bodies: list[bytes] = []

    def take(request: Request) -> Response:
        bodies.append(request.body)
        return text(HTTPStatus.OK, "taken")

    with serving(CERTIFICATE, Route("POST", "/take", take, body_limit=100_000)) as served:
        assert served.ask("POST", "/take", b"x" * 100_000)[0] == 200
        assert served.ask("POST", "/take", b"x" * 100_001)[0] == 413
        assert served.ask("GET", "/v1/cert.pem", b"x")[0] == 413
        assert served.ask("POST", "/nowhere", b"x")[0] == 413
    assert bodies == [b"x" * 100_000]


def test_one_connection_serves_many_requests_also_sent_ahead() -> None:
    request = b"GET /v1/cert.pem HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v1/cert.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(CERTIFICATE) as served:
        assert served.send(request * 20 + last).count(b"HTTP/1.1 200 OK\r\n") == 21


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),  # a TLS client
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 200_000, 413),
    ],
)
def test_bad_requests_get_one_answer_and_the_connection_ends(raw: bytes, status: int) -> None:
    with serving(CERTIFICATE) as served:
        answer = served.send(raw)
    assert status_of(answer) == status
    assert b"Connection: close" in answer
    assert served.observed == [(None, "", status)]


def test_a_request_that_trickles_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpconnection, "_HEAD_SECONDS", 0.2)
    with serving(CERTIFICATE) as served, served.connect() as client:
        started = time.monotonic()
        client.sendall(b"GET /v1/cert.pem HTTP/1.1\r\nX-Slow: ")
        client.settimeout(0.02)
        answer = b""
        while not answer and time.monotonic() - started < DEADLINE_SECONDS:
            client.send(b"a")  # each byte in time, and still never an end
            with suppress(TimeoutError):
                answer = client.recv(1000)
    assert status_of(answer) == 408
    assert time.monotonic() - started < DEADLINE_SECONDS / 2


def test_a_body_that_never_comes_is_given_up() -> None:
    route = Route("POST", "/take", lambda _: text(HTTPStatus.OK, "taken"), body_limit=100)
    with serving(route, read_timeout=0.2) as served:
        answer = served.send(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
    assert status_of(answer) == 408


def test_a_client_that_does_not_read_is_given_up() -> None:
    big = Route("GET", "/big", lambda _: Response(HTTPStatus.OK, b"x" * 64 * 1024 * 1024))
    with serving(big, write_timeout=0.2) as served, served.connect() as client:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: served.observed == [("/big", "GET", 200)])


def test_silent_connections_give_way_to_those_who_ask() -> None:
    # More than the five who ask: their connections may still be ending while the next one comes.
    with serving(CERTIFICATE, max_connections=8) as served, ExitStack() as stack:
        silent = [stack.enter_context(served.connect()) for _ in range(20)]
        half = stack.enter_context(served.connect())
        half.sendall(b"GET /v1/cert")
        for _ in range(5):
            assert served.ask("GET", "/v1/cert.pem")[0] == 200
        assert silent[0].recv(1) == b""


def test_when_all_are_at_work_a_newcomer_is_told_so() -> None:
    at_work, go_on = threading.Semaphore(0), threading.Event()

    def slow(_: Request) -> Response:
        at_work.release()
        go_on.wait(DEADLINE_SECONDS)
        return text(HTTPStatus.OK, "done")

    with serving(Route("GET", "/slow", slow), max_connections=2) as served:
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(served.ask("GET", "/slow")[0])) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert at_work.acquire(timeout=DEADLINE_SECONDS)
        with served.connect() as newcomer:
            assert status_of(read_all(newcomer)) == 503
        go_on.set()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
        assert answers == [200, 200]
        assert served.ask("GET", "/slow")[0] == 200


def test_a_stop_lets_answers_finish_and_ends_the_idle() -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def slow(_: Request) -> Response:
        at_work.set()
        go_on.wait(DEADLINE_SECONDS)
        return text(HTTPStatus.OK, "done")

    served = Served(Route("GET", "/slow", slow))
    port = served.server.port
    with served.connect() as idle, served.connect() as busy:
        busy.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert at_work.wait(DEADLINE_SECONDS)
        stopper = threading.Thread(target=served.server.stop, args=(DEADLINE_SECONDS,))
        stopper.start()
        assert idle.recv(1) == b""
        go_on.set()
        answer = read_all(busy)
        assert status_of(answer) == 200
        assert b"Connection: close" in answer
        stopper.join(DEADLINE_SECONDS)
        assert not stopper.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)


def test_a_stop_does_not_wait_for_ever() -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def stuck(_: Request) -> Response:
        at_work.set()
        go_on.wait(DEADLINE_SECONDS)
        return text(HTTPStatus.OK, "done")

    served = Served(Route("GET", "/stuck", stuck))
    with served.connect() as client:
        client.sendall(b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        assert at_work.wait(DEADLINE_SECONDS)
        started = time.monotonic()
        served.server.stop(0.1)
        assert time.monotonic() - started < DEADLINE_SECONDS / 2
        go_on.set()


def test_clients_that_vanish_disturb_nobody() -> None:
    with serving(CERTIFICATE) as served:
        for raw in (b"", b"GET", b"GET /v1/cert.pem HTTP/1.1\r\nHost: x\r\n\r\n"):
            with served.connect() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # reset
                client.sendall(raw)
        assert served.ask("GET", "/v1/cert.pem")[0] == 200
    assert served.errors == []


@pytest.mark.parametrize("address", ["127.0.0.1:0", ":0", "localhost:0"])
def test_addresses_are_written_as_in_go(address: str) -> None:
    with listen(address) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS).close()


@pytest.mark.parametrize("address", ["8080", "", ":http", ":99999", "127.0.0.1:-1", "no.such.host.invalid:0"])
def test_addresses_that_cannot_be_used_are_named(address: str) -> None:
    with pytest.raises(KsealError, match=f'address "{address}"'):
        listen(address)


def test_a_port_that_is_taken_is_named() -> None:
    with serving(CERTIFICATE) as served, pytest.raises(KsealError, match="in use"):
        listen(f"127.0.0.1:{served.server.port}")


def test_a_port_is_known_only_after_the_start() -> None:
    server = HttpServer("127.0.0.1:0", [], observe=lambda *_: None, on_error=lambda _: None)
    with pytest.raises(RuntimeError):
        _ = server.port
    server.stop(0.0)
