"""What a controller answers is believed only as far as it can be the same values under its newest key."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.errors import Conflict, NotFound, TooManyRequests, Unavailable
from sealer.errors import UnsealError
from sealer.keys import SealingKey
from sealer.ring import KeyRing
from sealer.rotation.remote import Remote
from sealer.rotation.resealer import Offline
from sealer.service import Service

Raw = dict[str, Any]
Answer = Callable[[str, Raw], Any]


class Answered:
    """The body of an answer."""

    def __init__(self, value: object) -> None:
        self.body = value if isinstance(value, bytes) else json.dumps(value).encode()


class Line:
    """The client's two calls, answered by a function of the endpoint's name and the object that was sent."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.sent: list[tuple[str, Raw]] = []

    def get(self, *_: object) -> Raw:
        return {"spec": {"ports": [{"name": "http", "port": 8080}]}}

    def request(self, method: str, path: str, *, body: bytes, headers: object) -> Answered:
        assert headers == [("Content-Type", "application/json")]
        assert (method, path.rpartition("/v1/")[0]) == (
            "POST",
            "/api/v1/namespaces/kube-system/services/http:controller:http/proxy",
        )
        verb, raw = path.rpartition("/")[2], json.loads(body)
        self.sent.append((verb, raw))
        return Answered(self._answer(verb, raw))


def remote(line: Line, key: SealingKey, known: tuple[str, ...] = (), slept: list[float] | None = None) -> Remote:
    assert key.certificate is not None
    wait = slept.append if slept is not None else None
    service = Service(cast(Cluster, line), namespace="kube-system", name="controller", wait=wait)
    return Remote(service, key.certificate, is_known=known.__contains__)


def right(ring: KeyRing, key: SealingKey, *, identifies: bool) -> Answer:
    """A controller as it should be."""

    def answer(verb: str, raw: Raw) -> object:
        done = Offline(ring, key).reseal(raw)
        if verb == "rotate" and "data" in raw["spec"]:
            return {**raw, "spec": {"data": done.new["data"]}}
        if verb == "rotate":
            return {**raw, "spec": {"encryptedData": {**raw["spec"]["encryptedData"], **done.new}}}
        if not identifies:
            raise NotFound("no such path", status=404)
        return dict(done.opened_by)

    return answer


def test_only_old_items_and_nothing_but_their_binding_is_sent(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raw = sealed(a="1")
    raw["metadata"]["labels"] = {"x": "y"}
    raw["spec"]["template"]["data"] = {"url": "{{ .a }}"}
    raw["spec"]["encryptedData"]["b"] = sealed(key=new_key, b="2")["spec"]["encryptedData"]["b"]
    line = Line(right(ring, new_key, identifies=True))
    done = remote(line, new_key).reseal(raw)
    assert set(done.new) == {"a"}
    assert [(verb, sorted(one["spec"]["encryptedData"])) for verb, one in line.sent] == [
        ("identify", ["a", "b"]),
        ("rotate", ["a"]),
    ]
    assert line.sent[1][1]["metadata"] == {"name": "db", "namespace": "shop"}
    assert line.sent[1][1]["spec"]["template"] == {}


def test_the_original_is_asked_once_whether_it_identifies_and_known_ciphertext_stays(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raw, line = sealed(a="1"), Line(right(ring, new_key, identifies=False))
    asking = remote(line, new_key)
    new = asking.reseal(raw).new["a"]
    asking.reseal(raw)
    assert [verb for verb, _ in line.sent] == ["identify", "rotate", "rotate"]
    raw["spec"]["encryptedData"]["a"] = new
    assert remote(line, new_key, known=(new,)).reseal(raw).new == {}


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"password": "AAAA"},
        {"password": "AAAA", "user": "AAAA"},
        {"password": "!", "user": "!"},
        {"password": 1, "user": 2},
        {"password": "AAAA", "user": "AAAA", "more": "AAAA"},
    ],
)
def test_an_answer_that_cannot_be_the_same_values_is_refused(
    sealed: Callable[..., Raw], new_key: SealingKey, data: object
) -> None:
    def answer(verb: str, raw: Raw) -> object:
        return (
            {"spec": {"encryptedData": data}} if verb == "rotate" else dict.fromkeys(raw["spec"]["encryptedData"], "?")
        )

    with pytest.raises(UnsealError, match="the controller's answer"):
        remote(Line(answer), new_key).reseal(sealed())


def test_a_value_of_another_length_is_refused(sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey) -> None:
    def answer(verb: str, raw: Raw) -> object:
        if verb == "identify":
            return {"a": "SHA256:old"}
        return sealed(key=new_key, a="longer than before")

    with pytest.raises(UnsealError, match="not the same value"):
        remote(Line(answer), new_key).reseal(sealed(a="short"))


def test_items_that_no_key_opens_are_named(sealed: Callable[..., Raw], new_key: SealingKey) -> None:
    line = Line(lambda _verb, _raw: {"password": None, "user": "SHA256:old"})
    with pytest.raises(UnsealError, match=r"no key could decrypt secret \(password\)"):
        remote(line, new_key).reseal(sealed())


def test_what_is_no_answer_ends_the_run(sealed: Callable[..., Raw], new_key: SealingKey) -> None:
    with pytest.raises(KsealError, match="not JSON"):
        remote(Line(lambda *_: b"<html>"), new_key).reseal(sealed())


def test_a_refusal_belongs_to_one_object_and_an_outage_to_all(sealed: Callable[..., Raw], new_key: SealingKey) -> None:
    def fail(status: int) -> Answer:
        def answer(*_: object) -> object:
            raise Unavailable("the controller's own words", status=status)

        return answer

    with pytest.raises(UnsealError, match="opens it with none of its keys"):
        remote(Line(fail(500)), new_key).reseal(sealed())
    with pytest.raises(Unavailable):
        remote(Line(fail(503)), new_key).reseal(sealed())


def test_a_refusal_by_status_409_is_one(sealed: Callable[..., Raw], new_key: SealingKey) -> None:
    def answer(verb: str, raw: Raw) -> object:
        if verb == "rotate":
            raise Conflict("no", status=409)
        return dict.fromkeys(raw["spec"]["encryptedData"], "SHA256:old")

    with pytest.raises(UnsealError, match="opens it with none of its keys"):
        remote(Line(answer), new_key).reseal(sealed())


def test_the_deprecated_single_value_stays_one_or_is_refused(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    raw = sealed(a="{}")
    raw["spec"] = {"data": raw["spec"]["encryptedData"]["a"]}
    line = Line(right(ring, new_key, identifies=True))
    assert set(remote(line, new_key).reseal(raw).new) == {"data"}
    assert [one["spec"].keys() for _, one in line.sent] == [{"data", "template"}] * 2

    def original(verb: str, _: Raw) -> object:
        if verb == "identify":
            raise NotFound("no such path", status=404)
        return {"spec": {"encryptedData": {"password": "AAAA"}}}

    with pytest.raises(UnsealError, match="would turn the deprecated") as caught:
        remote(Line(original), new_key).reseal(raw)
    assert "kseal rotate -k KEYS" in (caught.value.hint or "")


def test_its_limit_of_requests_is_waited_for_but_not_for_ever(
    sealed: Callable[..., Raw], ring: KeyRing, new_key: SealingKey
) -> None:
    good, slept = right(ring, new_key, identifies=True), list[float]()

    def answer(verb: str, raw: Raw) -> object:
        if len(slept) < 3:
            raise TooManyRequests("slow down", status=429, retry_after=2.0)
        return good(verb, raw)

    assert set(remote(Line(answer), new_key, slept=slept).reseal(sealed()).new) == {"password", "user"}
    assert slept == [2.0, 2.0, 2.0]

    def never(*_: object) -> object:
        raise TooManyRequests("slow down", status=429, retry_after=100.0)

    with pytest.raises(TooManyRequests):
        remote(Line(never), new_key, slept=slept).reseal(sealed())
