"""Which Deployment is whose, with what settings it works, and the steps of a takeover and of the way back."""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from controller.adopt.installation import Controller, Installation, settings_of
from controller.adopt.steps import REPLICAS, SELECTOR
from controller.adopt.takeover import adoption, way_back
from engine.errors import KsealError

HOME = "kube-system"
ORIGINAL_IMAGE = "registry.local/bitnami/sealed-secrets-controller:0.38.4"


def _deployment(name: str, container: dict[str, Any], *, replicas: int = 1, **metadata: Any) -> Controller:
    labels = {"name": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return Controller(
        {
            "metadata": {"name": name, "namespace": HOME, **metadata},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
        }
    )


def _original(replicas: int = 1, **metadata: Any) -> Controller:
    container = {"image": ORIGINAL_IMAGE, "command": ["controller"]}
    return _deployment("sealed-secrets-controller", container, replicas=replicas, **metadata)


def _ours(replicas: int = 0, **metadata: Any) -> Controller:
    container = {"image": "localhost/kseal:0.1.0", "command": ["kseal", "controller"]}
    return _deployment("kseal", container, replicas=replicas, **metadata)


def _service(selector: dict[str, str], **annotations: str) -> dict[str, Any]:
    name = "sealed-secrets-controller"
    return {
        "metadata": {"name": name, "namespace": HOME, "annotations": annotations},
        "spec": {"selector": selector},
    }


@pytest.mark.parametrize(
    ("container", "metadata", "whose"),
    [
        ({"image": ORIGINAL_IMAGE}, {}, "original"),
        ({"image": "mirror:5000/sealed-secrets-controller@sha256:00", "args": ["--update-status"]}, {}, "original"),
        ({"image": "mirror/renamed"}, {"labels": {"app.kubernetes.io/name": "sealed-secrets"}}, "original"),
        ({"image": "localhost/kseal:0.1.0"}, {}, "ours"),
        ({"image": "mirror/renamed", "command": ["/opt/kseal/bin/kseal", "controller"]}, {}, "ours"),
        ({"image": "localhost/kseal:0.1.0", "command": ["controller"]}, {}, "ours"),
        (
            {"image": "a/b", "command": ["kseal", "controller"]},
            {"labels": {"app.kubernetes.io/name": "sealed-secrets"}},
            "ours",
        ),
        ({"image": "docker/ingress-nginx:1"}, {}, "nobody's"),
    ],
)
def test_a_deployment_is_known_by_image_command_or_label(
    container: dict[str, Any], metadata: dict[str, Any], whose: str
) -> None:
    found = _deployment("some", container, **metadata)
    assert {"original": found.is_original, "ours": found.is_ours} == {
        "original": whose == "original",
        "ours": whose == "ours",
    }


def test_the_name_of_the_plain_manifest_is_enough_unless_we_run_in_it() -> None:
    assert _deployment("sealed-secrets-controller", {"image": "mirror/renamed"}).is_original
    assert not _deployment("sealed-secrets-controller", {"image": "a/b", "command": ["kseal"]}).is_original


def test_settings_come_from_arguments_and_variables_and_arguments_win() -> None:
    container = {
        "image": ORIGINAL_IMAGE,
        "command": ["controller"],
        "args": ["--update-status", "--key-prefix", "mine", "--additional-namespaces=shop,blog"],
        "env": [
            {"name": "SEALED_SECRETS_KEY_PREFIX", "value": "other"},
            {"name": "SEALED_SECRETS_KEY_RENEW_PERIOD", "value": "1h"},
            {"name": "UNRELATED", "value": "1"},
        ],
    }
    settings = settings_of(_deployment("some", container), HOME)
    assert (settings.namespace, settings.keys.prefix) == (HOME, "mine")
    assert settings.keys.renew_period == timedelta(hours=1)
    assert settings.watched.namespaces == (HOME, "shop", "blog")


def test_arguments_that_kseal_refuses_are_an_error_that_names_the_deployment() -> None:
    container = {"image": ORIGINAL_IMAGE, "args": ["--unheard-of=1"]}
    with pytest.raises(KsealError, match=r"^Deployment/kube-system/some: kseal does not take its arguments"):
        settings_of(_deployment("some", container), HOME)


def _said(steps: list[Any]) -> list[tuple[str, str]]:
    return [(step.ref, step.change) for step in steps]


def test_a_takeover_stops_the_original_starts_ours_and_redirects_the_service() -> None:
    found = Installation(_original(2), _ours(), _service({"name": "sealed-secrets-controller"}))
    assert _said(adoption(found)) == [
        ("Deployment/kube-system/sealed-secrets-controller", "replicas 2 -> 0"),
        ("Deployment/kube-system/kseal", "replicas 0 -> 1"),
        ("Service/kube-system/sealed-secrets-controller", "leads to Deployment/kube-system/kseal"),
    ]


def test_what_is_done_already_is_not_done_again() -> None:
    done = Installation(_original(0), _ours(1), _service({"name": "kseal"}))
    assert adoption(done) == []
    half = Installation(_original(0), _ours(), _service({"name": "sealed-secrets-controller"}))
    assert next(change for _, change in _said(adoption(half))) == "replicas 0 -> 1"


def test_in_place_of_the_original_there_is_nothing_to_do() -> None:
    ours = _deployment("sealed-secrets-controller", {"image": "localhost/kseal:0.1.0"})
    assert adoption(Installation(None, ours, _service({"name": "sealed-secrets-controller"}))) == []


def test_without_a_controller_of_ours_nothing_is_stopped() -> None:
    with pytest.raises(KsealError, match="not installed") as raised:
        adoption(Installation(_original(), None, None))
    assert raised.value.hint


def test_the_way_back_restores_what_was_remembered() -> None:
    remembered = json.dumps({"name": "sealed-secrets-controller"})
    found = Installation(
        _original(0, annotations={REPLICAS: "2"}), _ours(1), _service({"name": "kseal"}, **{SELECTOR: remembered})
    )
    assert _said(way_back(found)) == [
        ("Deployment/kube-system/kseal", "replicas 1 -> 0"),
        ("Service/kube-system/sealed-secrets-controller", "leads to the original again"),
        ("Deployment/kube-system/sealed-secrets-controller", "replicas 0 -> 2"),
    ]


@pytest.mark.parametrize("original", [None, _original(), _original(0)], ids=["gone", "running", "stopped by hand"])
def test_where_nothing_was_taken_over_there_is_no_way_back(original: Controller | None) -> None:
    with pytest.raises(KsealError, match="no takeover to undo"):
        way_back(Installation(original, _ours(1), None))


def test_adopting_needs_nothing_of_what_only_a_running_controller_needs() -> None:
    script = "import sys, controller.adopt.command; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"kopf", "msgspec", "structlog", "prometheus_client"} & {*loaded}
