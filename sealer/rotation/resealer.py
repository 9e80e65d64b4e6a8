"""Who reseals: whoever holds the keys. Here with a backup of them; `remote.py` asks the controller."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sealer import box
from sealer.errors import PrivateKeyError, UnsealError
from sealer.keys import Fingerprint, SealingKey
from sealer.reseal import Resealed, resealed_items
from sealer.ring import KeyRing
from sealer.sealedsecret import parse


class Resealer(Protocol):
    """Brings one SealedSecret under the newest key."""

    newest: Fingerprint
    """The key under which everything is brought."""
    at_once: int | None
    """How many objects may be in work at the same time, None for one a core."""

    def reseal(self, raw: Mapping[str, Any]) -> Resealed:
        """Raises: UnsealError, FormatError for an object that cannot be resealed; any other KsealError ends the job."""
        ...


class Offline:
    """Reseals with private keys at hand. `newest` is one of the ring's, so that each new ciphertext can be opened again
    and compared with the value before it counts."""

    at_once: int | None = None

    def __init__(self, ring: KeyRing, newest: SealingKey) -> None:
        self._ring, self._key = ring, newest
        self.newest = newest.fingerprint

    def reseal(self, raw: Mapping[str, Any]) -> Resealed:
        return resealed_items(parse(raw), self._ring, self._under, keep=self.newest)

    def _under(self, value: bytes, label: bytes) -> bytes:
        sealed = box.seal(value, self._key.private_key.public_key(), label)
        if not hmac.compare_digest(box.open(sealed, self._key.private_key, label), value):
            raise UnsealError("the new ciphertext does not open to the same value")
        return sealed


def choose_newest(active: Sequence[SealingKey], wanted: Fingerprint | None, *, now: datetime) -> SealingKey:
    """The key to reseal under: the one of the certificate that was named, else the newest. Retired keys are not among
    those to choose from, and a key whose certificate begins in the future is never the newest.

    Raises: PrivateKeyError where there is no such key, or nobody can tell which is the newest.
    """
    if wanted is not None:
        for key in active:
            if key.fingerprint == wanted:
                return key
        raise PrivateKeyError(
            f"none of the private keys belongs to the certificate of {wanted}",
            "what is resealed could not be opened again to check it; take a new backup of the keys",
        )
    ring = KeyRing(key for key in active if key.certificate is None or key.certificate.not_before <= now)
    if len(ring) > 1 and ring.newest.certificate is None:
        raise PrivateKeyError(
            "bare private keys do not say which of them is the newest", "name its certificate with --cert"
        )
    return ring.newest
