"""The session that kopf reads through: what it lets out, whom it speaks as, and what it overhears."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest

from controller.runtime import apisession
from controller.runtime.apisession import open_session
from controller.runtime.presence import Item, Name
from controller.sealed.observed import SEALED_SECRETS
from engine.errors import KsealError
from engine.kube.config import Connection

PATH = "/apis/bitnami.com/v1alpha1/sealedsecrets"
TWO = {
    "metadata": {"resourceVersion": "10", "continue": "more"},
    "items": [
        {"metadata": {"namespace": "shop", "name": "db", "uid": "u1", "resourceVersion": "3"}, "spec": {"a": 1}},
        {"metadata": {"namespace": "shop", "name": "cache", "uid": "u2", "resourceVersion": "4"}},
    ],
}


class Heard:
    """A listener that keeps what it was told."""

    def __init__(self, *known: str) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._known = known

    def is_known(self, item: Item) -> bool:
        return item.version in self._known

    def asked(self, path: str) -> None:
        self.told.append(("asked", path))

    def heard(self, path: str) -> None:
        self.told.append(("heard", path))

    def refused(self, path: str, error: KsealError) -> None:
        self.told.append(("refused", path, str(error)))

    def listed(self, path: str, items: list[Item], version: str, *, is_first: bool, is_last: bool) -> None:
        self.told.append(("listed", path, items, version, is_first, is_last))


class Tokens:
    """Credentials that go from one token to the next when they are renewed."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)

    def headers(self) -> list[tuple[str, str]]:
        return [("Authorization", f"Bearer {self._tokens[0]}"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")]

    def client_certificate(self) -> None:
        return None

    def renew(self) -> None:
        if len(self._tokens) > 1:
            self._tokens.pop(0)


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def answering(answer: Callable[[str, dict[str, list[str]]], Answer]) -> Iterator[str]:
    """A server on loopback; `answer` gets target and headers of each request. Gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): self.headers.get_all(name) or [] for name in self.headers}
            status, more, body = answer(self.path, headers)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(url: str, target: str, listener: Heard, *, tokens: Tokens | None = None, method: str = "GET") -> bytes:
    """One request through a session of ours; its body, read as kopf reads it: a watch piece by piece."""

    async def run() -> bytes:
        connection = Connection(server=url, credentials=tokens or Tokens("t"))
        server, session = open_session(connection, SEALED_SECRETS, listener)
        async with session, session.request(method, server + target) as response:
            if "watch=true" not in target:
                return await response.read()
            return b"".join([piece async for piece in response.content.iter_chunked(5)])

    return asyncio.run(run())


def as_json(content: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def test_each_request_carries_the_credentials_of_now() -> None:
    seen: list[dict[str, list[str]]] = []

    def answer(_: str, headers: dict[str, list[str]]) -> Answer:
        seen.append(headers)
        return as_json({})

    with answering(answer) as url:
        ask(url, "/api", Heard())
    (headers,) = seen
    assert headers["authorization"] == ["Bearer t"]
    assert headers["impersonate-group"] == ["a", "b"]
    assert headers["user-agent"][0].startswith("kseal/")


def test_after_a_refusal_renewed_credentials_are_tried_at_once() -> None:
    seen: list[list[str]] = []

    def answer(_: str, headers: dict[str, list[str]]) -> Answer:
        seen.append(headers["authorization"])
        return as_json({}, 200 if headers["authorization"] == ["Bearer new"] else 401)

    listener = Heard()
    with answering(answer) as url:
        ask(url, "/api", listener, tokens=Tokens("old", "new"))
    assert seen == [["Bearer old"], ["Bearer new"]]
    assert listener.told == [("asked", "/api"), ("heard", "/api")]


def test_the_same_credentials_are_not_shown_twice() -> None:
    seen: list[str] = []

    def answer(target: str, _: dict[str, list[str]]) -> Answer:
        seen.append(target)
        return as_json({"kind": "Status", "message": "who?"}, 401)

    listener = Heard()
    with answering(answer) as url:
        ask(url, PATH, listener)
    assert seen == [PATH]
    assert [told[0] for told in listener.told] == ["asked", "refused"]
    assert "unauthorized" in listener.told[1][2]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_but_questions_gets_out(method: str) -> None:
    def answer(_: str, __: dict[str, list[str]]) -> Answer:
        raise AssertionError("it got out")

    with answering(answer) as url, pytest.raises(RuntimeError, match="only reads"):
        ask(url, PATH, Heard(), method=method)


def test_a_redirection_does_not_lead_elsewhere() -> None:
    def elsewhere(_: str, __: dict[str, list[str]]) -> Answer:
        raise AssertionError("the token went elsewhere")

    with answering(elsewhere) as other:

        def answer(_: str, __: dict[str, list[str]]) -> Answer:
            return 302, {"Location": f"{other}/"}, b""

        with answering(answer) as url, pytest.raises(RuntimeError, match="only reads"):
            ask(url, PATH, Heard())


@pytest.mark.parametrize("prefix", ["", "/k8s/clusters/c1"])
def test_a_page_of_a_list_is_seen_and_passed_on(prefix: str) -> None:
    listener = Heard()
    with answering(lambda _target, _headers: as_json(TWO)) as url:
        body = ask(url + prefix, f"{PATH}?limit=2", listener)
        assert json.loads(body) == TWO
        ask(url + prefix, f"{PATH}?limit=2&continue=more", Heard())
    items = [Item(Name("shop", "db"), "u1", "3"), Item(Name("shop", "cache"), "u2", "4")]
    assert listener.told == [("asked", PATH), ("listed", PATH, items, "10", True, False), ("heard", PATH)]


def test_the_last_page_is_known_by_having_no_continuation() -> None:
    listener = Heard()
    with answering(lambda _target, _headers: as_json({"metadata": {"resourceVersion": "11"}, "items": []})) as url:
        ask(url, f"{PATH}?continue=more", listener)
    assert listener.told[1] == ("listed", PATH, [], "11", False, True)


def a_change(kind: str, version: str, **more: Any) -> bytes:
    metadata = {"namespace": "shop", "name": "db", "uid": "u1", "resourceVersion": version}
    return json.dumps({"type": kind, "object": {"metadata": metadata, **more}}).encode() + b"\n"


def test_changes_that_are_known_do_not_pass_and_everything_else_does_unchanged() -> None:
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}\n'
    error = b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n'
    deceit = a_change("MODIFIED", "9", metadata_like={"resourceVersion": "7"})
    passing = [a_change("ADDED", "7"), bookmark, a_change("DELETED", "7"), b"no JSON\n", deceit, error]
    watch = [*passing[:3], a_change("MODIFIED", "7", large="x" * 1000), *passing[3:]]
    with answering(lambda *_: (200, {}, b"".join(watch))) as url:
        assert ask(url, f"{PATH}?watch=true", Heard("7")) == b"".join(passing)


def test_pieces_of_a_watch_are_heard() -> None:
    listener = Heard()
    with answering(lambda _target, _headers: as_json({"type": "BOOKMARK"})) as url:
        ask(url, f"{PATH}?watch=true", listener)
    assert listener.told[0] == ("asked", PATH)
    assert listener.told.count(("heard", PATH)) >= 3


def test_what_is_no_list_is_passed_on_unseen() -> None:
    listener = Heard()
    with answering(lambda _target, _headers: as_json({"kind": "APIVersions", "versions": ["v1"]})) as url:
        ask(url, "/api", listener)
    assert listener.told == [("asked", "/api"), ("heard", "/api")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {}, b'{"kind":"Status","reason":"Forbidden","message":"no rights"}'), "forbidden: no rights"),
        ((500, {}, b"<html>"), "unavailable"),
        ((404, {}, b"404 page not found"), "not served"),
    ],
)
def test_refusals_are_told_in_our_words(answer: Answer, words: str) -> None:
    listener = Heard()
    with answering(lambda _target, _headers: answer) as url:
        ask(url, PATH, listener)
    assert listener.told[-1][0] == "refused"
    assert words in listener.told[-1][2]


def test_a_server_that_is_not_there_is_told() -> None:
    with answering(lambda _target, _headers: as_json({})) as url:
        gone = url
    listener = Heard()
    with pytest.raises(aiohttp.ClientConnectionError):
        ask(gone, PATH, listener)
    assert listener.told[-1] == ("refused", PATH, f"{gone.removeprefix('http://')}: connection refused")


def test_a_server_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apisession, "ANSWER_SECONDS", 0.1)
    asked = threading.Event()

    def answer(_: str, __: dict[str, list[str]]) -> Answer:
        asked.wait(10)
        return as_json({})

    listener = Heard()
    with answering(answer) as url:
        with pytest.raises(TimeoutError):
            ask(url, PATH, listener)
        asked.set()
    assert listener.told[-1][0] == "refused"
    assert listener.told[-1][2].endswith("no answer in time")
