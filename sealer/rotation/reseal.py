"""Reseal one SealedSecret: same values, newest key. Nothing is rendered, and no value leaves this page."""

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from sealer import box
from sealer.encoding import Base64Error, decode, encode
from sealer.errors import FormatError, UnsealError
from sealer.keys import Fingerprint, SealingKey
from sealer.ring import KeyRing
from sealer.sealedsecret import SealedSecret


class Resealed(NamedTuple):
    """New ciphertext by item, only of items that the newest key did not open, and the key that opened each item."""

    new: Mapping[str, str]
    opened_by: Mapping[str, Fingerprint]


def reseal(sealed: SealedSecret, ring: KeyRing, newest: SealingKey) -> Resealed:
    """Bring every item under the newest key, which is one of the ring's; items that it opens keep their ciphertext.

    Each new ciphertext is opened again and compared with the value before it counts.

    Raises: UnsealError that groups the items by what is wrong with them; FormatError for what has no items.
    """
    require_items(sealed)
    new: dict[str, str] = {}
    opened_by: dict[str, Fingerprint] = {}
    failures: dict[str, str] = dict.fromkeys(sealed.dropped, "the item is no text")
    for key, text in sorted(sealed.encrypted_data.items()):
        try:
            opened = ring.open(decode(text), sealed.label, newest.fingerprint)
        except (Base64Error, UnsealError) as error:
            failures[key] = str(error)
            continue
        opened_by[key] = opened.fingerprint
        if opened.fingerprint != newest.fingerprint:
            new[key] = _under(newest, opened.value, sealed.label)
    if failures:
        raise UnsealError.grouped(failures)
    return Resealed(new, opened_by)


def require_items(sealed: SealedSecret) -> None:
    """Raises: FormatError for the form of before 2019, which holds one value for all items."""
    if sealed.v1_data is not None:
        raise FormatError(
            "the deprecated field spec.data is not resealed", "unseal the object and seal it again, as encryptedData"
        )


def _under(key: SealingKey, value: bytes, label: bytes) -> str:
    sealed = box.seal(value, key.private_key.public_key(), label)
    if not hmac.compare_digest(box.open(sealed, key.private_key, label), value):
        raise UnsealError("the new ciphertext does not open to the same value")
    return encode(sealed)
