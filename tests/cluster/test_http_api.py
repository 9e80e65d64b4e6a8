"""What the controller answers about SealedSecrets that are sent to it: statuses, bodies, and bounds."""

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from controller.sealed.answers import BODY_LIMIT
from sealer.ring import KeyRing
from sealer.scope import CLUSTER_WIDE, Scope
from sealer.sealedsecret import parse, unseal_secret
from tests.kit import leaks
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.sealingkeys import a_key, certificate, key_secret

pytestmark = pytest.mark.cluster

KEY = a_key()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def ground(served: ControlPlane) -> Iterator[Ground]:
    """A controller with a known key, and limits that only their own tests reach."""
    with open_ground(served, "--rate-limit=1000", "--rate-limit-burst=1000") as ground:
        ground.apply(key_secret("known", KEY))
        ground.controller.start()
        yield ground


def ask(ground: Ground, path: str, body: bytes | dict[str, Any], method: str = "POST", client: str = "") -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", ground.controller.port, timeout=60)
    try:
        connection.request(method, path, content, {"X-Forwarded-For": client} if client else {})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def by_another_key(ground: Ground, **values: bytes) -> dict[str, Any]:
    return ground.sealed("db", values or {"a": b"1"}, certificate=certificate(a_key()))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_opens_is_verified_without_a_body(ground: Ground, method: str) -> None:
    answer = ask(ground, "/v1/verify", ground.sealed("db", {"a": b"1"}), method)
    assert (answer.status, answer.body) == (200, b"")


def test_what_does_not_open_is_a_conflict_without_a_body(ground: Ground) -> None:
    answer = ask(ground, "/v1/verify", by_another_key(ground))
    assert (answer.status, answer.body) == (409, b"")
    moved = ground.sealed("db", {"a": b"1"})
    moved["metadata"]["name"] = "other"
    assert ask(ground, "/v1/verify", moved).status == 409


def test_yaml_is_read_as_well_and_several_documents_are_not(ground: Ground) -> None:
    sealed = json.dumps(ground.sealed("db", {"a": b"1"})).encode()
    assert ask(ground, "/v1/verify", b"# a comment\n---\n" + sealed).status == 200
    assert ask(ground, "/v1/verify", sealed + b"\n---\n" + sealed).status == 500


def hostile() -> dict[str, bytes]:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    text = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "db"}}
    return {
        "nothing": b"",
        "no document": b"\x00\xff\xfe",
        "another kind": json.dumps(secret).encode(),
        "a list": b"[]",
        "values that are lists": json.dumps({**text, "spec": {"encryptedData": ["x"]}}).encode(),
        "a name that is a number": json.dumps({**text, "metadata": {"name": 1}, "spec": {}}).encode(),
        "half of a surrogate": json.dumps({**text, "metadata": {"name": "\ud800"}, "spec": {}}).encode(),
        "deep nesting": b"[" * 100_000,
        "deep YAML": b"- " * 50_000 + b"x",
        "an alias bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
        ),
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/verify", "/v1/rotate", "/v1/identify"])
@pytest.mark.parametrize("name", hostile())
def test_what_is_no_sealed_secret_is_an_error_and_no_defect(ground: Ground, path: str, name: str) -> None:
    answer = ask(ground, path, hostile()[name])
    assert answer.status == 500
    assert b"internal" not in answer.body


def test_a_body_over_the_limit_is_refused_before_it_is_read(ground: Ground) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", ground.controller.port, timeout=10)
    connection.putrequest("POST", "/v1/verify")
    connection.putheader("Content-Length", str(BODY_LIMIT + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_hundred_thousand_values_are_bounded(ground: Ground) -> None:
    sealed = ground.sealed("db", {"a": b"1"})
    sealed["spec"]["encryptedData"] = {f"k{number}": "AgA=" for number in range(100_000)}
    for path, status in (("/v1/verify", 409), ("/v1/identify", 200), ("/v1/rotate", 500)):
        assert ask(ground, path, sealed).status == status


def test_other_methods_on_other_paths_are_refused(ground: Ground) -> None:
    assert ask(ground, "/v1/cert.pem", b"", "DELETE").status == 405
    assert ask(ground, "/v1/encrypt", b"").status == 404


def test_what_is_rotated_differs_in_the_ciphertext_alone(ground: Ground) -> None:
    sealed = ground.sealed("db", {"a": b"1", "b": b"2"}, template={"labels": {"app": "x"}}, type="example.com/own")
    sealed["metadata"] |= {"labels": {"own": "y"}, "annotations": {"note": "z"}}
    sealed["spec"]["template"]["data"] = {"rendered": "{{ fail .a }}"}
    sealed["status"] = {"observedGeneration": 1}
    answer = ask(ground, "/v1/rotate", sealed)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    rotated = json.loads(answer.body)
    assert answer.body == json.dumps(rotated, separators=(",", ":"), ensure_ascii=False).encode(), "it is compact"
    assert list(rotated) == ["kind", "apiVersion", "metadata", "spec"]
    for name, text in rotated["spec"]["encryptedData"].items():
        assert text != sealed["spec"]["encryptedData"][name]
    rotated["spec"]["encryptedData"] = sealed["spec"]["encryptedData"]
    del sealed["status"]
    assert rotated == sealed


def test_a_template_that_is_wider_than_its_object_widens_nothing(ground: Ground) -> None:
    sealed = ground.sealed("db", {"a": b"1"})
    sealed["spec"]["template"]["metadata"]["annotations"] = {CLUSTER_WIDE: "true"}
    rotated = json.loads(ask(ground, "/v1/rotate", sealed).body)
    assert "annotations" not in rotated["metadata"]
    opened = unseal_secret(parse(rotated), KeyRing([KEY])).secret
    assert base64.b64decode(opened["data"]["a"]) == b"1"
    rotated["metadata"]["name"] = "stolen"
    assert ask(ground, "/v1/verify", rotated).status == 409


@pytest.mark.parametrize("scope", list(Scope))
def test_the_scope_stays(ground: Ground, scope: Scope) -> None:
    rotated = json.loads(ask(ground, "/v1/rotate", ground.sealed("db", {"a": b"1"}, scope=scope)).body)
    assert parse(rotated).scope is scope
    assert ask(ground, "/v1/verify", rotated).status == 200


def test_what_does_not_open_is_not_rotated(ground: Ground) -> None:
    assert ask(ground, "/v1/rotate", by_another_key(ground)).status == 500
    half = ground.sealed("db", {"a": b"1"})
    half["spec"]["encryptedData"]["b"] = "AgA="
    assert ask(ground, "/v1/rotate", half).status == 500


def test_items_are_identified_by_the_key_that_opens_them(ground: Ground) -> None:
    sealed = ground.sealed("db", {"a": b"1"})
    sealed["spec"]["encryptedData"]["b"] = by_another_key(ground, b=b"1")["spec"]["encryptedData"]["b"]
    sealed["spec"]["encryptedData"]["c"] = "no base64"
    answer = ask(ground, "/v1/identify", sealed)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.body) == {"a": KEY.fingerprint, "planted": KEY.fingerprint, "b": None, "c": None}


def test_no_answer_shows_a_value(ground: Ground) -> None:
    sealed = ground.sealed("db", {"a": b"1"})
    sealed["spec"]["template"]["data"] = {"x": "{{ fail .planted }}"}
    for path in ("/v1/verify", "/v1/rotate", "/v1/identify"):
        answer = ask(ground, path, sealed)
        leaks.assert_absent([leaks.Place(path, answer.body + repr(answer.headers).encode())])


def test_requests_are_counted_by_path_and_code(ground: Ground) -> None:
    ask(ground, "/v1/verify", b"x")
    assert 'http_requests_total{code="500",method="post",path="/v1/verify"}' in ground.controller.metrics()


@pytest.fixture
def limited(served: ControlPlane) -> Iterator[Ground]:
    """A controller with the limits of the original."""
    with open_ground(served, "--first-key=always") as ground:
        ground.controller.start()
        yield ground


def test_a_client_may_ask_three_times_at_once_and_what_it_is_told_then(limited: Ground) -> None:
    answers = [ask(limited, "/v1/verify", b"x", client="10.0.0.1") for _ in range(4)]
    assert [answer.status for answer in answers] == [500, 500, 500, 429]
    told = answers[-1]
    assert told.body == b"limit exceeded\n"
    assert (told.headers["x-ratelimit-limit"], told.headers["x-ratelimit-remaining"]) == ("3", "0")
    assert int(told.headers["retry-after"]) >= 1
    assert int(told.headers["x-ratelimit-reset"]) >= 1
    assert ask(limited, "/v1/verify", b"x", client="10.0.0.2").status == 500, "another client"
    assert ask(limited, "/v1/identify", b"x", client="10.0.0.1").status == 500, "another path"


def test_a_client_that_makes_up_addresses_meets_the_limit_of_all(limited: Ground) -> None:
    statuses = [ask(limited, "/v1/verify", b"x", client=f"10.1.0.{number}").status for number in range(150)]
    assert 429 in statuses
    assert limited.controller.get("/v1/cert.pem")[0] == 200


def test_a_client_that_has_several_objects_rotated_waits_for_its_turn(limited: Ground) -> None:
    sealed = limited.sealed("db", {"a": b"1"}, certificate=limited.controller.certificate())
    assert [ask(limited, "/v1/rotate", sealed).status for _ in range(6)] == [200] * 6
