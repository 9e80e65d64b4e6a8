"""An encrypted document: its branches with encrypted values, and the metadata that say how to open it."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from sealer.sops.cipher import Cipher, ValueRefused, plain_bytes, type_name, typed
from sealer.sops.errors import EnvelopeRefused, MetadataMissing, NotWritable, TreeNotDecrypted, TreeNotEncrypted
from sealer.sops.mac import Mac
from sealer.sops.metadata import Metadata
from sealer.sops.selection import Selection
from sealer.sops.stash import Nonces, Random, Stash
from sealer.sops.tree import Branch, Branches, Comment, Scalar
from sealer.sops.walk import WalkRefused, walk

if TYPE_CHECKING:
    from datetime import datetime

METADATA_KEY = "sops"

Warn = Callable[[str], None]


class Envelope:
    """What a format reads and writes. Never changed in place."""

    __slots__ = ("branches", "metadata")

    def __init__(self, branches: Branches, metadata: Metadata) -> None:
        self.branches = branches
        self.metadata = metadata

    def decrypt(
        self, data_key: bytes, *, ignore_mac: bool = False, stash: Stash | None = None, warn: Warn | None = None
    ) -> Branches:
        """The plain branches, once the MAC is found right. `stash` then knows the nonces.

        `warn` hears of comments that no longer decrypt; they stay as they are, since old releases left some plain.

        Raises: TreeNotDecrypted with the path of the value; MacMismatch; EnvelopeRefused for an unknown version.
        """
        self.metadata.check_version()
        selection = self.metadata.selection
        cipher = _cipher(data_key)
        mac = None if ignore_mac else Mac(only_encrypted=selection.mac_only_encrypted)
        try:
            plain = walk(self.branches, selection, _opener(cipher, selection, mac, stash, warn))
        except WalkRefused as refusal:
            raise TreeNotDecrypted(f"{refusal.where()}: {refusal.reason}") from None
        if mac:
            mac.check(self.metadata.mac, cipher, self.metadata.last_modified)
        return plain


def encrypt(
    branches: Branches,
    metadata: Metadata,
    data_key: bytes,
    *,
    now: "datetime",
    stash: Stash | None = None,
    random: Random = os.urandom,
) -> Envelope:
    """Encrypt what the metadata select and seal it all with a MAC of `now`.

    The metadata bring the wrapped data key, the rule and the version. Values that `stash` knows keep their ciphertext.

    Raises: TreeNotEncrypted with the path of the value.
    """
    selection = metadata.selection
    selection.check()
    cipher = _cipher(data_key)
    nonces = Nonces(random)
    mac = Mac(only_encrypted=selection.mac_only_encrypted)
    try:
        encrypted = walk(branches, selection, _sealer(cipher, selection, mac, stash, nonces))
    except WalkRefused as refusal:
        raise TreeNotEncrypted(f"{refusal.where()}: {refusal.reason}") from None
    from datetime import UTC  # only where something changes: it would cost each decryption 1 ms

    last_modified = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sealed = mac.seal(cipher, last_modified, nonces.next())
    return Envelope(encrypted, metadata.changed(last_modified=last_modified, mac=sealed))


def _cipher(data_key: bytes) -> Cipher:
    try:
        return Cipher(data_key)
    except ValueRefused as refusal:
        raise EnvelopeRefused(str(refusal)) from None


def _opener(
    cipher: Cipher, selection: Selection, mac: Mac | None, stash: Stash | None, warn: Warn | None
) -> Callable[[Scalar | Comment, bytes, bool], Scalar | Comment]:
    hears_all = not selection.mac_only_encrypted

    def opened(value: Scalar | Comment, aad: bytes, selected: bool) -> Scalar | Comment:
        if not selected:
            if hears_all and mac and not isinstance(value, Comment):
                mac.update(plain_bytes(value))
            return value
        if isinstance(value, Comment):
            return _opened_comment(cipher, value, aad, stash, warn)
        if not isinstance(value, str):
            raise ValueRefused(f"encrypted text is expected, not a value of type {type_name(value)}")
        plain, kind, nonce = cipher.decrypt_bytes(value, aad)
        result = typed(plain, kind)
        if mac and not isinstance(result, Comment):
            # What was encrypted is what is hashed, unless another writer spelled it differently.
            mac.update(plain if kind == "str" else plain_bytes(result))
        if stash:
            stash.keep(aad, kind, plain, nonce)
        return result

    return opened


def _opened_comment(
    cipher: Cipher, comment: Comment, aad: bytes, stash: Stash | None, warn: Warn | None
) -> Scalar | Comment:
    if not comment.text:
        return comment
    try:
        plain, kind, nonce = cipher.decrypt_bytes(comment.text, aad)
        result = typed(plain, kind)
    except ValueRefused:
        if warn:
            warn("a comment is not encrypted, or not for this place; it stays as it is")
        return comment
    if stash:
        stash.keep(aad, kind, plain, nonce)
    return result


def _sealer(
    cipher: Cipher, selection: Selection, mac: Mac, stash: Stash | None, nonces: Nonces
) -> Callable[[Scalar | Comment, bytes, bool], Scalar | Comment]:
    hears_all = not selection.mac_only_encrypted
    checks_comments = selection.is_by_comments and not selection.encrypts_matches

    def sealed(value: Scalar | Comment, aad: bytes, selected: bool) -> Scalar | Comment:
        plain = value.encode("utf-8", "surrogateescape") if type(value) is str else plain_bytes(value)
        is_comment = type(value) is Comment
        if (hears_all or selected) and not is_comment:
            mac.update(plain)
        if not selected:
            return value
        if not plain:  # the original makes an empty string of an empty comment, too, and so a new item in a list
            return value if is_comment else ""
        kind = type_name(value)
        iv = (stash.find(aad, kind, plain) if stash else None) or nonces.next()
        text = cipher.encrypt_bytes(plain, kind, aad, iv)
        if is_comment and checks_comments and selection.matches(text):
            raise ValueRefused("encrypted, this comment matches unencrypted_comment_regex, and could not be read again")
        return text

    return sealed


def take_metadata(branches: Branches) -> tuple[Branches, Branch]:
    """Branches without their `sops` items, and that of the first branch. Raises: EnvelopeRefused, MetadataMissing."""
    found = [value for key, value in (branches[0] if branches else ()) if key == METADATA_KEY]
    if not found:
        raise MetadataMissing
    if len(found) > 1:
        raise EnvelopeRefused("`sops` is there twice")
    if not isinstance(found[0], Branch):
        raise EnvelopeRefused("`sops` is not a mapping")
    return [Branch(item for item in branch if item[0] != METADATA_KEY) for branch in branches], found[0]


def put_metadata(branches: Branches, raw: Branch) -> Branches:
    """Each branch with the metadata as its last item. Raises: NotWritable where a key is in the way."""
    if any(branch.has(METADATA_KEY) for branch in branches):
        raise NotWritable("the key `sops` is reserved for metadata")
    return [Branch([*branch, (METADATA_KEY, raw)]) for branch in branches]


def nested(branches: Branches) -> Envelope:
    """The envelope of a format that keeps metadata as a mapping under `sops`."""
    plain, raw = take_metadata(branches)
    return Envelope(plain, Metadata.read(raw))


def unnested(envelope: Envelope) -> Branches:
    """What such a format writes for an envelope. Raises: NotWritable."""
    return put_metadata(envelope.branches, envelope.metadata.write())
