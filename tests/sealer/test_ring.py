"""Which key seals and which keys open."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sealer import box
from sealer.errors import PrivateKeyError, UnsealError
from sealer.keys import Fingerprint, SealingKey
from sealer.ring import KeyRing

LABEL = b"shop/db"


@pytest.fixture(scope="module")
def three(make_key: Callable[..., SealingKey]) -> list[SealingKey]:
    """Keys of thirty, two and ten days of age."""
    return [make_key(30), make_key(2), make_key(10)]


def seal_with(key: SealingKey) -> bytes:
    return box.seal(b"value", key.private_key.public_key(), LABEL)


def tried(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The private keys that are tried from now on."""
    real, used = box.open, list[object]()

    def watched(sealed: bytes, private_key: object, label: bytes) -> bytes:
        used.append(private_key)
        return real(sealed, private_key, label)  # type: ignore[arg-type]  # whatever the ring hands over

    monkeypatch.setattr(box, "open", watched)
    return used


def test_the_newest_certificate_seals(three: list[SealingKey]) -> None:
    ring = KeyRing(three)
    assert ring.newest is three[1]
    assert [key.fingerprint for key in ring] == [three[1].fingerprint, three[2].fingerprint, three[0].fingerprint]


def test_another_time_can_order_the_keys(three: list[SealingKey]) -> None:
    old, *rest = three
    promoted = SealingKey(old.private_key, old.certificate, ordered_at=datetime.now(UTC))
    assert KeyRing([*rest, promoted]).newest is promoted


def test_of_two_equal_times_the_first_given_is_newest(three: list[SealingKey]) -> None:
    now = datetime.now(UTC)
    same = [SealingKey(key.private_key, key.certificate, now) for key in three]
    assert KeyRing(same).newest is same[0]


def test_keys_without_a_certificate_come_last(three: list[SealingKey]) -> None:
    bare = SealingKey(three[1].private_key)
    assert list(KeyRing([bare, three[0]])) == [three[0], bare]


def test_a_key_given_twice_counts_once(three: list[SealingKey]) -> None:
    ring = KeyRing([*three, SealingKey(three[0].private_key)])
    assert len(ring) == 3
    assert three[0].fingerprint in ring


def test_every_key_opens_and_says_which(three: list[SealingKey]) -> None:
    ring = KeyRing(three)
    for key in three:
        opened = ring.open(seal_with(key), LABEL)
        assert (opened.value, opened.fingerprint) == (b"value", key.fingerprint)
        assert b"value" not in repr(opened).encode()


def test_the_newest_key_is_tried_first(three: list[SealingKey], monkeypatch: pytest.MonkeyPatch) -> None:
    used = tried(monkeypatch)
    KeyRing(three).open(seal_with(three[2]), LABEL)
    assert used == [three[1].private_key, three[2].private_key]


def test_a_remembered_key_is_tried_before_the_newest(three: list[SealingKey], monkeypatch: pytest.MonkeyPatch) -> None:
    used = tried(monkeypatch)
    KeyRing(three).open(seal_with(three[0]), LABEL, three[0].fingerprint)
    assert used == [three[0].private_key]


def test_a_stale_memory_costs_nothing_but_time(three: list[SealingKey], monkeypatch: pytest.MonkeyPatch) -> None:
    used = tried(monkeypatch)
    ring = KeyRing(three)
    assert ring.open(seal_with(three[1]), LABEL, three[0].fingerprint).fingerprint == three[1].fingerprint
    assert used == [three[0].private_key, three[1].private_key]
    assert ring.open(seal_with(three[1]), LABEL, Fingerprint("SHA256:gone")).value == b"value"


@pytest.mark.parametrize("sealed", [b"", b"\x01\x00" + bytes(300)])
def test_what_no_key_opens_is_said_in_the_words_of_the_original(three: list[SealingKey], sealed: bytes) -> None:
    for ring in (KeyRing(three), KeyRing()):
        with pytest.raises(UnsealError, match=r"^no key could decrypt secret$"):
            ring.open(sealed, LABEL)


def test_an_empty_ring_has_no_newest_key() -> None:
    with pytest.raises(PrivateKeyError, match="there is no sealing key"):
        _ = KeyRing().newest
