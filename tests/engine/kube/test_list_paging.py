"""Lists in pages: what is asked for, and what happens when the server forgets the list half way."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.kube import session
from engine.kube.client import SMALLEST_PAGE, Cluster
from engine.kube.errors import Gone, TooLarge
from engine.kube.refs import SECRETS
from tests.kit.peer import Asked, Peer, Wire, answer, play, refused

Meet = Callable[..., tuple[Cluster, Peer]]
EXPIRED = refused(410, "Expired", "The provided continue parameter is too old")


def page(*names: str, more: str = "", **item: Any) -> bytes:
    items = [{"metadata": {"namespace": "shop", "name": name, **item}} for name in names]
    return answer({"kind": "SecretList", "metadata": {"resourceVersion": "7", "continue": more}, "items": items})


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query).items()}


def names(cluster: Cluster, **options: Any) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.list(SECRETS, "shop", **options)]


def test_pages_follow_each_other_by_their_token(meet: Meet) -> None:
    cluster, peer = meet(play(page("a", "b", more="t1"), page("c", more="t2/="), page("d")))
    assert names(cluster, page=2, label_selector="x=y,z", field_selector="type=Opaque") == ["a", "b", "c", "d"]
    common = {"limit": "2", "labelSelector": "x=y,z", "fieldSelector": "type=Opaque"}
    assert [query(asked) for asked in peer.requests] == [
        common,
        {**common, "continue": "t1"},
        {**common, "continue": "t2/="},
    ]


def test_a_page_is_fetched_when_it_is_needed(meet: Meet) -> None:
    cluster, peer = meet(play(page("a", more="t1"), page("b")))
    listed = cluster.list(SECRETS, "shop")
    assert not peer.requests
    next(listed)
    assert len(peer.requests) == 1
    next(listed)
    assert len(peer.requests) == 2


def test_objects_of_a_list_say_what_they_are(meet: Meet) -> None:
    cluster, _ = meet(play(page("a")))
    (item,) = cluster.list(SECRETS, "shop")
    assert (item["apiVersion"], item["kind"]) == ("v1", "Secret")


def test_a_list_without_items_is_empty(meet: Meet) -> None:
    cluster, _ = meet(play(answer({"kind": "SecretList", "metadata": {}, "items": None})))
    assert names(cluster) == []


def test_a_limit_ends_the_list_and_asks_for_no_more_than_it(meet: Meet) -> None:
    cluster, peer = meet(play(page("a", "b", more="t1")))
    assert names(cluster, limit=2) == ["a", "b"]
    assert [query(asked)["limit"] for asked in peer.requests] == ["2"]


def test_a_forgotten_list_starts_again_without_repeating_objects(meet: Meet) -> None:
    cluster, peer = meet(play(page("a", "b", more="t1"), EXPIRED, page("a", "aa", "b", more="t2"), page("c")))
    assert names(cluster) == ["a", "b", "aa", "c"]
    assert [query(asked).get("continue") for asked in peer.requests] == [None, "t1", None, "t2"]


def test_a_list_forgotten_twice_is_an_error_with_what_came_before_it(meet: Meet) -> None:
    cluster, _ = meet(play(page("a", more="t1"), EXPIRED, page("a", "b", more="t2"), EXPIRED))
    listed = cluster.list(SECRETS, "shop")
    assert [next(listed)["metadata"]["name"] for _ in range(2)] == ["a", "b"]
    with pytest.raises(Gone, match=r"^Secret/shop: too old$"):
        next(listed)


def test_pages_themselves_are_never_mixed_from_two_lists(meet: Meet) -> None:
    cluster, peer = meet(play(page("a", more="t1"), EXPIRED, page("a")))
    pages = cluster.list_pages(SECRETS, "shop")
    next(pages)
    with pytest.raises(Gone):
        next(pages)
    assert len(peer.requests) == 2


def test_too_large_a_page_is_asked_for_in_smaller_ones(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RESPONSE_LIMIT", 2000)

    def serve(asked: Asked, wire: Wire) -> None:
        given, start = int(query(asked)["limit"]), int(query(asked).get("continue", 0))
        end = min(start + given, 100)
        more = str(end) if end < 100 else ""
        wire.send(page(*(f"object-{number}" for number in range(start, end)), more=more))

    cluster, peer = meet(serve)
    assert names(cluster) == [f"object-{number}" for number in range(100)]
    assert [query(asked)["limit"] for asked in peer.requests][:3] == ["500", "62", str(SMALLEST_PAGE)]


def test_single_objects_beyond_the_limit_are_an_error(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RESPONSE_LIMIT", 2000)
    cluster, peer = meet(play(page("a", padding="x" * 5000)))
    with pytest.raises(TooLarge):
        names(cluster)
    assert len(peer.requests) == 3


def test_a_list_of_all_namespaces_tells_objects_of_one_name_apart(meet: Meet) -> None:
    items = [{"metadata": {"namespace": where, "name": "db"}} for where in ("a", "b")]
    cluster, peer = meet(play(answer(json.dumps({"items": items, "metadata": {}}).encode())))
    assert [item["metadata"]["namespace"] for item in cluster.list(SECRETS)] == ["a", "b"]
    assert urlsplit(peer.requests[0].target).path == "/api/v1/secrets"
