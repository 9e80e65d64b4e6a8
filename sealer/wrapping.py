"""Sealing keys wrapped at rest: private keys encrypted under keys that stay with a person, a KMS or a Vault.

The PEM text of a private key is encrypted by AES-256-GCM with a data key of its own, and that data key is wrapped with
each wrapping key, any of which opens it. Namespace, name and fingerprint are bound to the ciphertext, so that whoever
can write Secrets cannot exchange one wrapped key for another.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import KsealError, NotReady
from sealer.errors import PrivateKeyError
from sealer.keys import SealingKey, load
from sealer.keysecret import certificate_pem
from sealer.sops.recipients import identities
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.agekeys import Identity
from sealer.sops.recipients.base import KeyService, MasterKey
from sealer.sops.recipients.lookup import Place
from sealer.wrappedkey import WrappedKey, read, text_of, with_wrapped
from sealer.wrappingkey import written

_DATA_KEY_BYTES: Final = 32
_NONCE: Final = bytes(12)  # safe, because each data key encrypts one text
_LOCAL: Final = "age"
"""The kind that asks nobody."""


class Wrapping:
    """Wraps with all of its keys, and opens with whichever of them answers. Used by several threads at once."""

    def __init__(
        self,
        keys: Sequence[MasterKey],
        identity_files: Sequence[str],
        make: Callable[[str], KeyService],
        *,
        naming: str,
        identifying: str,
    ) -> None:
        """`keys` is empty where new sealing keys stay plain. `make` gives the service for keys of one kind; age has its
        identities in files, which are read when they are needed. `naming` and `identifying` are cures, for errors.

        Raises: KsealError when there is no service for one of the keys.
        """
        self.keys = tuple(keys)
        self._named = {written(key) for key in keys}
        self._make = make
        self._services = {kind: make(kind) for kind in {key.kind for key in keys} - {_LOCAL}}
        self._services[_LOCAL] = AgeService(_IdentityFiles(identity_files), plugins=False)
        self._naming = naming
        self._identifying = identifying

    def check(self) -> None:
        """Try out what `wrapped` will need, where a key is yet to be made for it. Raises: NotReady."""
        if self.keys:
            self._data_key([self._wrap(key, os.urandom(_DATA_KEY_BYTES)) for key in self.keys])

    def wrapped(self, raw: Mapping[str, Any], key: SealingKey) -> dict[str, Any]:
        """The Secret of a plain key, wrapped. What comes out has been opened again: nothing is written that nothing
        here can read.

        Raises: KsealError.
        """
        metadata = raw["metadata"]
        data_key = os.urandom(_DATA_KEY_BYTES)
        bound = _bound(str(metadata["namespace"]), str(metadata["name"]), key.fingerprint)
        sealed = AESGCM(data_key).encrypt(_NONCE, key.private_pem().reveal(), bound)
        made = with_wrapped(raw, text_of([self._wrap(one, data_key) for one in self.keys], sealed))
        self.open(read(made))
        return made

    def open(self, wrapped: WrappedKey) -> SealingKey:
        """The key itself, checked against its certificate.

        Raises: NotReady when no wrapping key answers, with what each said; PrivateKeyError, CertificateError when it
        can never be right.
        """
        bound = _bound(wrapped.namespace, wrapped.name, wrapped.fingerprint)
        data_key = self._data_key(wrapped.keys)
        try:
            text = AESGCM(data_key).decrypt(_NONCE, wrapped.sealed, bound)
        except (InvalidTag, ValueError):
            raise PrivateKeyError(
                "its wrapped key was changed, or belongs to another Secret", "restore it from a backup of the keys"
            ) from None
        return load(text, wrapped.certificate.pem)

    def _wrap(self, key: MasterKey, data_key: bytes) -> MasterKey:
        try:
            enc = self._services[key.kind].wrap(key, data_key)
        except KsealError as error:
            self._renew(key.kind)
            raise NotReady(f"{written(key)}: cannot wrap a sealing key: {error.message}", error.hint) from error
        return MasterKey(key.kind, key.fields, enc)

    def _data_key(self, keys: Sequence[MasterKey]) -> bytes:
        """Whichever wrapping key answers first; those that ask nobody come first."""
        failures: list[str] = []
        hints: list[str] = []
        for key in sorted(keys, key=lambda key: key.kind != _LOCAL):
            try:
                found = self._unwrapped(key)
            except KsealError as error:
                failures.append(f"{written(key)}: {error.message}")
                hints += [error.hint] if error.hint else []
                continue
            if len(found) == _DATA_KEY_BYTES:
                return found
            failures.append(f"{written(key)}: it holds {len(found)} bytes")
        raise NotReady(
            f"the key is wrapped, and nothing here opens it: {'; '.join(failures)}",
            "; ".join(dict.fromkeys(hints)) or None,
        )

    def _unwrapped(self, key: MasterKey) -> bytes:
        """Credentials go only where somebody who may set flags sends them, never where a Secret says."""
        if key.kind == _LOCAL:
            try:
                return self._services[_LOCAL].unwrap(key)
            except KsealError as error:
                raise KsealError(error.message, self._identifying) from error
        if written(key) not in self._named:
            raise KsealError("not asked, because nobody named it here", self._naming)
        try:
            return self._services[key.kind].unwrap(key)
        except KsealError:
            self._renew(key.kind)
            raise

    def _renew(self, kind: str) -> None:
        """After a failure take credentials anew, such as a token that an agent renews in a file."""
        if kind != _LOCAL:
            self._services[kind] = self._make(kind)


class _IdentityFiles:
    """Age identities in files, which may come late, and may be exchanged while the process runs."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths

    def places(self, recipient: str) -> list[Place]:
        """The same for every recipient."""
        del recipient
        return [Place(path, partial(_identities, path)) for path in self._paths]


def _identities(path: str) -> list[Identity]:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would slow down the start of the command line
        return identities.parse(file.read(identities.LIMIT_BYTES + 1), path, plugins=False)


def check_certificate(key: SealingKey) -> None:
    """Refuse a key whose certificate is not its own: nothing could be checked when it is opened again.

    Raises: PrivateKeyError, CertificateError.
    """
    load(key.private_pem().reveal(), certificate_pem(key))


def _bound(namespace: str, name: str, fingerprint: str) -> bytes:
    return "\0".join(("kseal wrapped sealing key", "1", namespace, name, fingerprint)).encode()
