"""SealedSecrets become Secrets on a real API server, and say how it went."""

import json
from typing import Any

import pytest

from sealer.scope import Scope
from tests.kit.ground import Ground
from tests.kit.process import wait_until

pytestmark = pytest.mark.cluster

SKIP_OWNER = {"annotations": {"sealedsecrets.bitnami.com/skip-set-owner-references": "true"}}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_sealed_secret_becomes_its_secret(ground: Ground, scope: Scope) -> None:
    name = f"plain-{scope.flag}"
    values = {"password": b"correct horse", "empty": b"", "binary": bytes(range(256)), "unicode": "pässwörd ✓".encode()}
    ground.apply(ground.sealed(name, values, scope=scope))
    ground.wait_synced(name)
    assert ground.values(name) == values


def test_a_value_of_512_kib(ground: Ground) -> None:
    value = bytes(range(256)) * 2048
    sealed = ground.sealed("large", {"blob": value})
    ground.plane.kubectl("create", "-f", "-", input=json.dumps(sealed))
    ground.wait_synced("large")
    assert ground.values("large") == {"blob": value}


def test_the_template_decides_labels_annotations_type_and_immutable(ground: Ground) -> None:
    metadata = {"labels": {"app": "shop"}, "annotations": {"note": "für alle ✓"}}
    ground.apply(
        ground.sealed("templated", {"a": b"1"}, template=metadata, type="example.com/own", immutable=True)
    )  # fmt: skip
    ground.wait_synced("templated")
    secret = ground.get("secret", "templated")
    assert secret["metadata"]["labels"] == {"app": "shop"}
    assert secret["metadata"]["annotations"] == {"note": "für alle ✓"}
    assert secret["type"] == "example.com/own"
    assert secret["immutable"] is True


def test_the_secret_is_owned_by_its_sealed_secret(ground: Ground) -> None:
    ground.apply(ground.sealed("owned", {"a": b"1"}))
    ground.wait_synced("owned")
    assert ground.get("secret", "owned")["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "name": "owned",
            "uid": ground.get("sealedsecret", "owned")["metadata"]["uid"],
            "controller": True,
        }
    ]


def test_condition_and_event_of_success(ground: Ground) -> None:
    ground.apply(ground.sealed("told", {"a": b"1"}))
    ground.wait_synced("told")
    status = ground.get("sealedsecret", "told")["status"]
    assert status["observedGeneration"] == 1
    (condition,) = status["conditions"]
    assert set(condition) == {"type", "status", "lastUpdateTime", "lastTransitionTime"}
    wait_until(lambda: bool(ground.events("told")), "the event arrives")
    (event,) = ground.events("told")
    assert (event["type"], event["reason"]) == ("Normal", "Unsealed")
    assert event["message"] == "SealedSecret unsealed successfully"
    assert event["source"]["component"] == "sealed-secrets"


def test_a_changed_spec_changes_the_secret_and_the_observed_generation(ground: Ground) -> None:
    ground.apply(ground.sealed("changing", {"a": b"1"}))
    ground.wait_synced("changing")
    ground.apply(ground.sealed("changing", {"a": b"2", "b": b"3"}))
    ground.wait_synced("changing")
    assert ground.get("sealedsecret", "changing")["status"]["observedGeneration"] == 2
    assert ground.values("changing") == {"a": b"2", "b": b"3"}


def test_a_value_sealed_for_another_name_does_not_open(ground: Ground) -> None:
    sealed = ground.sealed("for-me", {"b": b"1", "a": b"2"})
    for metadata in (sealed["metadata"], sealed["spec"]["template"]["metadata"]):
        metadata["name"] = "for-others"
    ground.apply(sealed)
    assert ground.wait_failed("for-others") == "no key could decrypt secret (a, b, planted)"
    assert ground.find("secret", "for-others") is None
    wait_until(lambda: bool(ground.events("for-others")), "the event arrives")
    (event,) = ground.events("for-others")
    assert (event["type"], event["reason"]) == ("Warning", "ErrUnsealFailed")
    assert event["message"].startswith("Failed to unseal: no key could decrypt secret (a, b, planted)")


def test_a_scope_annotation_that_no_longer_says_true_closes_the_values(ground: Ground) -> None:
    sealed = ground.sealed("scoped", {"a": b"1"}, scope=Scope.CLUSTER)
    ground.apply(sealed)
    ground.wait_synced("scoped")
    sealed["metadata"]["annotations"]["sealedsecrets.bitnami.com/cluster-wide"] = "false"
    ground.apply(sealed)
    wait_until(lambda: ground.condition("scoped").get("status") == "False", "the change of the annotation is noticed")
    assert ground.values("scoped") == {"a": b"1"}, "a Secret that was right is not taken away"


def test_a_secret_of_somebody_else_is_left_alone_and_retried_when_it_goes(ground: Ground) -> None:
    ground.plane.kubectl(
        "create", "secret", "generic", "foreign", "--from-literal=a=theirs", namespace=ground.namespace
    )
    ground.apply(ground.sealed("foreign", {"a": b"ours"}))
    text = ground.wait_failed("foreign")
    assert text == 'failed update: Resource "foreign" already exists and is not managed by SealedSecret'
    assert ground.values("foreign") == {"a": b"theirs"}
    ground.plane.kubectl("delete", "secret", "foreign", namespace=ground.namespace)
    ground.wait_synced("foreign", limit_seconds=5)
    assert ground.values("foreign") == {"a": b"ours"}


@pytest.mark.parametrize(
    ("annotation", "expected"), [("managed", {"a": b"ours"}), ("patch", {"a": b"ours", "b": b"theirs"})]
)
def test_an_annotated_secret_is_taken_over_or_patched(
    ground: Ground, annotation: str, expected: dict[str, bytes]
) -> None:
    name = f"annotated-{annotation}"
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "annotations": {f"sealedsecrets.bitnami.com/{annotation}": "true"}},
        "stringData": {"a": "theirs", "b": "theirs"},
    }
    ground.apply(theirs)
    ground.apply(ground.sealed(name, {"a": b"ours"}))
    ground.wait_synced(name)
    assert ground.values(name) == expected


def test_without_owner_reference_the_secret_is_ours_all_the_same(ground: Ground) -> None:
    ground.apply(ground.sealed("ownerless", {"a": b"1"}, template=SKIP_OWNER))
    ground.wait_synced("ownerless")
    assert "ownerReferences" not in ground.get("secret", "ownerless")["metadata"]
    ground.apply(ground.sealed("ownerless", {"a": b"2"}, template=SKIP_OWNER))
    ground.wait_synced("ownerless")
    assert ground.values("ownerless") == {"a": b"2"}


def test_an_immutable_secret_says_so(ground: Ground) -> None:
    ground.apply(ground.sealed("fixed", {"a": b"1"}, immutable=True))
    ground.wait_synced("fixed")
    ground.apply(ground.sealed("fixed", {"a": b"2"}, immutable=True))
    assert "the target Secret is immutable" in ground.wait_failed("fixed")
    assert ground.values("fixed") == {"a": b"1"}


@pytest.mark.parametrize("change", [{"type": "kubernetes.io/tls"}, {"data": {"bad key": b"1"}}])
def test_what_the_api_refuses_is_reported_without_values(ground: Ground, change: dict[str, Any]) -> None:
    name = f"refused-{len(change.get('data', ''))}"
    sealed = ground.sealed(name, {"a": b"planted-7c1f"})
    if "type" in change:
        sealed["spec"]["template"]["type"] = change["type"]
    else:
        sealed["spec"]["encryptedData"]["bad key"] = sealed["spec"]["encryptedData"].pop("a")
    ground.apply(sealed)
    text = ground.wait_failed(name)
    assert "planted" not in text
    assert "data" in text


def test_a_sealed_secret_never_becomes_a_sealing_key(ground: Ground) -> None:
    label = {"labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}}
    ground.apply(ground.sealed("forged", {"a": b"1"}, template=label))
    assert "never yields a sealing key" in ground.wait_failed("forged")
    assert ground.find("secret", "forged") is None


def test_the_series_of_an_object_go_with_it(ground: Ground) -> None:
    ground.apply(ground.sealed("counted", {"a": b"1"}))
    ground.wait_synced("counted")
    series = f'condition_info{{condition="Synced",name="counted",namespace="{ground.namespace}"'
    wait_until(lambda: series in ground.controller.metrics(), "the series is there")
    ground.plane.kubectl("delete", "sealedsecret", "counted", namespace=ground.namespace)
    wait_until(lambda: series not in ground.controller.metrics(), "the series is gone")
