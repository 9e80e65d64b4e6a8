"""Which requests are sent again, and which must not be: seen from the other end of the wire."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from engine.kube.client import Cluster
from engine.kube.credentials import TokenFile
from engine.kube.errors import ApiError, TooManyRequests, Unauthorized, Unavailable, Unreachable
from engine.kube.refs import SECRETS
from tests.kit.peer import Asked, Peer, Script, Wire, answer, play, refused, reset

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}}
VERSIONED = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"namespace": "shop", "name": "db", "resourceVersion": "7"},
}

Meet = Callable[..., tuple[Cluster, Peer]]


def half_an_answer(_: Asked, wire: Wire) -> None:
    wire.send(answer(SECRET)[:-5])
    wire.close()


WRITES_HARMLESS_TWICE = {
    "update of a version": lambda cluster: cluster.update(SECRETS, VERSIONED),
    "update of a status of a version": lambda cluster: cluster.update_status(SECRETS, VERSIONED),
    "merge patch": lambda cluster: cluster.patch(SECRETS, "shop", "db", {}),
    "apply": lambda cluster: cluster.apply(SECRETS, SECRET, field_manager="test"),
    "delete by uid": lambda cluster: cluster.delete(SECRETS, "shop", "db", uid="1-2-3"),
    "delete of a version": lambda cluster: cluster.delete(SECRETS, "shop", "db", resource_version="7"),
}
WRITES_TO_DO_ONCE = {
    "create": lambda cluster: cluster.create(SECRETS, SECRET),
    "update of any version": lambda cluster: cluster.update(SECRETS, SECRET),
    "JSON patch": lambda cluster: cluster.patch(SECRETS, "shop", "db", [], kind="json"),
    "strategic patch": lambda cluster: cluster.patch(SECRETS, "shop", "db", {}, kind="strategic"),
    "delete of whatever is there": lambda cluster: cluster.delete(SECRETS, "shop", "db"),
}
READS = {
    "get": lambda cluster: cluster.get(SECRETS, "shop", "db"),
    "list": lambda cluster: list(cluster.list(SECRETS, "shop")),
}
WRITES = WRITES_HARMLESS_TWICE | WRITES_TO_DO_ONCE


def each(calls: dict[str, Callable[[Cluster], object]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", calls.values(), ids=calls.keys())


@each(READS | WRITES_HARMLESS_TWICE)
def test_a_kept_connection_that_ends_instead_of_an_answer_is_replaced(meet: Meet, call) -> None:
    cluster, peer = meet(play(answer(SECRET), reset, answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    call(cluster)
    assert [asked.connection for asked in peer.requests] == [1, 1, 2]
    assert peer.requests[1][:2] == peer.requests[2][:2]
    assert peer.requests[1].body == peer.requests[2].body


@each(WRITES_TO_DO_ONCE)
def test_a_write_is_not_repeated_when_the_server_may_have_done_it(meet: Meet, call) -> None:
    cluster, peer = meet(play(answer(SECRET), reset, answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    with pytest.raises(Unreachable) as caught:
        call(cluster)
    assert caught.value.sent
    assert "look before you try again" in (caught.value.hint or "")
    assert len(peer.requests) == 2


@each(WRITES)
def test_a_write_over_a_new_connection_is_never_repeated(meet: Meet, call) -> None:
    cluster, peer = meet(play(reset, answer(SECRET)))
    with pytest.raises(Unreachable) as caught:
        call(cluster)
    assert caught.value.sent
    assert len(peer.requests) == 1


@each(WRITES)
def test_a_write_is_not_repeated_when_its_answer_breaks_off(meet: Meet, call) -> None:
    cluster, peer = meet(play(answer(SECRET), half_an_answer, answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    with pytest.raises(Unreachable, match="broke off: it is not complete") as caught:
        call(cluster)
    assert caught.value.sent
    assert len(peer.requests) == 2


@each(READS)
@pytest.mark.parametrize("act", [reset, half_an_answer])
def test_a_read_is_repeated_whenever_its_connection_breaks(meet: Meet, call, act: Script) -> None:
    cluster, peer = meet(play(act, act, answer(SECRET)))
    call(cluster)
    assert len(peer.requests) == 3


@each(READS)
def test_a_read_is_given_up_after_a_few_breaks(meet: Meet, call) -> None:
    cluster, peer = meet(play(reset))
    with pytest.raises(Unreachable):
        call(cluster)
    assert len(peer.requests) == 4


@each(WRITES)
def test_a_connection_that_the_server_closed_while_it_was_idle_is_not_used(meet: Meet, call) -> None:
    closed = Event()

    def serve_and_close(_: Asked, wire: Wire) -> None:
        wire.send(answer(SECRET))
        wire.close()
        closed.set()

    cluster, peer = meet(play(serve_and_close, answer(SECRET)))
    cluster.get(SECRETS, "shop", "db")
    assert closed.wait(5)
    call(cluster)
    assert [asked.connection for asked in peer.requests] == [1, 2]


@each(READS | WRITES)
def test_429_is_waited_out_because_nothing_was_done(meet: Meet, call) -> None:
    busy = answer({}, 429, Retry_After="0")
    cluster, peer = meet(play(busy, busy, answer(SECRET)))
    call(cluster)
    assert len(peer.requests) == 3


@each(READS | WRITES)
def test_503_with_a_time_to_come_back_is_waited_out(meet: Meet, call) -> None:
    cluster, peer = meet(play(answer({}, 503, Retry_After="0"), answer(SECRET)))
    call(cluster)
    assert len(peer.requests) == 2


def test_the_wait_that_the_server_names_is_kept(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _ = meet(play(answer({}, 429, Retry_After="7"), answer({}, 429), answer(SECRET)))
    waited: list[float] = []
    monkeypatch.setattr(cluster._closed, "wait", waited.append)
    cluster.get(SECRETS, "shop", "db")
    assert waited == [7.0, 1.0]


def test_a_server_that_stays_busy_is_given_up(meet: Meet) -> None:
    cluster, peer = meet(play(refused(429, "TooManyRequests", details={"retryAfterSeconds": 4})))
    cluster._closed.wait = lambda _: False
    with pytest.raises(TooManyRequests) as caught:
        cluster.create(SECRETS, SECRET)
    assert caught.value.retry_after == 4
    assert len(peer.requests) == 5


def test_a_long_wait_is_left_to_the_caller(meet: Meet) -> None:
    cluster, peer = meet(play(answer({}, 429, Retry_After="60")))
    with pytest.raises(TooManyRequests) as caught:
        cluster.get(SECRETS, "shop", "db")
    assert caught.value.retry_after == 60
    assert len(peer.requests) == 1


@each(READS)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_survives_a_burst_of_server_errors(meet: Meet, call, status: int) -> None:
    cluster, peer = meet(play(answer({}, status), answer({}, status), answer(SECRET)))
    call(cluster)
    assert len(peer.requests) == 3


@each(WRITES)
def test_a_write_is_not_repeated_after_a_server_error(meet: Meet, call) -> None:
    cluster, peer = meet(play(answer({}, 500), answer(SECRET)))
    with pytest.raises(Unavailable) as caught:
        call(cluster)
    assert caught.value.sent
    assert caught.value.status == 500
    assert len(peer.requests) == 1


@each(READS | WRITES)
def test_a_refusal_is_not_repeated(meet: Meet, call) -> None:
    cluster, peer = meet(play(refused(403, "Forbidden")))
    with pytest.raises(ApiError):
        call(cluster)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("call", [READS["get"], WRITES_TO_DO_ONCE["create"]])
def test_a_silent_server_is_asked_once(meet: Meet, call) -> None:
    cluster, peer = meet(lambda *_: peer.wait(5), timeout_seconds=0.1)
    with pytest.raises(Unreachable, match=r"no answer from http://\S+: nothing came for 0.1 s"):
        call(cluster)
    assert len(peer.requests) == 1


def test_a_server_that_is_not_there_was_sent_nothing(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    peer.__exit__()
    with pytest.raises(Unreachable, match=r"Secret/shop/db: cannot reach http://\S+: connection refused") as caught:
        cluster.create(SECRETS, SECRET)
    assert not caught.value.sent
    assert caught.value.status == 0


@each(READS | WRITES)
def test_401_is_tried_again_with_a_token_that_was_renewed_meanwhile(tmp_path: Path, meet: Meet, call) -> None:
    file = tmp_path / "token"
    file.write_text("old")

    def renew_and_refuse(_: Asked, wire: Wire) -> None:
        file.write_text("new")
        wire.send(refused(401, "Unauthorized"))

    cluster, peer = meet(
        play(answer(SECRET), renew_and_refuse, answer(SECRET)), credentials=TokenFile(file, source="test")
    )
    cluster.get(SECRETS, "shop", "db")
    call(cluster)
    assert [asked.headers["authorization"] for asked in peer.requests] == ["Bearer old", "Bearer old", "Bearer new"]


def test_401_is_final_when_the_token_is_the_same(tmp_path: Path, meet: Meet) -> None:
    (tmp_path / "token").write_text("old")
    cluster, peer = meet(
        play(refused(401, "Unauthorized")),
        credentials=TokenFile(tmp_path / "token", source="test"),
        origin='kubeconfig /x, context "a"',
    )
    with pytest.raises(Unauthorized, match=r"^Secret/shop/db: unauthorized$") as caught:
        cluster.get(SECRETS, "shop", "db")
    assert 'kubeconfig /x, context "a"' in (caught.value.hint or "")
    assert len(peer.requests) == 1


def test_401_after_renewal_is_final_too(tmp_path: Path, meet: Meet) -> None:
    file = tmp_path / "token"
    file.write_text("0")

    def renew_and_refuse(asked: Asked, wire: Wire) -> None:
        file.write_text(str(len(peer.requests)))
        wire.send(refused(401, "Unauthorized"))

    cluster, peer = meet(renew_and_refuse, credentials=TokenFile(file, source="test"))
    with pytest.raises(Unauthorized):
        cluster.get(SECRETS, "shop", "db")
    assert len(peer.requests) == 2
