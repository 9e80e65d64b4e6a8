"""Encrypt and decrypt whole files with age: for recipients, or under a passphrase.

The library behind it is an extra, asked for only here. Source: age-encryption.org/v1.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from engine.errors import KsealError
from engine.sensitive import Sensitive
from engine.version import VERSION

_BEGINNINGS: Final = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")
_BY_PASSPHRASE: Final = b"\n-> scrypt "


def is_encrypted(data: bytes) -> bool:
    """Whether a file says that it is age's."""
    return data.startswith(_BEGINNINGS)


def wants_passphrase(data: bytes) -> bool:
    """Whether a file was encrypted under a passphrase. An armoured one does not show it."""
    return _BY_PASSPHRASE in data[:200]


def encrypt(data: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt for recipients (`age1…`, `ssh-ed25519 …`, `ssh-rsa …`), each of whom can decrypt alone.

    Raises: KsealError.
    """
    pyrage = library()
    try:
        return bytes(pyrage.encrypt(data, [_recipient(pyrage, text) for text in recipients]))
    except pyrage.EncryptError as error:
        raise KsealError("age could not encrypt the backup") from error


def encrypt_by_passphrase(data: bytes, passphrase: Sensitive) -> bytes:
    """Encrypt under a passphrase. Raises: KsealError."""
    return bytes(library().passphrase.encrypt(data, passphrase.reveal().decode()))


def decrypt(data: bytes, identities: Sequence[bytes]) -> bytes:
    """Decrypt with identities as age-keygen writes them, or SSH private keys: the text of one file each.

    Raises: KsealError when none of them fits.
    """
    pyrage = library()
    found = [identity for text in identities for identity in _identities(pyrage, text)]
    try:
        return bytes(pyrage.decrypt(data, found))
    except pyrage.DecryptError as error:
        raise KsealError(f"none of {len(found)} identities decrypts the backup, or it is damaged") from error


def decrypt_by_passphrase(data: bytes, passphrase: Sensitive) -> bytes:
    """Decrypt what a passphrase protects. Raises: KsealError when it is another one."""
    pyrage = library()
    try:
        return bytes(pyrage.passphrase.decrypt(data, passphrase.reveal().decode()))
    except pyrage.DecryptError as error:
        raise KsealError("the passphrase does not decrypt the backup, or it is damaged") from error


def _recipient(pyrage: Any, text: str) -> Any:
    try:
        kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
        return kind.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        hint = "recipients begin with age1, ssh-ed25519 or ssh-rsa"
        raise KsealError(f'"{text}" is no age recipient', hint) from error


def _identities(pyrage: Any, text: bytes) -> list[Any]:
    """The identities of one file. Its text is never repeated in an error."""
    try:
        if b"PRIVATE KEY-----" in text:
            return [pyrage.ssh.Identity.from_buffer(text)]
        lines = [line.strip() for line in text.decode("ascii", "replace").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError as error:
        raise KsealError("a file given by --identity holds no age identity") from error
    return found


def library() -> ModuleType:
    """pyrage, where it is installed. Raises: KsealError with the cure."""
    try:
        import pyrage
    except ModuleNotFoundError as error:
        raise KsealError(
            'age needs the Python package "pyrage", which is not installed',
            hint="install kseal again from its wheel with the extra [age]: "
            f'uv tool install "./kseal_toolkit-{VERSION}-py3-none-any.whl[age]"',
        ) from error
    module: ModuleType = pyrage
    return module
