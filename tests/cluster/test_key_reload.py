"""Key Secrets that come, change and go while the controller runs."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import wait_until
from tests.kit.sealingkeys import LABEL, a_key, broken, certificate, key_secret, relabel

pytestmark = pytest.mark.cluster


@pytest.fixture
def ground(served: ControlPlane) -> Iterator[Ground]:
    """A controller with one key, `first`, that it never renews by itself."""
    with open_ground(served, "--key-renew-period=0") as ground:
        ground.apply(key_secret("first", a_key(timedelta(hours=2))))
        ground.controller.start()
        yield ground


def wait_served(ground: Ground, pem: str) -> None:
    wait_until(lambda: ground.controller.get("/v1/cert.pem") == (200, pem), "that certificate is served")


def wait_shown(ground: Ground, sample: str) -> None:
    wait_until(lambda: f"sealed_secrets_controller_{sample}\n" in ground.controller.metrics(), f"{sample} is shown")


def test_a_key_that_is_added_seals_and_opens_what_failed_before(ground: Ground) -> None:
    added = a_key(timedelta(hours=1))
    ground.apply(ground.sealed("early", {"a": b"1"}, certificate=certificate(added)))
    ground.wait_failed("early", containing="no key could decrypt secret")
    ground.apply(key_secret("added", added))
    ground.wait_synced("early", limit_seconds=5)
    wait_served(ground, certificate(added))


def test_a_key_that_is_retired_or_deleted_opens_no_more_and_the_status_says_so(ground: Ground) -> None:
    added = a_key(timedelta(hours=1))
    first = ground.controller.certificate()
    ground.apply(key_secret("added", added))
    wait_served(ground, certificate(added))
    ground.apply(ground.sealed("db", {"a": b"1"}))
    ground.wait_synced("db")
    relabel(ground, "added", "compromised")
    wait_served(ground, first)
    ground.wait_failed("db", containing="no key could decrypt secret (a, planted)")
    assert ground.values("db") == {"a": b"1"}, "a Secret that was right is not taken away"
    relabel(ground, "added", "active")
    ground.wait_synced("db")
    ground.plane.kubectl("delete", "secret", "added", namespace=ground.namespace)
    ground.wait_failed("db", containing="no key could decrypt secret")


def test_an_unreadable_key_is_said_once_counted_and_passed_over_until_it_is_mended(ground: Ground) -> None:
    added = a_key(timedelta(hours=1))
    secret = key_secret("mended", added)
    ground.apply(broken(secret))
    wait_shown(ground, 'keys{state="unreadable"} 1.0')
    assert ground.controller.logs.count(f"ref=Secret/{ground.namespace}/mended") == 1
    assert ground.controller.is_ready()
    ground.apply(secret)
    wait_served(ground, certificate(added))
    wait_shown(ground, 'keys{state="unreadable"} 0.0')
    wait_shown(ground, 'keys{state="active"} 2.0')


def test_a_key_planted_in_another_namespace_is_no_key(ground: Ground) -> None:
    planted, marker = a_key(), a_key(timedelta(hours=1))
    elsewhere = ground.plane.create_namespace()
    secret = key_secret("planted", planted)
    secret["metadata"]["namespace"] = elsewhere
    ground.plane.api.text("POST", f"/api/v1/namespaces/{elsewhere}/secrets", secret)
    ground.apply(key_secret("marker", marker))
    wait_served(ground, certificate(marker))
    wait_shown(ground, 'keys{state="active"} 2.0')


def test_a_secret_made_from_a_sealed_secret_is_no_key(ground: Ground) -> None:
    first = ground.controller.certificate()
    ground.apply(ground.sealed("owner", {"a": b"1"}))
    ground.wait_synced("owner")
    secret = key_secret("forged", a_key())
    secret["metadata"]["ownerReferences"] = ground.get("secret", "owner")["metadata"]["ownerReferences"]
    ground.apply(secret)
    wait_shown(ground, 'keys{state="unreadable"} 1.0')
    assert ground.controller.certificate() == first


@pytest.mark.parametrize("name", ["sealed-secrets-key", "sealed-secrets-keyabcde"])
def test_a_sealed_secret_never_takes_a_name_of_a_key(ground: Ground, name: str) -> None:
    ground.apply(ground.sealed(name, {"tls.key": b"x", "tls.crt": b"x"}, type="kubernetes.io/tls"))
    assert "never yields a sealing key" in ground.wait_failed(name)
    assert ground.find("secret", name) is None


def test_a_key_is_not_overwritten_though_somebody_annotated_it_as_managed(ground: Ground) -> None:
    managed = ["annotate", "secret", "first", "sealedsecrets.bitnami.com/managed=true"]
    ground.plane.kubectl(*managed, namespace=ground.namespace)
    before = ground.get("secret", "first")["data"]
    ground.apply(ground.sealed("first", {"a": b"1"}))
    assert "is not managed by SealedSecret" in ground.wait_failed("first")
    assert ground.get("secret", "first")["data"] == before
    assert ground.get("secret", "first")["metadata"]["labels"] == {LABEL: "active"}


def test_how_many_objects_each_key_opened_is_shown(ground: Ground) -> None:
    first = a_key(timedelta(minutes=90))
    ground.apply(key_secret("second", first))
    wait_served(ground, certificate(first))
    for name in ("one", "two"):
        ground.apply(ground.sealed(name, {"a": b"1"}))
        ground.wait_synced(name)
    wait_shown(ground, f'key_sealed_secrets{{fingerprint="{first.fingerprint}"}} 2.0')
    assert "sealed_secrets_controller_key_age_seconds 54" in ground.controller.metrics(), "90 minutes are 5400 s"
