"""The way to the controller's HTTP API: its limit of requests is waited for, its answers are told apart."""

from typing import Any

import pytest

from engine.errors import KsealError
from engine.kube.errors import Conflict, TooManyRequests, Unavailable
from sealer.service import Refused, Service, Verdict


class Answering:
    """Stands where the client is, and answers in turn."""

    def __init__(self, *answers: bytes | Exception, port: str = "") -> None:
        self.answers = list(answers)
        self.paths: list[str] = []
        self.port = port

    def get(self, *_: object) -> dict[str, Any]:
        return {"spec": {"ports": [{"name": self.port} if self.port else {}, {"name": "metrics"}]}}

    def request(self, method: str, path: str, **_: object) -> Any:
        self.paths.append(f"{method} {path}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return type("Response", (), {"body": answer})()


def service(cluster: Answering, waited: list[float] | None = None) -> Service:
    wait = waited.append if waited is not None else None
    return Service(cluster, namespace="kube-system", name="sealed", wait=wait)  # type: ignore[arg-type]  # a stand-in


def limited(seconds: float | None) -> TooManyRequests:
    return TooManyRequests("slow down", status=429, retry_after=seconds)


@pytest.mark.parametrize("port", ["", "http"])
def test_the_first_port_of_the_service_is_asked(port: str) -> None:
    cluster = Answering(b"PEM", port=port)
    assert service(cluster).certificate() == b"PEM"
    base = "/api/v1/namespaces/kube-system/services"
    assert cluster.paths == [f"GET {base}/http:sealed:{port}/proxy/v1/cert.pem"]


def test_the_limit_of_requests_is_waited_for() -> None:
    waited: list[float] = []
    assert service(Answering(limited(3.0), limited(None), b""), waited).verify({}) is Verdict.OPENS
    assert waited == [3.0, 1.0]


def test_waiting_has_an_end() -> None:
    waited: list[float] = []
    with pytest.raises(TooManyRequests):
        service(Answering(*[limited(50.0)] * 9), waited).verify({})
    assert sum(waited) <= 120


def test_whoever_does_not_wait_is_told_at_once() -> None:
    with pytest.raises(TooManyRequests):
        service(Answering(limited(1.0))).verify({})


def test_no_is_another_answer_than_no_answer() -> None:
    conflict = Conflict("no", status=409)
    assert service(Answering(conflict)).verify({}) is Verdict.DOES_NOT
    with pytest.raises(Refused, match="unable to rotate secret"):
        service(Answering(conflict)).rotate({})
    for ask in (Service.verify, Service.rotate):
        with pytest.raises(Unavailable):
            ask(service(Answering(Unavailable("no", status=500))), {})


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>"])
def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(KsealError, match="not JSON"):
        service(Answering(body)).rotate({})
