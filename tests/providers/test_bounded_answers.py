"""A server that never ends its answer does not hold us, nor fill the memory."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

requests = pytest.importorskip("requests")
bounded = pytest.importorskip("providers.bounded", exc_type=ImportError)


class Handler(BaseHTTPRequestHandler):
    """Answers by path: short, endless, dripping, a bomb, cut off, not compressed as it says."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/dripping-head":
            self._drip_head()
            return
        body = b'{"a": 1}'
        if self.path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(bytes(50_000_000))
        if self.path == "/garbled":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/cut":
            self.send_header("Content-Length", "100")
        if self.path in ("/short", "/bomb", "/garbled"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        try:
            while self.path in ("/endless", "/dripping"):
                self.wfile.write(bytes(65536) if self.path == "/endless" else b"x")
                if self.path == "/dripping":
                    threading.Event().wait(0.02)
        except OSError:
            return

    def _drip_head(self) -> None:
        self.flush_headers()
        try:
            for _ in range(250):  # ends some time, should nobody hang up
                self.wfile.write(b"x")
                threading.Event().wait(0.02)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_within_bounds_is_read(address: str) -> None:
    assert bounded.session().get(f"{address}/short", timeout=5).json() == {"a": 1}


@pytest.mark.parametrize("path", ["endless", "bomb"])
def test_an_answer_that_is_too_long_is_cut_off(address: str, path: str) -> None:
    with pytest.raises(requests.RequestException, match="more than 1048576 bytes"):
        bounded.session().get(f"{address}/{path}", timeout=5)


def test_an_answer_that_is_too_slow_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LIMIT_SECONDS", 0.2)
    with pytest.raises(requests.RequestException, match=r"longer than 0\.2 s"):
        bounded.session().get(f"{address}/dripping", timeout=5)


def test_a_head_that_is_too_slow_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "LIMIT_SECONDS", 0.2)
    begun = time.monotonic()
    with pytest.raises(requests.RequestException):
        bounded.session().get(f"{address}/dripping-head", timeout=5)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("path", ["cut", "garbled"])
def test_an_answer_that_cannot_be_read_is_an_error_of_requests(address: str, path: str) -> None:
    with pytest.raises(requests.RequestException):
        bounded.session().get(f"{address}/{path}", timeout=5)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..b"])
def test_a_host_that_no_name_service_knows_how_to_ask_for_is_an_error_of_requests(host: str) -> None:
    with pytest.raises(requests.RequestException):
        bounded.session().get(f"http://{host}/", timeout=5)
