"""Which key everything is brought under."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sealer.errors import PrivateKeyError
from sealer.keys import SealingKey
from sealer.rotation.resealer import choose_newest

MakeKey = Callable[..., SealingKey]


def test_the_newest_that_is_valid_already(make_key: MakeKey, old_key: SealingKey, new_key: SealingKey) -> None:
    future = make_key(-30)
    assert choose_newest([old_key, future, new_key], None, now=datetime.now(UTC)) is new_key


def test_a_certificate_that_is_named_wins(old_key: SealingKey, new_key: SealingKey) -> None:
    assert choose_newest([old_key, new_key], old_key.fingerprint, now=datetime.now(UTC)) is old_key


@pytest.mark.parametrize("wanted", [True, False])
def test_without_a_key_that_may_seal_nothing_is_chosen(make_key: MakeKey, old_key: SealingKey, wanted: bool) -> None:
    with pytest.raises(PrivateKeyError):
        choose_newest([make_key(-1)], old_key.fingerprint if wanted else None, now=datetime.now(UTC))
