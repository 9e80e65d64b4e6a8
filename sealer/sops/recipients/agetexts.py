"""The texts by which age names recipients and identities, told apart without any cipher.

Source: getsops/sops age/keysource.go `parseRecipient`, `parseIdentity`; C2SP age.md and age-plugin.md.
"""

import binascii
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import bech32
from sealer.sops.recipients.base import shown

HYBRID_PUBLIC_BYTES: Final = 1184 + 32
"""An ML-KEM-768 encapsulation key, then an X25519 key."""
_SSH_KINDS: Final = ("ssh-ed25519", "ssh-rsa")
_PLUGIN_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-._")
_PRIVATE: Final = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY")
_HINT: Final = "recipients begin with age1, age1pq1, age1PLUGIN1, ssh-ed25519 or ssh-rsa"


def recipient_kind(text: str) -> str:
    """`hybrid`, `plugin`, `x25519` or `ssh`, by the beginning of a recipient. Raises: KsealError."""
    if text.startswith("age1pq1"):
        return "hybrid"
    if text.startswith("age1"):
        return "plugin" if text.count("1") > 1 else "x25519"
    if text.startswith("ssh-"):
        return "ssh"
    if any(mark in text.upper() for mark in _PRIVATE):  # it must not be shown, and is burnt where it is committed
        raise KsealError("a private key stands where an age recipient belongs", "`age-keygen -y` gives its recipient")
    raise KsealError(f'"{shown(text)}" is no age recipient', _HINT)


def check_recipient(text: str) -> None:
    """Refuse what cannot be a recipient, such as one with a letter lost. Raises: KsealError."""
    kind = recipient_kind(text)
    if kind == "ssh":
        _check_ssh(text)
    elif kind == "plugin":
        plugin_name(text)
    else:
        recipient_bytes(text)


def recipient_bytes(text: str) -> bytes:
    """The public key of a recipient of kind `x25519` or `hybrid`. Raises: KsealError."""
    hybrid = recipient_kind(text) == "hybrid"
    wanted = ("age1pq", HYBRID_PUBLIC_BYTES) if hybrid else ("age", 32)
    name, data = _decoded(text)
    if (name, len(data)) != wanted:
        raise KsealError(
            f'"{shown(text)}" is no age recipient: it does not hold {wanted[1]} bytes under "{wanted[0]}"', _HINT
        )
    return data


def plugin_name(text: str) -> str:
    """NAME of a recipient `age1NAME1...`, whose program is `age-plugin-NAME`. Raises: KsealError."""
    name = _decoded(text)[0].removeprefix("age1")
    if not name or not _PLUGIN_LETTERS.issuperset(name):
        raise KsealError(f'"{shown(text)}" is no age recipient: no plugin can be called "{shown(name)}"', _HINT)
    return name


def identity_bytes(text: str, name: str) -> bytes:
    """The 32 bytes of an identity `NAME1...` in upper case. Raises: ValueError, whose text never has the input."""
    found, data = bech32.decode(text)
    if found != name:
        raise ValueError(f"not under the name {name}")
    if len(data) != 32:
        raise ValueError("not 32 bytes")
    return data


def identity_plugin(text: str) -> str:
    """NAME in lower case of an identity `AGE-PLUGIN-NAME-1...`. Raises: ValueError as `identity_bytes`."""
    name = bech32.decode(text)[0].removeprefix("AGE-PLUGIN-").removesuffix("-").lower()
    if not name or not _PLUGIN_LETTERS.issuperset(name):
        raise ValueError("no plugin has such a name")
    return name


def _decoded(text: str) -> tuple[str, bytes]:
    try:
        return bech32.decode(text)
    except ValueError as error:
        raise KsealError(f'"{shown(text)}" is no age recipient: {error}', _HINT) from error


def _check_ssh(text: str) -> None:
    kind, _, rest = text.partition(" ")
    try:
        blob = binascii.a2b_base64(rest.split(" ", 1)[0].encode(), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        blob = b""
    if kind not in _SSH_KINDS or blob[4 : 4 + len(kind)] != kind.encode():
        raise KsealError(
            f'"{shown(text)}" is no age recipient: it is no SSH public key of kind {" or ".join(_SSH_KINDS)}', _HINT
        )
