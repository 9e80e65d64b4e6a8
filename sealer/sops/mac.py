"""The seal of a whole document: SHA-512 over its values in their order, encrypted like a value.

Values are hashed as they are encrypted, one after the other with nothing between them: no keys, no types. Comments and
nulls are left out. Where only encrypted values count, the hash begins with another constant, so that the two kinds of
seal never agree. Source: getsops/sops sops.go, Encrypt and Decrypt; cmd/sops/common/common.go, DecryptTree.
"""

from cryptography.hazmat.primitives.hashes import SHA512, Hash

from engine.sensitive import Sensitive
from sealer.sops.cipher import Cipher, ValueRefused
from sealer.sops.errors import MacMismatch
from sealer.sops.tree import to_bytes

_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
"""The SHA-256 of `sops`."""

_HINT = "it was edited without its key, or two versions were merged; --ignore-mac reads it as it is"


class Mac:
    """Hears the values of one document. `update` takes the bytes of one."""

    __slots__ = ("_hash", "update")

    def __init__(self, *, only_encrypted: bool) -> None:
        self._hash = Hash(SHA512())  # not hashlib's, which would load another OpenSSL: 2 ms at each start
        self.update = self._hash.update
        if only_encrypted:
            self.update(_ONLY_ENCRYPTED)

    def seal(self, cipher: Cipher, last_modified: str, iv: bytes) -> str:
        """The text for the metadata, bound to the time of the change."""
        return cipher.encrypt(self._text(), last_modified.encode(), iv)

    def check(self, stored: str, cipher: Cipher, last_modified: str) -> None:
        """Compare with what the metadata hold. Raises: MacMismatch.

        Neither digest is shown: over short values, a plain hash tells what they are.
        """
        if not stored:
            raise MacMismatch("MAC mismatch: the file has no MAC", _HINT)
        try:
            plain = cipher.decrypt_bytes(stored, last_modified.encode())[0]
        except ValueRefused as refusal:
            raise MacMismatch(f"cannot decrypt the MAC: {refusal}", _HINT) from None
        if Sensitive(plain) != Sensitive(to_bytes(self._text())):
            raise MacMismatch("MAC mismatch: the values are not those that were encrypted together", _HINT)

    def _text(self) -> str:
        return self._hash.finalize().hex().upper()
