"""All keys that may open what was sealed, and the one that seals now."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sealer import box
from sealer.errors import PrivateKeyError, UnsealError

if TYPE_CHECKING:
    from sealer.keys import Fingerprint, SealingKey

NO_KEY = "no key could decrypt secret"


class Opened(NamedTuple):
    """One value and the key that opened it. The value is plaintext: `repr` does not show it."""

    value: bytes
    fingerprint: "Fingerprint"

    def __repr__(self) -> str:
        return f"<Opened by {self.fingerprint}>"


class KeyRing:
    """Keys, newest first. Never changes, so threads share it; a renewal makes a new ring.

    Of two keys with the same time the one given first counts as newer, as in the original ("strictly later wins").
    A key that is given twice counts once.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable["SealingKey"] = ()) -> None:
        newest_first = sorted(keys, key=lambda key: key.ordered_at, reverse=True)  # a stable sort, also when reversed
        self._keys: dict[Fingerprint, SealingKey] = {}
        for key in newest_first:
            self._keys.setdefault(key.fingerprint, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator["SealingKey"]:
        return iter(self._keys.values())

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._keys

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self)}>"

    @property
    def newest(self) -> "SealingKey":
        """The key that seals, and whose certificate is handed out.

        Raises: PrivateKeyError when the ring is empty.
        """
        for key in self:
            return key
        raise PrivateKeyError("there is no sealing key")

    def open(self, sealed: bytes, label: bytes, first: "Fingerprint | None" = None) -> Opened:
        """Open one value with whichever key fits, the newest first. `first` names the key that opened it last time:
        every wrong key costs a whole RSA operation.

        Raises: UnsealError when no key fits, in the words of the original.
        """
        for key in self._candidates(first):
            try:
                return Opened(box.open(sealed, key.private_key, label), key.fingerprint)
            except UnsealError:
                continue  # the next key may fit; what is no ciphertext at all ends in the same error, as it should
        raise UnsealError(NO_KEY)

    def _candidates(self, first: "Fingerprint | None") -> Iterator["SealingKey"]:
        hinted = self._keys.get(first) if first is not None else None
        if hinted is not None:
            yield hinted
        for key in self:
            if key is not hinted:
                yield key
