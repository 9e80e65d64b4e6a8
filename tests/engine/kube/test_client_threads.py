"""Many threads on one client: how many connections they need, and how it all ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.errors import Unreachable
from engine.kube.http import transport
from engine.kube.refs import SECRETS
from tests.kit.peer import Asked, Peer, Wire, answer, play

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}}
Meet = Callable[..., tuple[Cluster, Peer]]


def test_requests_one_after_the_other_share_a_connection_across_threads(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    for _ in range(5):
        thread = threading.Thread(target=cluster.get, args=(SECRETS, "shop", "db"))
        thread.start()
        thread.join()
    assert len(peer.requests) == 5
    assert peer.connections == 1


def test_requests_at_the_same_time_have_a_connection_each_and_keep_it(meet: Meet) -> None:
    together = threading.Barrier(4)

    def serve(_: Asked, wire: Wire) -> None:
        together.wait(5)
        wire.send(answer(SECRET))

    cluster, peer = meet(serve)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(lambda _: cluster.get(SECRETS, "shop", "db"), range(4))) == [SECRET] * 4
    assert len(peer.requests) == 12
    assert peer.connections == 4


def test_answers_are_not_mixed_up_between_threads(meet: Meet) -> None:
    def serve(asked: Asked, wire: Wire) -> None:
        wire.send(answer({"name": asked.target.rpartition("/")[2]}))

    cluster, _ = meet(serve)
    names = [f"n{number}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda name: cluster.get(SECRETS, "shop", name)["name"], names)) == names


def test_an_old_connection_is_not_trusted(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    cluster.get(SECRETS, "shop", "db")
    assert peer.connections == 2


def test_a_server_that_wants_no_kept_connection_gets_none(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET, Connection="close")))
    for _ in range(2):
        cluster.get(SECRETS, "shop", "db")
    assert peer.connections == 2


def test_closing_ends_a_request_that_waits_for_its_answer(meet: Meet) -> None:
    came = threading.Event()

    def serve(_: Asked, wire: Wire) -> None:
        came.set()
        peer.wait(30)

    cluster, peer = meet(serve, timeout_seconds=30)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cluster.create, SECRETS, SECRET)
        assert came.wait(5)
        began = time.monotonic()
        cluster.close()
        error = waiting.exception(5)
    assert isinstance(error, Unreachable)
    assert "the client is closed" in str(error)
    assert error.sent
    assert time.monotonic() - began < 3


def test_closing_ends_a_wait_that_the_server_asked_for(meet: Meet) -> None:
    came = threading.Event()

    def serve(_: Asked, wire: Wire) -> None:
        wire.send(answer({}, 429, Retry_After="9"))
        came.set()

    cluster, peer = meet(serve)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cluster.get, SECRETS, "shop", "db")
        assert came.wait(5)
        began = time.monotonic()
        cluster.close()
        error = waiting.exception(5)
    assert isinstance(error, Unreachable)
    assert time.monotonic() - began < 3
    assert len(peer.requests) == 1


def test_nothing_is_sent_after_closing(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    cluster.close()
    with pytest.raises(Unreachable, match="the client is closed") as caught:
        cluster.get(SECRETS, "shop", "db")
    assert not caught.value.sent
    assert len(peer.requests) == 1


def test_a_sibling_lives_on(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    sibling = cluster.sibling()
    cluster.close()
    assert sibling.get(SECRETS, "shop", "db") == SECRET
    sibling.close()
    assert peer.connections == 1


def test_a_unix_socket_serves_too(tmp_path) -> None:
    with Peer(play(answer(SECRET)), unix=tmp_path / "s") as peer:
        cluster = Cluster(Connection(peer.url))
        assert cluster.get(SECRETS, "shop", "db") == SECRET
        cluster.close()
    assert peer.requests[0].headers["host"] == "localhost"


def test_every_request_says_who_asks(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    program, _, platform = peer.requests[0].headers["user-agent"].partition(" ")
    assert program.startswith("kseal/")
    assert platform.startswith("(")
