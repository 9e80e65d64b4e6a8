"""Sealing keys wrapped at rest, in a controller: written, opened, waited for, and never lost out of sight."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import wait_until
from tests.kit.sealingkeys import LABEL, a_key, certificate, key_secret, relabel
from tests.kit.wrappedkeys import RECIPIENT, shows_private_key, wrapped_secret, write_identity

pytestmark = pytest.mark.cluster

Opened = Callable[..., Ground]
WITH = f"--wrap-keys-with=age:{RECIPIENT}"
STRANGER = "age1rxcqxjqjn75kvt2crujxdq9tlwssfsnmvfutk2twyzhedqpnss3q6wvre7"


@pytest.fixture
def opened(served: ControlPlane) -> Iterator[Opened]:
    """Open a ground with these flags for the controller."""
    with ExitStack() as stack:
        yield lambda *flags, **more: stack.enter_context(open_ground(served, *flags, **more))


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return write_identity(tmp_path / "identity.txt")


def keys_of(ground: Ground) -> list[dict[str, Any]]:
    """The key Secrets, retired ones too, as the API has them."""
    path = f"/api/v1/namespaces/{ground.namespace}/secrets?labelSelector={quote(LABEL)}"
    items: list[dict[str, Any]] = ground.plane.api.json("GET", path)["items"]
    return items


def counted(ground: Ground, state: str) -> int:
    lines = [line for line in ground.controller.metrics().splitlines() if f'_keys{{state="{state}"}}' in line]
    return int(float(lines[0].split()[1])) if lines else -1


def wait_trouble(ground: Ground, words: str) -> str:
    wait_until(lambda: words in ground.controller.get("/readyz")[1], f"the cause is shown: {words}")
    status, text = ground.controller.get("/readyz")
    assert status == 503
    return text


def test_a_new_key_is_wrapped_works_and_is_opened_again_at_the_next_start(opened: Opened, identity: Path) -> None:
    ground = opened(WITH, f"--age-identity-file={identity}")
    ground.controller.start()
    (secret,) = keys_of(ground)
    assert (secret["metadata"]["labels"][LABEL], secret["type"]) == ("wrapped", "kubernetes.io/tls")
    assert not shows_private_key(secret)
    served = ground.controller.certificate()
    ground.apply(ground.sealed("before", {"a": b"1"}))
    ground.wait_synced("before")
    assert ground.controller.stop() == 0
    ground.controller.start()
    assert ground.controller.certificate() == served
    ground.apply(ground.sealed("after", {"a": b"2"}, certificate=served))
    ground.wait_synced("after")
    assert ground.values("after") == {"a": b"2"}
    assert len(keys_of(ground)) == 1


def test_who_asks_for_a_key_gets_a_wrapped_one_and_plain_ones_go_on_opening(opened: Opened, identity: Path) -> None:
    ground = opened(WITH, f"--age-identity-file={identity}", "--key-renew-period=0")
    old = a_key(timedelta(hours=1))
    ground.apply(key_secret("old", old))
    ground.controller.start()
    ground.controller.process.signal(signal.SIGUSR1)
    wait_until(lambda: len(keys_of(ground)) == 2, "a newer key is there")
    labels = {one["metadata"]["name"]: one["metadata"]["labels"][LABEL] for one in keys_of(ground)}
    assert sorted(labels.values()) == ["active", "wrapped"]
    assert labels["old"] == "active"
    wait_until(lambda: ground.controller.certificate() != certificate(old), "the wrapped key seals")
    ground.apply(ground.sealed("by-old", {"a": b"1"}, certificate=certificate(old)), ground.sealed("new", {"a": b"2"}))
    ground.wait_synced("by-old")
    ground.wait_synced("new")


def test_without_its_identity_a_controller_is_not_ready_says_why_and_goes_on_when_it_is_there(
    opened: Opened, tmp_path: Path
) -> None:
    later = tmp_path / "later.txt"
    key = a_key(timedelta(hours=1))
    ground = opened(WITH, f"--age-identity-file={later}")
    write_identity(later)
    ground.apply(wrapped_secret("key-1", ground.namespace, key, later))
    later.unlink()
    ground.apply(ground.sealed("db", {"a": b"1"}, certificate=certificate(key)))
    ground.controller.launch()
    text = wait_trouble(ground, "nothing here opens it")
    assert f"Secret/{ground.namespace}/key-1: the key is wrapped" in text
    assert f"age:{RECIPIENT}" in text
    assert f"{later}: no such file or directory" in text
    assert "--age-identity-file" in text
    assert ground.controller.get("/healthz") == (200, "ok\n")
    assert counted(ground, "unopened") == 1
    assert 'msg="sealing key not opened"' in ground.controller.logs
    assert ground.condition("db") == {}, "nothing is said of it before the keys are known"
    write_identity(later)
    wait_until(ground.controller.is_ready, "it is ready by itself")
    ground.wait_synced("db")
    assert len(keys_of(ground)) == 1, "and no other key was made"


def test_beside_a_plain_key_a_start_waits_for_the_wrapped_one_until_somebody_retires_it(
    opened: Opened, identity: Path
) -> None:
    ground = opened("--key-renew-period=0")
    ground.apply(
        key_secret("plain", a_key(timedelta(hours=2))),
        wrapped_secret("wrapped", ground.namespace, a_key(timedelta(hours=1)), identity),
    )
    ground.controller.launch()
    assert "--age-identity-file" in wait_trouble(ground, "/wrapped: the key is wrapped, and nothing here opens it")
    relabel(ground, "wrapped", "retired")
    wait_until(ground.controller.is_ready, "it is ready with the plain one")


def test_the_keys_at_hand_serve_on_when_another_does_not_open_and_none_is_made_meanwhile(
    opened: Opened, identity: Path, tmp_path: Path
) -> None:
    ground = opened(WITH, f"--age-identity-file={identity}", "--key-renew-period=0")
    ground.controller.start()
    ground.apply(wrapped_secret("later", ground.namespace, a_key(), write_identity(tmp_path / "other")))
    wait_until(lambda: counted(ground, "active") == 2, "what opens is taken in at once")
    identity.write_text("")
    ground.apply(wrapped_secret("shut", ground.namespace, a_key(), tmp_path / "other"))
    wait_until(lambda: counted(ground, "unopened") == 1, "it is counted")
    assert ground.controller.is_ready()
    ground.apply(ground.sealed("db", {"a": b"1"}))
    ground.wait_synced("db")
    ground.controller.process.signal(signal.SIGUSR1)
    wait_until(lambda: 'msg="no key made"' in ground.controller.logs, "no key is made while one may be newer")
    assert len(keys_of(ground)) == 3
    write_identity(identity)
    wait_until(lambda: counted(ground, "active") == 4, "it is opened, and the key that was asked for is made")


def test_a_wrapped_key_that_can_never_be_right_is_named_counted_and_passed_over(opened: Opened, identity: Path) -> None:
    """Here one that was made for another namespace."""
    ground = opened(f"--age-identity-file={identity}")
    moved = wrapped_secret("moved", "elsewhere", a_key(), identity)
    moved["metadata"]["namespace"] = ground.namespace
    ground.apply(moved)
    ground.controller.start()
    assert (counted(ground, "active"), counted(ground, "unreadable"), counted(ground, "unopened")) == (1, 1, 0)
    assert "belongs to another Secret" in ground.controller.logs
    assert ground.plane.api.json("GET", f"/api/v1/namespaces/{ground.namespace}/secrets/moved")


def test_no_key_is_made_that_its_controller_could_not_open_again(opened: Opened, identity: Path) -> None:
    ground = opened(f"--wrap-keys-with=age:{STRANGER}", f"--age-identity-file={identity}")
    ground.controller.launch()
    wait_trouble(ground, "no identity fits")
    assert keys_of(ground) == []


def test_a_key_that_is_wrapped_under_a_running_controller_goes_on_opening(opened: Opened, identity: Path) -> None:
    ground = opened("--key-renew-period=0")
    key = a_key(timedelta(hours=1))
    ground.apply(key_secret("key-1", key))
    ground.controller.start()
    ground.apply(wrapped_secret("key-1", ground.namespace, key, identity))
    wait_until(lambda: 'msg="sealing key not opened"' in ground.controller.logs, "it has seen the change")
    ground.apply(ground.sealed("db", {"a": b"1"}, certificate=certificate(key)))
    ground.wait_synced("db")
    assert counted(ground, "active") == 1
