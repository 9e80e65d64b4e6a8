"""A certificate by URL, from a plain HTTP server on loopback."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sealer import certificates
from sealer.errors import CertificateError
from sealer.fetch import fetch
from sealer.keys import SealingKey

Answer = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Answer], str]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server that answers every GET as told; gives its URL."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with ExitStack() as running:

        def start(answer: Answer) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    answer(self)

                def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                    """Tests are quiet."""

            server = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/cert.pem"

        yield start


def get(url: str, *, timeout_seconds: float = 5, may_leave_host: bool = False) -> bytes:
    return fetch(url, timeout_seconds=timeout_seconds, may_leave_host=may_leave_host)


def test_a_certificate_is_fetched(serve: Serve, key: SealingKey) -> None:
    assert key.certificate is not None
    text = key.certificate.pem
    url = serve(lambda request: send(request, 200, text))
    loaded = certificates.load(url)
    assert loaded.modulus == key.certificate.modulus
    assert loaded.source == url


def test_another_status_is_said_in_the_words_of_the_original(serve: Serve) -> None:
    url = serve(lambda request: send(request, 404))
    with pytest.raises(CertificateError) as caught:
        get(url)
    assert caught.value.message == f'cannot fetch "{url}": 404 Not Found'


def test_success_without_content_is_no_certificate(serve: Serve) -> None:
    url = serve(lambda request: send(request, 204))
    with pytest.raises(CertificateError, match="204 No Content"):
        get(url)


def test_a_redirect_on_the_same_host_is_followed(serve: Serve) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/cert.pem":
            send(request, 302, Location="/v2/cert.pem")
        else:
            send(request, 200, b"moved")

    assert get(serve(answer)) == b"moved"


def test_a_redirect_to_another_host_needs_a_fingerprint(serve: Serve) -> None:
    target = serve(lambda request: send(request, 200, b"other")).replace("127.0.0.1", "localhost")
    url = serve(lambda request: send(request, 302, Location=target))
    with pytest.raises(CertificateError, match='redirected to another host, "localhost"') as caught:
        get(url)
    assert caught.value.hint is not None
    assert "--cert-fingerprint" in caught.value.hint
    assert get(url, may_leave_host=True) == b"other"


def test_a_redirect_to_a_file_is_not_followed(serve: Serve) -> None:
    url = serve(lambda request: send(request, 302, Location="file:///etc/hostname"))
    with pytest.raises(CertificateError, match="cannot fetch"):
        get(url, may_leave_host=True)


def test_circles_end(serve: Serve) -> None:
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        send(request, 302, Location=f"/{len(asked)}")

    with pytest.raises(CertificateError, match="302"):
        get(serve(answer))
    assert len(asked) < 10


def test_an_endless_answer_is_cut(serve: Serve) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(bytes(1 << 16))
        except OSError:
            request.close_connection = True

    with pytest.raises(CertificateError, match="larger than 1048576 bytes"):
        get(serve(answer))


def test_silence_and_dripping_end_in_time(serve: Serve) -> None:
    stop = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not stop.wait(0.02):
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    urls = [serve(drip), serve(lambda _: stop.wait(10) and None)]
    try:
        for url in urls:
            with pytest.raises(CertificateError, match="cannot fetch"):
                get(url, timeout_seconds=0.1)
    finally:
        stop.set()


def test_a_refused_connection_is_one_line() -> None:
    with pytest.raises(CertificateError, match=r'^cannot fetch "http://127\.0\.0\.1:1/": .*refused'):
        get("http://127.0.0.1:1/")


def test_an_url_that_is_none_is_one_line() -> None:
    for url in ("http://", "http://[", "http://host:port/"):
        with pytest.raises(CertificateError, match="cannot fetch"):
            get(url)


def test_a_login_in_the_url_is_sent_and_never_shown(serve: Serve) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["Authorization"])
        send(request, 403)

    url = serve(answer)
    with pytest.raises(CertificateError) as caught:
        get(url.replace("http://", "http://me:p%40ss@"))
    assert seen == ["Basic bWU6cEBzcw=="]
    assert caught.value.message == f'cannot fetch "{url}": 403 Forbidden'
    assert certificates.without_password("https://me:pass@host:1/x") == "https://host:1/x"


def test_proxies_of_the_environment_are_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(lambda request: send(request, 200, request.path.encode()))
    monkeypatch.setenv("http_proxy", proxy.removesuffix("/cert.pem"))
    assert get("http://sealing.example.com/cert.pem") == b"http://sealing.example.com/cert.pem"


def test_file_urls_read_local_files(tmp_path: Path) -> None:
    file = tmp_path / "a b.pem"
    file.write_bytes(b"text")
    assert get(file.as_uri()) == b"text"
    with pytest.raises(CertificateError, match="404 Not Found"):
        get("file:///nonexistent.pem")
    with pytest.raises(CertificateError, match='cannot name the host "server"'):
        get("file://server/share.pem")
