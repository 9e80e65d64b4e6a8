"""Answers that no API server should give: each ends in one clear error, and the client serves on."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.kube import session
from engine.kube.client import Cluster
from engine.kube.errors import ApiError, Invalid, NotServed, TooLarge, Unavailable, Unreachable
from engine.kube.http import transport
from engine.kube.refs import SECRETS, Resource
from tests.kit.peer import Asked, Peer, Wire, answer, play

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop", "name": "a"}}

Meet = Callable[..., tuple[Cluster, Peer]]


def ended(content: bytes) -> Callable[[Asked, Wire], None]:
    """An act: send this, then end the connection."""

    def act(_: Asked, wire: Wire) -> None:
        wire.send(content)
        wire.close()

    return act


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "no answer from .*: the server closed the connection"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "no answer from .*: it is no HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "no answer from .*: it is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "no answer from .*: it is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n", "no answer from .*: it is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "broke off: it is not complete"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n{}", "broke off: it is not complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", "broke off: it is not complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "broke off: it is not complete"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n", "broke off"),
    ],
)
def test_what_is_no_whole_answer_of_http(meet: Meet, content: bytes, text: str) -> None:
    cluster, _ = meet(ended(content))
    with pytest.raises(Unreachable, match=rf"^ConfigMap/shop/a: .*{text}") as caught:
        cluster.get(CONFIGS, "shop", "a")
    assert caught.value.sent


@pytest.mark.parametrize(
    "content",
    [
        answer(b"<html>log in here</html>", content_type="text/html"),
        answer(b""),
        answer(b"{"),
        answer(b"[1]"),
        answer(b"null"),
        answer(b'{"a": "\xff"}'),
        answer(b"", 204),
    ],
)
def test_a_success_that_is_no_object(meet: Meet, content: bytes) -> None:
    cluster, _ = meet(play(content))
    with pytest.raises(Unavailable, match=r"^ConfigMap/shop/a: the answer is no JSON object") as caught:
        cluster.get(CONFIGS, "shop", "a")
    assert caught.value.hint == "is this the address of a Kubernetes API server?"


@pytest.mark.parametrize(
    "content",
    [
        answer(b"<html>404</html>", 404, content_type="text/html"),
        answer(b"404 page not found\n", 404, content_type="text/plain"),
        answer([], 404),
        answer({"kind": "Status", "details": [], "causes": 3, "message": {}, "reason": 5}, 418),
        answer({"kind": "Status", "details": {"causes": [None, 3, {"field": 3}], "retryAfterSeconds": "x"}}, 422),
        answer(b"", 302, Location="https://elsewhere/"),
    ],
)
def test_a_refusal_of_another_shape_is_an_error_all_the_same(meet: Meet, content: bytes) -> None:
    cluster, peer = meet(play(content))
    with pytest.raises(ApiError, match=r"^ConfigMap/shop/a: "):
        cluster.get(CONFIGS, "shop", "a")
    assert len(peer.requests) == 1


def test_a_path_that_no_handler_serves_means_a_kind_unknown_to_the_server(meet: Meet) -> None:
    widgets = Resource("example.org", "v1", "widgets", "Widget")
    cluster, _ = meet(play(answer(b"404 page not found\n", 404, content_type="text/plain")))
    with pytest.raises(NotServed, match=r"^Widget/shop/a: not served$") as caught:
        cluster.get(widgets, "shop", "a")
    assert "widgets.example.org" in (caught.value.hint or "")


def test_the_client_serves_on_after_a_broken_answer(meet: Meet) -> None:
    cluster, peer = meet(play(answer(b"{"), answer(OBJECT), ended(b"nonsense\r\n\r\n"), answer(OBJECT)))
    with pytest.raises(Unavailable):
        cluster.get(CONFIGS, "shop", "a")
    for _ in range(2):
        assert cluster.get(CONFIGS, "shop", "a") == OBJECT
    assert peer.connections == 2


@pytest.mark.parametrize("head", [b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"])
def test_an_answer_without_end_is_cut_off(meet: Meet, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(session, "RESPONSE_LIMIT", 1 << 20)

    def flood(_: Asked, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        for _ in range(100):
            wire.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    cluster, peer = meet(flood)
    tracemalloc.start()
    with pytest.raises(TooLarge, match=r"^ConfigMap/shop/a: too large: the answer has more than 1 MiB$"):
        cluster.get(CONFIGS, "shop", "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert len(peer.requests) == 1


def test_a_lying_length_allocates_nothing(meet: Meet) -> None:
    cluster, _ = meet(ended(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n{}"))
    tracemalloc.start()
    with pytest.raises(Unreachable):
        cluster.get(CONFIGS, "shop", "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * transport.CHUNK


def test_a_request_above_the_servers_limit_is_not_sent(meet: Meet) -> None:
    cluster, peer = meet(play(answer(OBJECT)))
    with pytest.raises(TooLarge, match=r"^ConfigMap/shop/a: too large: 4.0 MiB, and the API server takes 3 MiB$"):
        cluster.create(CONFIGS, {**OBJECT, "data": {"a": "x" * (4 << 20)}})
    assert not peer.requests


@pytest.mark.parametrize("name", ["a/b", "..", "a?b", "a#b", "a%2fb", "a b", "a\r\nHost: x", ""])
def test_a_name_that_leaves_the_path_is_not_sent(meet: Meet, name: str) -> None:
    cluster, peer = meet(play(answer(OBJECT)))
    with pytest.raises(Invalid, match="invalid"):
        cluster.update(SECRETS, {"metadata": {"namespace": "shop", "name": name}})
    assert not peer.requests


def test_a_missing_namespace_is_the_callers_mistake(meet: Meet) -> None:
    cluster, peer = meet(play(answer(OBJECT)))
    with pytest.raises(ValueError, match="a ConfigMap lives in a namespace"):
        cluster.create(CONFIGS, {"metadata": {"name": "a"}})
    assert not peer.requests


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"]))
def test_any_bytes_end_in_an_error_of_ours_or_an_object(meet: Meet, content: bytes, head: bytes) -> None:
    cluster, _ = meet(ended(head + content))
    with suppress(ApiError):  # anything else fails the test
        assert isinstance(cluster.get(CONFIGS, "shop", "a"), dict)
    cluster.close()
