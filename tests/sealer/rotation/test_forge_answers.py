"""What a forge answers is bounded, and each refusal says its cause and its cure; the token goes nowhere else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sealer.rotation.forges import wire
from sealer.rotation.forges.base import ForgeError, Proposal
from sealer.rotation.forges.gitea import Gitea
from sealer.rotation.forges.github import GitHub
from sealer.rotation.forges.gitlab import GitLab

TOKEN = "s3cr3t"
Act = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(act: Act) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            act(self)

        def do_POST(self) -> None:
            act(self)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def saying(status: int, body: bytes = b"[]", **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return act


def error_of(act: Act, kind: type[GitHub | GitLab | Gitea] = GitHub) -> ForgeError:
    with serving(act) as url, pytest.raises(ForgeError) as caught:
        kind(url, "team/clusters", TOKEN).requests("b", "main")
    assert TOKEN not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "body", "what", "cure"),
    [
        (401, {}, b'{"message": "Bad credentials"}', "not accepted (401: Bad credentials)", "may have run out"),
        (403, {}, b'{"message": "Resource not accessible"}', "may not do this (403", '"Pull requests: write"'),
        (403, {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "3600"}, b"", "limit of requests", "after 01:00 UTC"),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit"}', "limit of requests", "try again later"),
        (429, {"retry_after": "7"}, b"<html>", "limit of requests is reached (429)", "in 7 s"),
        (404, {}, b'{"message": "Not Found"}', "no such repository for this token (404", "is the remote's address"),
        (
            422,
            {},
            b'{"message": "Validation Failed", "errors": [{"message": "base"}]}',
            "(422: Validation Failed; base)",
            "",
        ),
        (400, {}, b'{"message": {"base": ["a", "b"]}}', "refused (400: a; b)", "look at the branches"),
        (502, {}, b"<html>", "trouble of its own (502)", "try again later"),
    ],
)
def test_each_refusal_has_its_cure(status: int, headers: dict[str, str], body: bytes, what: str, cure: str) -> None:
    error = error_of(saying(status, body, **headers))
    assert what in error.message
    assert cure in (error.hint or "")
    assert error.status == status


def test_a_job_token_is_not_enough_for_gitlab() -> None:
    error = error_of(saying(403, b'{"error": "insufficient_scope"}'), GitLab)
    assert "(403: insufficient_scope)" in error.message
    assert "CI_JOB_TOKEN cannot open merge requests" in (error.hint or "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    asked: list[str] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        saying(200)(handler)

    with serving(elsewhere) as other:
        error = error_of(saying(status, Location=f"{other}/new"))
    assert "sends its callers on to 127.0.0.1, and a token does not follow" in error.message
    assert asked == []


def test_words_of_a_forge_are_one_short_line_without_the_token() -> None:
    error = error_of(saying(400, b'{"message": "a\\n  b s3cr3t %s"}' % (b"x" * 999)))
    assert "400: a b … xxx" in error.message
    assert "\n" not in error.message
    assert len(error.message) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'"text"',
        b"[5]",
        b"[{}]",
        b'[{"html_url": 5}]',
        b'[{"html_url": "javascript:x"}]',
        b"[" * 99999,
    ],
)
def test_what_is_no_list_of_requests_is_an_error(body: bytes) -> None:
    assert "answer" in error_of(saying(200, body)).message


def test_answers_are_bounded_in_size_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 1000)
    assert "cannot be read" in error_of(saying(200, b" " * 1001)).message

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" ")
                time.sleep(0.01)  # the slowness itself is what is tested
        except OSError:
            return

    with serving(drip) as url, pytest.raises(ForgeError, match=r"no complete answer within 0\.2 s"):
        wire.Wire(url, {}, token=TOKEN, needs="", timeout_seconds=0.2).get("/")


def test_nobody_there_is_an_error_with_a_cure() -> None:
    with serving(saying(200)) as url:
        pass
    with pytest.raises(ForgeError, match="refused") as caught:
        GitHub(url, "team/clusters", TOKEN).open(Proposal("b", "main", "0", "t", ""))
    assert caught.value.hint


def test_a_proxy_never_sees_what_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(saying(200)) as url:
        assert GitHub(url, "team/clusters", TOKEN).requests("b", "main") == []


def test_plain_http_elsewhere_is_refused() -> None:
    with pytest.raises(ForgeError, match="tokens do not travel over plain http"):
        wire.Wire("http://git.example.org", {}, token=TOKEN, needs="")


def test_gitea_is_looked_through_page_by_page_and_forks_do_not_count() -> None:
    asked: list[str] = []

    def pages(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        fork = b'[{"html_url": "https://x/1", "state": "open", "head": {"ref": "b", "repo_id": 2}, '
        fork += b'"base": {"ref": "main", "repo_id": 1}}]'
        saying(200, fork if len(asked) < 3 else b"[]")(handler)

    with serving(pages) as url:
        assert Gitea(url, "team/clusters", TOKEN).requests("b", "main") == []
    assert ["page=1" in asked[0], "page=2" in asked[1], "page=3" in asked[2]] == [True] * 3


def test_a_pause_of_thousands_of_digits_is_no_time() -> None:
    assert error_of(saying(429, retry_after="9" * 5000)).hint == "try again later"
