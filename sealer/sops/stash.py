"""Nonces of values that were decrypted, so that what does not change keeps its ciphertext when it is encrypted again.

A nonce serves again only for the same bytes of the same type in the same place: under one data key that gives the same
ciphertext and says nothing new, and under another key it is as good as random.
"""

import os
from collections.abc import Callable

from sealer.sops.cipher import NONCE_SIZE

_AHEAD = 512  # nonces drawn at once: one system call for many values

Random = Callable[[int], bytes]


class Stash:
    """Filled while a document is decrypted, asked while it is encrypted. Two equal values in one list share a nonce."""

    __slots__ = ("_nonces",)

    def __init__(self) -> None:
        self._nonces: dict[tuple[bytes, str, bytes], bytes] = {}

    def keep(self, aad: bytes, kind: str, plain: bytes, nonce: bytes) -> None:
        """A nonce of another length than ours is not kept: the original could not use it again either."""
        if len(nonce) == NONCE_SIZE:
            self._nonces[aad, kind, plain] = nonce

    def find(self, aad: bytes, kind: str, plain: bytes) -> bytes | None:
        """The nonce under which these bytes stood here, None when they did not."""
        return self._nonces.get((aad, kind, plain))

    def __repr__(self) -> str:
        """It holds plaintext, so it does not print."""
        return "Stash()"


class Nonces:
    """Random nonces, each given once."""

    __slots__ = ("_drawn", "_random", "_used")

    def __init__(self, random: Random = os.urandom) -> None:
        self._random = random
        self._drawn = b""
        self._used = 0

    def next(self) -> bytes:
        start = self._used
        if start == len(self._drawn):
            self._drawn, start = self._random(NONCE_SIZE * _AHEAD), 0
        self._used = start + NONCE_SIZE
        return self._drawn[start : self._used]
