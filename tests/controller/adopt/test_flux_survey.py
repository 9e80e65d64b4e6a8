"""How a takeover from Flux judges each resource: by the functions with which the reconcilers read them."""

from typing import Any

import pytest

from controller.adopt.flux.survey import State, Survey, judged


def _raw(kind: str, *, ready: str | None = "True", message: str = "well", **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "message": message}] if ready is not None else []
    return {
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"interval": "1m", **spec},
        "status": {"conditions": conditions},
    }


def _git(**spec: Any) -> dict[str, Any]:
    return _raw("GitRepository", **{"url": "https://git.example/web", **spec})


def _kustomization(**spec: Any) -> dict[str, Any]:
    source = {"kind": "GitRepository", "name": "web"}
    return _raw("Kustomization", **{"sourceRef": source, "prune": True, **spec})


def _judge(raw: dict[str, Any], *, external_artifacts: bool = False) -> tuple[State, str, bool]:
    (found,) = judged({raw["kind"]: (raw,)}, external_artifacts=external_artifacts)
    assert found.ref == f"{raw['kind']}/shop/web"
    return found.state, found.detail, found.breaks


@pytest.mark.parametrize(
    "raw", [_git(), _kustomization(), _raw("Receiver", type="github")], ids=lambda raw: raw["kind"]
)
def test_what_is_ready_and_understood_is_right(raw: dict[str, Any]) -> None:
    assert _judge(raw) == (State.RIGHT, "", False)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (_git(recurseSubmodules=True), "spec.recurseSubmodules"),
        (_git(provider="azure"), "spec.provider"),
        (_kustomization(kubeConfig={"configMapRef": {"name": "other"}}), "spec.kubeConfig.configMapRef"),
        (
            _kustomization(decryption={"provider": "sops", "serviceAccountName": "kms"}),
            "spec.decryption.serviceAccountName",
        ),
        (
            _kustomization(sourceRef={"kind": "ExternalArtifact", "name": "web"}),
            "--feature-gates=ExternalArtifact=true",
        ),
        (_raw("Receiver", type="gcr"), "spec.type: gcr"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_kseal_does_not_do_is_named_and_breaks_what_is_ready(raw: dict[str, Any], field: str) -> None:
    state, detail, breaks = _judge(raw)
    assert (state, breaks) == (State.FAILS, True)
    assert field in detail
    assert not _judge({**raw, "status": {}})[2]
    assert not _judge({**raw, "spec": {**raw["spec"], "suspend": True}})[2]


def test_an_external_artifact_is_taken_where_kseal_is_set_to() -> None:
    raw = _kustomization(sourceRef={"kind": "ExternalArtifact", "name": "web"})
    assert _judge(raw, external_artifacts=True)[0] is State.RIGHT


def test_the_message_of_what_is_not_ready_is_one_short_line() -> None:
    raw = _raw("GitRepository", ready="False", message="no\nsuch  host " + "x" * 500, url="https://git.example/web")
    state, detail, breaks = _judge(raw)
    assert (state, breaks) == (State.UNREADY, False)
    assert detail.startswith("no such host x")
    assert len(detail) == 200


def test_what_nobody_has_looked_at_is_not_ready() -> None:
    assert _judge({**_git(), "status": {}})[:2] == (State.UNREADY, "waiting to be reconciled")


def test_what_matters_most_comes_first() -> None:
    idle = {**_kustomization(suspend=True), "metadata": {"name": "a", "namespace": "shop"}}
    found = judged(
        {"Kustomization": (_kustomization(), idle), "GitRepository": (_git(provider="aws"),)}, external_artifacts=False
    )
    assert [one.state for one in found] == [State.FAILS, State.SUSPENDED, State.RIGHT]


def test_objects_are_known_by_kind_and_those_that_break_too() -> None:
    objects = {"GitRepository": (_git(provider="aws"),), "Kustomization": (_kustomization(),)}
    seen = Survey(objects, judged(objects, external_artifacts=False))
    assert seen.refs("Kustomization", "Bucket") == ["Kustomization/shop/web"]
    assert [one.ref for one in seen.breaking("GitRepository")] == ["GitRepository/shop/web"]
    assert seen.breaking("Kustomization") == []
