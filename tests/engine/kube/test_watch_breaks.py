"""An informer when the wire misbehaves. What an API server means by its answers is tested against a real one."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.kube import watch
from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.errors import Forbidden, Gone, TooManyRequests, Unavailable, Unreachable
from engine.kube.refs import Resource
from engine.kube.watch import Informer, Problem
from tests.kit.peer import Asked, Peer, Wire, answer, refused

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
DEADLINE = 10.0


def listing(version: str = "1", *names: str) -> bytes:
    items = [{"metadata": {"namespace": "shop", "name": name, "resourceVersion": version}} for name in names]
    return answer({"metadata": {"resourceVersion": version}, "items": items})


def event(kind: str, name: str, version: str) -> bytes:
    metadata = {"namespace": "shop", "name": name, "resourceVersion": version}
    return chunk(json.dumps({"type": kind, "object": {"metadata": metadata}}).encode() + b"\n")


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Seen:
    """What an informer has told, and a way to wait for it."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str | None]] = []
        self.problems: list[Problem] = []
        self._news = threading.Condition()

    def changed(self, namespace: str, name: str, value: str | None) -> None:
        with self._news:
            self.changes.append((f"{namespace}/{name}", value))
            self._news.notify_all()

    def problem(self, problem: Problem) -> None:
        with self._news:
            self.problems.append(problem)
            self._news.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        with self._news:
            assert self._news.wait_for(condition, DEADLINE), (self.changes, self.problems)


class Stage:
    """A peer that lists as told, and plays one act for each watch; the last act serves all others."""

    def __init__(self, *acts: Callable[[Wire], None], listing: bytes = listing()) -> None:
        self.listing = listing
        self.lists = 0
        self.watches: list[dict[str, str]] = []
        self._acts = list(acts)
        self.peer: Peer | None = None

    def __call__(self, asked: Asked, wire: Wire) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}
        if "watch" not in query:
            self.lists += 1
            wire.send(self.listing)
            return
        act = self._acts[min(len(self.watches), len(self._acts) - 1)]
        self.watches.append(query)
        act(wire)


Start = Callable[..., tuple[Informer[str], Seen]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a peer with this script and an informer on it, whose values are resource versions."""
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 0.01)
    with ExitStack() as stack:

        def make(script: Callable[[Asked, Wire], None], **options: Any) -> tuple[Informer[str], Seen]:
            peer = stack.enter_context(Peer(script))
            if isinstance(script, Stage):
                script.peer = peer
            seen = Seen()
            settings: dict[str, Any] = {
                "decode": lambda item: item["metadata"]["resourceVersion"],
                "on_change": seen.changed,
                "on_problem": seen.problem,
                **options,
            }
            informer = Informer(Cluster(Connection(peer.url)), CONFIGS, **settings)
            stack.callback(informer.stop)
            informer.start()
            return informer, seen

        yield make


def stays_open(wire: Wire) -> None:
    """An act: a watch on which nothing happens until somebody closes it."""
    wire.send(STREAM)
    wire.connection.settimeout(DEADLINE)
    if not wire.connection.recv(1):
        wire.close()


def tells(*parts: bytes) -> Callable[[Wire], None]:
    """An act: a watch with these parts, which the server then ends in order."""

    def act(wire: Wire) -> None:
        wire.send(STREAM + b"".join(parts) + b"0\r\n\r\n")

    return act


def breaks(*parts: bytes) -> Callable[[Wire], None]:
    """An act: a watch with these parts, which then breaks."""

    def act(wire: Wire) -> None:
        wire.send(STREAM + b"".join(parts))
        wire.close()

    return act


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)  # what is waited for has no event of its own


def test_a_watch_goes_on_where_the_last_event_was(start: Start) -> None:
    bookmark = chunk(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}\n')
    stage = Stage(tells(event("ADDED", "a", "5")), tells(bookmark), breaks(event("MODIFIED", "a", "9")), stays_open)
    informer, seen = start(stage)
    seen.wait(lambda: seen.changes == [("shop/a", "5"), ("shop/a", "9")])
    wait_for(lambda: len(stage.watches) == 4)
    assert [query["resourceVersion"] for query in stage.watches] == ["1", "5", "8", "9"]
    assert stage.lists == 1
    assert informer.items() == {("shop", "a"): "9"}


def test_each_watch_asks_for_bookmarks_and_for_an_end_of_its_own(start: Start) -> None:
    stage = Stage(tells(event("ADDED", "a", "5")), tells(event("ADDED", "b", "6")), stays_open)
    start(stage)
    wait_for(lambda: len(stage.watches) == 3)
    assert {query["allowWatchBookmarks"] for query in stage.watches} == {"true"}
    seconds = [int(query["timeoutSeconds"]) for query in stage.watches]
    assert all(300 <= value <= 600 for value in seconds)


@pytest.mark.parametrize(
    "part", [b"", event("ADDED", "a", "5")[:30], b"zz\r\n", chunk(b'{"type":"ADDED","obj'), b"-1\r\n"]
)
def test_half_an_event_counts_for_nothing(start: Start, part: bytes) -> None:
    stage = Stage(breaks(part), tells(event("ADDED", "a", "5")), stays_open)
    informer, seen = start(stage)
    seen.wait(lambda: seen.changes == [("shop/a", "5")])
    wait_for(lambda: informer.last_error is None)
    assert stage.lists == 1
    assert isinstance(seen.problems[0].error, Unreachable)
    assert seen.problems[0].doing == "watch"


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b"3",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":null}',
        b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}',
        b'{"type":"ERROR","object":3}',
    ],
)
def test_nonsense_has_everything_listed_again(start: Start, line: bytes) -> None:
    stage = Stage(tells(chunk(line + b"\n")), stays_open, listing=listing("1", "a"))
    informer, seen = start(stage)
    seen.wait(lambda: seen.problems)
    wait_for(lambda: stage.lists == 2 and informer.healthy)
    assert isinstance(seen.problems[0].error, Unavailable)
    assert "something that is no event" in str(seen.problems[0].error)
    assert seen.changes == [("shop/a", "1")]


def test_an_event_without_end_is_not_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.kube.session.RESPONSE_LIMIT", 1 << 20)
    stage = Stage(breaks(*[chunk(b" " * (1 << 16))] * 40), stays_open)
    _, seen = start(stage)
    seen.wait(lambda: seen.problems)
    assert "too large" in str(seen.problems[0].error)


def test_silence_ends_a_watch_without_fuss(start: Start) -> None:
    stage = Stage(stays_open)
    informer, seen = start(stage, inactivity_seconds=0.02)
    wait_for(lambda: len(stage.watches) >= 3)
    assert stage.lists == 1
    assert informer.is_synced
    assert not seen.problems


def test_a_server_that_ends_each_watch_at_once_is_not_asked_at_full_speed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 0.1)
    stage = Stage(tells())
    informer, seen = start(stage)
    seen.wait(lambda: len(seen.problems) >= 3)
    assert len(stage.watches) <= 4
    assert not informer.healthy
    assert "ended the watch at once" in str(informer.last_error)


def test_a_server_that_forgets_each_list_at_once_is_not_asked_at_full_speed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 0.1)
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    stage = Stage(tells(chunk(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")))
    _, seen = start(stage)
    seen.wait(lambda: len(seen.problems) >= 4)
    assert all(isinstance(problem.error, Gone) for problem in seen.problems)
    assert 4 <= stage.lists <= 5


def test_pauses_grow_and_are_capped(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    informer, seen = start(lambda _, wire: wire.send(refused(403, "Forbidden")))
    pauses: list[float] = []
    monkeypatch.setattr(informer._stopping, "wait", pauses.append)
    seen.wait(lambda: len(seen.problems) > 20)
    informer.stop()
    assert all(0 < pause <= watch.LONGEST_PAUSE_SECONDS for pause in pauses)
    assert pauses[15] >= watch.LONGEST_PAUSE_SECONDS / 2


def test_an_outage_may_last_for_days(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    informer, seen = start(lambda _, wire: wire.send(refused(403, "Forbidden")))
    monkeypatch.setattr(informer._stopping, "wait", lambda _: None)
    informer._failures = 100_000
    failed = len(seen.problems)
    seen.wait(lambda: len(seen.problems) > failed + 3)
    assert informer.is_running


def test_the_servers_wish_for_patience_is_kept(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    informer, seen = start(Stage(lambda wire: wire.send(answer({}, 429, Retry_After="7"))))
    pauses: list[float] = []
    monkeypatch.setattr(informer._stopping, "wait", pauses.append)
    seen.wait(lambda: len(seen.problems) > 3)
    informer.stop()
    assert isinstance(seen.problems[-1].error, TooManyRequests)
    assert 7.0 in pauses


def test_what_fails_is_reported_until_it_works(start: Start) -> None:
    allowed = threading.Event()
    stage = Stage(stays_open, listing=listing("1", "a"))

    def script(asked: Asked, wire: Wire) -> None:
        if allowed.is_set():
            stage(asked, wire)
        else:
            wire.send(refused(403, "Forbidden", 'configmaps is forbidden: User "ci" cannot list resource "configmaps"'))

    informer, seen = start(script)
    seen.wait(lambda: len(seen.problems) > 2)
    assert isinstance(informer.last_error, Forbidden)
    assert seen.problems[0].doing == "list"
    assert not informer.is_synced
    assert not informer.wait_synced(0.01)
    assert not informer.healthy
    allowed.set()
    assert informer.wait_synced(DEADLINE)
    wait_for(lambda: informer.healthy)
    assert informer.get("shop", "a") == "1"
    assert informer.last_error is None


def test_an_object_that_cannot_be_decoded_is_reported_and_the_rest_goes_on(start: Start) -> None:
    def decode(item: dict[str, Any]) -> str:
        if item["metadata"]["resourceVersion"] == "6":
            raise ValueError("not this one")
        return item["metadata"]["resourceVersion"]

    stage = Stage(
        tells(*(event("MODIFIED", "a", str(version)) for version in (5, 6, 7)), event("ADDED", "b", "6")), stays_open
    )
    informer, seen = start(stage, decode=decode)
    seen.wait(lambda: len(seen.problems) == 2)
    assert seen.changes == [("shop/a", "5"), ("shop/a", None), ("shop/a", "7")]
    assert [(problem.doing, problem.namespace, problem.name) for problem in seen.problems] == [
        ("decode", "shop", "a"),
        ("decode", "shop", "b"),
    ]
    assert informer.items() == {("shop", "a"): "7"}


def test_objects_that_the_decoder_does_not_want_are_not_there(start: Start) -> None:
    def decode(item: dict[str, Any]) -> str | None:
        version: str = item["metadata"]["resourceVersion"]
        return None if int(version) % 2 else version

    stage = Stage(tells(*(event("MODIFIED", "a", str(version)) for version in (3, 4, 5, 7, 8))), stays_open)
    _, seen = start(stage, decode=decode)
    seen.wait(lambda: len(seen.changes) == 3)
    assert seen.changes == [("shop/a", "4"), ("shop/a", None), ("shop/a", "8")]


def test_a_handler_that_raises_is_reported_and_told_the_next_change(start: Start) -> None:
    told: list[str | None] = []

    def handle(namespace: str, name: str, value: str | None) -> None:
        told.append(value)
        raise RuntimeError("handler")

    stage = Stage(tells(event("ADDED", "a", "5"), event("DELETED", "a", "6")), stays_open)
    informer, seen = start(stage, on_change=handle)
    seen.wait(lambda: len(seen.problems) == 2)
    assert told == ["5", None]
    assert [(problem.doing, problem.name) for problem in seen.problems] == [("handle", "a"), ("handle", "a")]
    assert informer.is_running
    assert stage.lists == 1


def test_a_log_that_raises_does_not_end_the_watch(start: Start) -> None:
    def report(problem: Problem) -> None:
        raise RuntimeError("log")

    stage = Stage(breaks(), tells(event("ADDED", "a", "5")), stays_open)
    informer, seen = start(stage, on_problem=report)
    seen.wait(lambda: seen.changes == [("shop/a", "5")])
    assert informer.is_running


def test_a_defect_of_our_own_is_reported_and_everything_is_listed_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(stays_open, listing=answer({"metadata": {}, "items": []}))
    informer, seen = start(stage)
    seen.wait(lambda: seen.problems)
    assert isinstance(seen.problems[0].error, KeyError)
    stage.listing = listing("1", "a")
    assert informer.wait_synced(DEADLINE)


def stop_quickly(informer: Informer[str]) -> None:
    began = time.monotonic()
    informer.stop()
    seconds = time.monotonic() - began
    assert not informer.is_running
    assert not informer.healthy
    assert seconds < 1  # a millisecond, where nobody else wants the machine


def test_stopping_while_watching(start: Start) -> None:
    stage = Stage(stays_open)
    informer, _ = start(stage)
    wait_for(lambda: stage.watches)
    stop_quickly(informer)


def test_stopping_while_the_server_thinks_about_a_list(start: Start) -> None:
    came = threading.Event()
    done = threading.Event()

    def script(asked: Asked, wire: Wire) -> None:
        came.set()
        done.wait(DEADLINE)

    informer, _ = start(script)
    assert came.wait(DEADLINE)
    stop_quickly(informer)
    done.set()


def test_stopping_during_a_pause(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FIRST_PAUSE_SECONDS", 10.0)
    informer, seen = start(lambda _, wire: wire.send(refused(403, "Forbidden")))
    seen.wait(lambda: seen.problems)
    stop_quickly(informer)


def test_stopping_while_connecting() -> None:
    seen = Seen()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        address = full.getsockname()
        for _ in range(8):  # more than the queue holds: the next one gets no answer at all
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        informer: Informer[str] = Informer(
            Cluster(Connection(f"http://127.0.0.1:{address[1]}")),
            CONFIGS,
            decode=str,
            on_change=seen.changed,
            on_problem=seen.problem,
        )
        informer.start()
        wait_for(lambda: informer._cluster._transport._used)
        stop_quickly(informer)


def test_stopping_from_the_handler_itself(start: Start) -> None:
    stopped = threading.Event()
    holder: list[Informer[str]] = []

    def handle(*_: object) -> None:
        holder[0].stop()
        stopped.set()

    release = threading.Event()

    def script(asked: Asked, wire: Wire) -> None:
        release.wait(DEADLINE)
        wire.send(listing("1", "a", "b"))

    informer, _ = start(script, on_change=handle)
    holder.append(informer)
    release.set()
    assert stopped.wait(DEADLINE)
    wait_for(lambda: not informer.is_running)


def test_nothing_is_told_after_a_stop(start: Start) -> None:
    go_on = threading.Event()

    def tells_late(wire: Wire) -> None:
        wire.send(STREAM)
        go_on.wait(DEADLINE)
        wire.send(event("ADDED", "a", "5"))

    stage = Stage(tells_late)
    informer, seen = start(stage)
    wait_for(lambda: stage.watches)
    informer.stop()
    go_on.set()
    assert seen.changes == []
    assert not informer.is_running


def test_stopping_twice_and_before_the_start() -> None:
    informer: Informer[str] = Informer(
        Cluster(Connection("http://127.0.0.1:1")),
        CONFIGS,
        decode=str,
        on_change=lambda *_: None,
        on_problem=lambda _: None,
    )
    informer.stop()
    informer.stop()
    assert not informer.is_running
