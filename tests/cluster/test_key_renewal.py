"""When a newer sealing key is made, what it is called, and that old ones go on opening."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from controller.sealed.keysecrets import name_after
from sealer.keys import fingerprint
from tests.kit.controlplane import ControlPlane
from tests.kit.ground import Ground, open_ground
from tests.kit.process import wait_until
from tests.kit.sealingkeys import LABEL, a_key, certificate, key_names, key_secret, relabel

pytestmark = pytest.mark.cluster

PREFIX = "sealed-secrets-key"
Opened = Callable[..., Ground]


@pytest.fixture
def opened(served: ControlPlane) -> Iterator[Opened]:
    """Open a ground with these flags for the controller."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(open_ground(served, *flags))


def renewed(ground: Ground, before: str) -> str:
    """The certificate, once it is another one."""
    wait_until(lambda: ground.controller.get("/v1/cert.pem")[1] != before, "another certificate is served")
    return ground.controller.certificate()


def test_a_key_that_is_old_enough_is_succeeded_at_the_start_and_goes_on_opening(opened: Opened) -> None:
    ground = opened("--key-renew-period=1h")
    old = a_key(timedelta(hours=2))
    ground.apply(key_secret("old", old))
    ground.apply(ground.sealed("by-old", {"a": b"1"}, certificate=certificate(old)))
    ground.controller.start()
    wait_until(lambda: len(key_names(ground)) == 2, "a newer key is there")
    assert key_names(ground) == ["old", name_after(old.fingerprint, ground.namespace, PREFIX, 0)]
    ground.wait_synced("by-old")
    newest = renewed(ground, certificate(old))
    ground.apply(ground.sealed("by-new", {"a": b"2"}, certificate=newest))
    ground.wait_synced("by-new")


def test_keys_are_renewed_again_and_again(opened: Opened) -> None:
    ground = opened("--key-renew-period=2s")
    ground.controller.start()
    wait_until(lambda: len(key_names(ground)) >= 3, "three keys have been made")
    assert ground.controller.stop() == 0
    assert ground.controller.logs.count("why=age") >= 2


@pytest.mark.parametrize("period", ["0", "720h"])
def test_a_key_is_not_renewed_too_early_or_where_that_is_turned_off(opened: Opened, period: str) -> None:
    ground = opened(f"--key-renew-period={period}")
    old = a_key(timedelta(hours=700))
    ground.apply(key_secret("old", old))
    ground.controller.start()
    assert ground.controller.certificate() == certificate(old)
    assert key_names(ground) == ["old"]


def test_the_signal_makes_a_key_at_once(opened: Opened) -> None:
    ground = opened("--key-renew-period=0")
    ground.controller.start()
    first = ground.controller.certificate()
    ground.controller.process.signal(signal.SIGUSR1)
    second = renewed(ground, first)
    ground.controller.process.signal(signal.SIGUSR1)
    renewed(ground, second)
    assert len(key_names(ground)) == 3
    assert ground.controller.logs.count('why="asked for"') == 2


def test_a_cut_off_time_makes_one_newer_key(opened: Opened) -> None:
    cutoff = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    ground = opened(f"--key-cutoff-time={cutoff}", "--key-renew-period=0")
    ground.apply(key_secret("old", a_key(timedelta(minutes=1))))
    ground.controller.start()
    wait_until(lambda: len(key_names(ground)) == 2, "a newer key is there")
    assert ground.controller.stop() == 0
    ground.controller.start()
    wait_until(lambda: "leading" in ground.controller.logs, "the controller leads")
    assert len(key_names(ground)) == 2, "the newest one is younger now"


def test_a_successor_that_somebody_else_made_is_taken_and_none_is_made(opened: Opened) -> None:
    ground = opened("--key-renew-period=1h")
    old, theirs = a_key(timedelta(hours=2)), a_key()
    ground.apply(key_secret("old", old))
    name = name_after(old.fingerprint, ground.namespace, PREFIX, 0)
    ground.apply(key_secret(name, theirs, label="compromised"))
    ground.controller.start()
    wait_until(lambda: len(key_names(ground)) == 2, "a retired key of that name does not count")
    assert key_names(ground) == sorted(["old", name_after(old.fingerprint, ground.namespace, PREFIX, 1)])


def test_a_new_keys_secret_carries_what_the_flags_say(opened: Opened) -> None:
    ground = opened(
        "--key-prefix=shop-key",
        f"--privatekey-labels=team=a,{LABEL}=compromised",
        "--privatekey-annotations=note=x=y,bare",
        "--my-cn=shop",
    )
    ground.controller.start()
    (name,) = key_names(ground)
    assert re.fullmatch(r"shop-key[a-z0-9]{5}", name)
    metadata = ground.get("secret", name)["metadata"]
    assert metadata["labels"] == {"team": "a", LABEL: "active"}
    assert metadata["annotations"] == {"note": "x=y", "bare": ""}
    assert metadata["generateName"] == "shop-key"


def test_a_certificate_of_the_future_never_seals_but_its_key_opens(opened: Opened) -> None:
    ground = opened("--key-renew-period=0")
    future, present = a_key(timedelta(days=-2)), a_key(timedelta(hours=1))
    ground.apply(key_secret("future", future), key_secret("present", present))
    ground.apply(ground.sealed("by-future", {"a": b"1"}, certificate=certificate(future)))
    ground.controller.start()
    assert ground.controller.certificate() == certificate(present)
    ground.wait_synced("by-future")


def test_where_every_certificate_is_of_the_future_a_key_is_made(opened: Opened) -> None:
    ground = opened("--key-renew-period=0")
    future = a_key(timedelta(days=-2))
    ground.apply(key_secret("future", future))
    ground.controller.start()
    assert ground.controller.certificate() != certificate(future)
    assert len(key_names(ground)) == 2


def test_a_key_that_is_retired_is_followed_by_another_of_a_new_name(opened: Opened) -> None:
    ground = opened("--key-renew-period=0", "--first-key=always")
    ground.controller.start()
    (first,) = key_names(ground)
    before = ground.controller.certificate()
    relabel(ground, first, "compromised")
    renewed(ground, before)
    (second,) = key_names(ground)
    assert second != first


def test_names_are_the_same_for_everybody_and_differ_for_each_predecessor() -> None:
    one, other = (fingerprint(a_key().private_key.public_key()) for _ in range(2))
    names = {name_after(before, "home", PREFIX, attempt) for before in (None, one, other) for attempt in (0, 1)}
    assert len(names) == 6
    assert name_after(one, "home", PREFIX, 0) == name_after(one, "elsewhere", PREFIX, 0)
