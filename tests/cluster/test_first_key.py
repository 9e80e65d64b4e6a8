"""When a controller makes a sealing key, and when it had better not."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import wait_until
from tests.kit.sealingkeys import LABEL, a_key, broken, certificate, key_names, key_secret

pytestmark = pytest.mark.cluster

Opened = Callable[..., Ground]


@pytest.fixture
def opened(served: ControlPlane) -> Iterator[Opened]:
    """Open a ground with these flags for the controller."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(open_ground(served, *flags))


def test_a_new_installation_gets_a_key_in_the_originals_form(opened: Opened) -> None:
    ground = opened()
    ground.controller.start()
    (name,) = key_names(ground)
    secret = ground.get("secret", name)
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["generateName"] == "sealed-secrets-key"
    assert base64.b64decode(secret["data"]["tls.crt"]).decode() == ground.controller.certificate()
    assert b"BEGIN RSA PRIVATE KEY" in base64.b64decode(secret["data"]["tls.key"])


def test_a_restart_makes_no_second_key(opened: Opened) -> None:
    ground = opened()
    ground.controller.start()
    before, served = key_names(ground), ground.controller.certificate()
    assert ground.controller.stop() == 0
    ground.controller.start()
    assert key_names(ground) == before
    assert ground.controller.certificate() == served


def test_beside_sealed_secrets_without_their_key_no_key_is_made_and_the_cure_is_named(opened: Opened) -> None:
    ground = opened()
    lost = a_key()
    ground.apply(ground.sealed("db", {"a": b"1"}, certificate=certificate(lost)))
    ground.controller.launch()
    wait_until(lambda: "SealedSecrets exist" in ground.controller.get("/readyz")[1], "the cause is shown")
    status, text = ground.controller.get("/readyz")
    assert status == 503
    assert "--first-key=always" in text
    assert "restore the key Secrets" in text
    assert ground.controller.get("/healthz") == (200, "ok\n")
    assert ground.controller.get("/v1/cert.pem") == (500, "cannot get certificate\n")
    assert key_names(ground) == []

    ground.apply(key_secret("restored", lost))
    ground.wait_synced("db")
    assert ground.values("db") == {"a": b"1"}
    assert key_names(ground) == ["restored"]


def test_first_key_always_makes_one_all_the_same(opened: Opened) -> None:
    ground = opened("--first-key=always")
    lost = a_key()
    ground.apply(ground.sealed("db", {"a": b"1"}, certificate=certificate(lost)))
    ground.controller.start()
    assert len(key_names(ground)) == 1
    assert ground.wait_failed("db") == "no key could decrypt secret (a, planted)"


def test_first_key_never_waits_for_one(opened: Opened) -> None:
    ground = opened("--first-key=never")
    ground.controller.launch()
    wait_until(lambda: "--first-key=never" in ground.controller.get("/readyz")[1], "the cause is shown")
    assert key_names(ground) == []
    ground.apply(key_secret("brought", a_key()))
    wait_until(ground.controller.is_ready, "the key is found")


def test_the_newest_of_several_keys_seals_and_all_open(opened: Opened) -> None:
    ground = opened()
    old, new = a_key(timedelta(hours=2)), a_key(timedelta(hours=1))
    ground.apply(key_secret("b-old", old), key_secret("a-new", new), key_secret("retired", a_key(), "compromised"))
    ground.apply(ground.sealed("by-old", {"a": b"1"}, certificate=certificate(old)))
    ground.apply(ground.sealed("by-new", {"a": b"2"}, certificate=certificate(new)))
    ground.controller.start()
    assert ground.controller.certificate() == certificate(new)
    for name in ("by-old", "by-new"):
        ground.wait_synced(name)


def test_a_key_of_the_layout_before_0_9_is_read_without_its_label(opened: Opened) -> None:
    ground = opened()
    key = a_key()
    ground.apply(key_secret("sealed-secrets-key", key, label=None))
    ground.controller.start()
    assert ground.controller.certificate() == certificate(key)
    assert key_names(ground) == []


def test_an_unreadable_key_is_passed_over_and_named(opened: Opened) -> None:
    ground = opened()
    ground.apply(broken(key_secret("broken", a_key())), key_secret("good", a_key()))
    ground.controller.start()
    assert f"Secret/{ground.namespace}/broken" in ground.controller.logs


def test_a_retired_key_of_the_first_ones_name_does_not_stop_a_new_one(opened: Opened) -> None:
    ground = opened()
    ground.controller.start()
    (name,) = key_names(ground)
    ground.controller.stop()
    ground.plane.kubectl("label", "secret", name, f"{LABEL}=compromised", "--overwrite", namespace=ground.namespace)
    ground.controller.start()
    (other,) = key_names(ground)
    assert other != name
