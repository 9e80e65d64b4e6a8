"""Artifacts come over HTTP: bounded, and again where that may help."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.source import download as module
from engine.source.base import SourceError
from engine.source.download import Gone, download
from engine.source.guard import Guard
from tests.kit.peer import Asked, Peer, Wire


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_SECONDS", 0.001)


def answer(status: str, body: bytes = b"", *, length: int | None = None) -> Callable[[Asked, Wire], None]:
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode()

    def script(_: Asked, wire: Wire) -> None:
        wire.send(head + body)
        wire.close()

    return script


def in_turn(*scripts: Callable[[Asked, Wire], None]) -> Callable[[Asked, Wire], None]:
    left = iter(scripts)

    def script(asked: Asked, wire: Wire) -> None:
        next(left)(asked, wire)

    return script


def fetched(url: str, **more: object) -> bytes:
    with download(url, guard=Guard(), size_limit=2_000_000, **more) as file:  # type: ignore[arg-type]
        return file.read()


def test_a_large_artifact_comes_whole() -> None:
    body = bytes(range(256)) * 6_000
    with Peer(answer("200 OK", body)) as peer:
        assert fetched(f"{peer.url}/a.tar.gz") == body


def test_what_may_pass_by_itself_is_tried_again() -> None:
    broken = in_turn(
        answer("503 Unavailable"),
        answer("429 Too Many"),
        answer("200 OK", b"half", length=8),
        lambda _, wire: wire.reset(),
        answer("200 OK", b"whole"),
    )
    with Peer(broken) as peer:
        assert fetched(f"{peer.url}/a.tar.gz") == b"whole"
        assert len(peer.requests) == 5


def test_an_artifact_that_is_not_there_is_not_asked_for_again() -> None:
    with Peer(answer("404 Not Found")) as peer:
        with pytest.raises(Gone, match="file not found"):
            fetched(f"{peer.url}/a.tar.gz")
        assert len(peer.requests) == 1


@pytest.mark.parametrize("status", ["302 Found", "401 Unauthorized", "206 Partial Content"])
def test_other_answers_are_final_and_redirects_are_not_followed(status: str) -> None:
    with Peer(answer(status)) as peer:
        with pytest.raises(SourceError, match=f"answered {status[:3]}"):
            fetched(f"{peer.url}/a.tar.gz")
        assert len(peer.requests) == 1


def test_the_last_attempt_says_what_is_wrong() -> None:
    with Peer(answer("500 Oops")) as peer:
        with pytest.raises(SourceError, match="failed to download archive: 127") as caught:
            fetched(f"{peer.url}/a.tar.gz", attempts=3)
        assert len(peer.requests) == 3
    assert caught.value.reason == "ReadOperationFailed"


def test_what_is_too_large_is_refused_while_it_comes() -> None:
    with Peer(answer("200 OK", b"x" * 2_000_001)) as peer, pytest.raises(SourceError, match="larger than 2000000"):
        fetched(f"{peer.url}/a.tar.gz")


def test_an_answer_that_drips_is_ended_by_the_time_limit() -> None:
    def drip(_: Asked, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            wire.send(b"x")
            if peer.wait(0.02):
                return

    with Peer(drip) as peer, pytest.raises(SourceError, match=r"no answer within 0\.2 s"):
        fetched(f"{peer.url}/a.tar.gz", attempts=1, timeout_seconds=0.2)


def test_a_cancelled_download_does_not_wait() -> None:
    cancel = threading.Event()
    cancel.set()
    with Peer(answer("503 Unavailable")) as peer:
        with pytest.raises(SourceError):
            fetched(f"{peer.url}/a.tar.gz", cancel=cancel)
        assert len(peer.requests) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "http://", "http://[::1", "/a"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(SourceError):
        fetched(url, attempts=1)


def test_the_guard_is_asked(tmp_path: Path) -> None:
    with Peer(answer("200 OK")) as peer:
        with (
            pytest.raises(SourceError, match="may not be dialled"),
            download(f"{peer.url}/a", guard=Guard(lockdown=True), size_limit=10),
        ):
            pass
        assert peer.connections == 0
