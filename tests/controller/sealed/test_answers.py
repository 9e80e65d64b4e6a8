"""The handlers of verify, rotate and identify on input that means no good, and when too much is asked at once."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.runtime.httpwire import Request, Response
from controller.sealed import answers
from controller.sealed.answers import Answers
from controller.settings import Http
from engine.errors import NotReady
from sealer.keys import SealingKey, generate
from sealer.ring import KeyRing
from sealer.sealedsecret import seal_secret
from tests.kit.process import wait_until

KEY = generate(2048, ttl=timedelta(days=1), common_name="", now=datetime.now(UTC))
PATHS = ("/v1/verify", "/v1/rotate", "/v1/identify")


class Keys:
    ring = KeyRing([KEY])
    newest = KEY


class NoKeys:
    @property
    def ring(self) -> KeyRing:
        raise NotReady("none")

    @property
    def newest(self) -> SealingKey:
        raise NotReady("none")


def asked(
    body: bytes, path: str = "/v1/verify", *, keys: Any = None, clock: Callable[[], float] | None = None
) -> Response:
    made = Answers(
        keys or Keys(), Http(rate=1000, burst=1000), accept_v1_data=True, **({"clock": clock} if clock else {})
    )
    (route,) = [route for route in made.routes() if route.path == path]
    return route.handler(Request("POST", path, body=body))


def a_sealed_secret(count: int = 1) -> bytes:
    data = {f"k{number}": "MQ==" for number in range(count)}
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": data}
    return json.dumps(seal_secret(raw, KEY.private_key.public_key())).encode()


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"kind": st.just("SealedSecret"), "apiVersion": st.just("bitnami.com/v1alpha1")},
    optional={
        "metadata": st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "namespace", "annotations"), TREES)),
        "spec": st.fixed_dictionaries({}, optional=dict.fromkeys(("encryptedData", "template", "data"), TREES)),
    },
)


@settings(max_examples=60)
@given(st.binary(max_size=200) | (TREES | NEARLY).map(lambda tree: json.dumps(tree).encode()), st.sampled_from(PATHS))
def test_any_body_is_answered(body: bytes, path: str) -> None:
    assert asked(body, path).status in (200, 409, 500)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_opens(path: str) -> None:
    assert asked(a_sealed_secret(), path, keys=NoKeys()).status == 500


@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_takes_too_long_is_ended(path: str) -> None:
    ticks = iter(range(0, 10_000, 5))  # each look at the clock is five seconds later
    answer = asked(a_sealed_secret(20), path, clock=lambda: float(next(ticks)))
    assert answer.status == 503


def test_more_than_a_few_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WORK_SECONDS", 30.0)
    made = Answers(Keys(), Http(rate=1000, burst=1000), accept_v1_data=True)
    (route,) = [route for route in made.routes() if route.path == "/v1/verify"]
    request = Request("POST", "/v1/verify", body=a_sealed_secret())
    statuses: list[int] = []
    made._turn.acquire()  # somebody is at work
    threads = [threading.Thread(target=lambda: statuses.append(route.handler(request).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) == len(threads) - answers.AT_ONCE, "those who may not wait are answered")
    made._turn.release()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * answers.AT_ONCE + [503] * (20 - answers.AT_ONCE)


def test_who_waits_for_a_limit_does_not_keep_others_out() -> None:
    made = Answers(Keys(), Http(rate=10, burst=0), accept_v1_data=True)
    (rotate,) = [route for route in made.routes() if route.path == "/v1/rotate"]
    (verify,) = [route for route in made.routes() if route.path == "/v1/verify"]
    body = a_sealed_secret()
    statuses: list[int] = []
    greedy = [
        threading.Thread(
            target=lambda: statuses.append(rotate.handler(Request("POST", "/v1/rotate", body=body)).status)
        )
        for _ in range(30)
    ]
    for thread in greedy:
        thread.start()
    assert verify.handler(Request("POST", "/v1/verify", body=body)).status == 200
    for thread in greedy:
        thread.join()
    assert set(statuses) == {200, 429}
