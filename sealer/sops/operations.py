"""Whole files: bytes in, bytes out, or an error and nothing. What commands, hooks and rotation are made of.

A file is opened once (`open_file`), its branches are changed or not, and it is closed again under the same data key
(`Opened.sealed`) or another one (`rotated`). Values that did not change keep their ciphertext.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.sensitive import Sensitive
from sealer.sops import envelope as envelopes
from sealer.sops.envelope import Envelope
from sealer.sops.errors import NOTHING_HINT, AlreadyEncrypted, MetadataMissing, NoDocument, SopsError
from sealer.sops.groups import DATA_KEY_BYTES, DEFAULT_ORDER, Groups, Services, resolve, unwrap_data_key, wrap_data_key
from sealer.sops.metadata import Metadata
from sealer.sops.selection import Selection
from sealer.sops.stash import Random, Stash
from sealer.sops.tree import Branch, Branches, to_bytes

if TYPE_CHECKING:
    from datetime import datetime

    from sealer.sops.formats.base import Format
    from sealer.sops.index import Path
    from sealer.sops.recipients.base import MasterKey

Warn = Callable[[str], None]


class Keys:
    """What can wrap and unwrap: a service for each kind of key, and in which order kinds are tried."""

    __slots__ = ("order", "services")

    def __init__(self, services: Services, order: Sequence[str] = DEFAULT_ORDER) -> None:
        self.services = services
        self.order = tuple(order)


class Opened:
    """A decrypted file. It remembers its data key and nonces, so that it can be closed with few changes."""

    __slots__ = ("branches", "data_key", "metadata", "stash")

    def __init__(self, branches: Branches, metadata: Metadata, data_key: Sensitive, stash: Stash | None) -> None:
        self.branches = branches
        self.metadata = metadata
        self.data_key = data_key
        self.stash = stash

    def sealed(self, target: "Format", *, now: "datetime", random: Random = os.urandom) -> bytes:
        """The file with its present branches, under the same data key. Raises: SopsError."""
        made = envelopes.encrypt(
            self.branches, self.metadata, self.data_key.reveal(), now=now, stash=self.stash, random=random
        )
        return target.write_encrypted(made)

    def __repr__(self) -> str:
        """It holds plaintext and a key, so it does not print."""
        return "Opened()"


def open_file(
    data: bytes,
    source: "Format",
    keys: Keys,
    *,
    ignore_mac: bool = False,
    for_change: bool = True,
    warn: Warn | None = None,
) -> Opened:
    """Decrypt a file. `for_change`: it is to be encrypted again, so that nonces are worth keeping.

    Raises: SopsError of the kind that says what failed: the text, the data key, a value, the MAC.
    """
    envelope = source.read_encrypted(data)
    envelope.metadata.check_version()
    data_key = unwrap_data_key(envelope.metadata, keys.services, order=keys.order)
    stash = Stash() if for_change else None
    branches = envelope.decrypt(data_key.reveal(), ignore_mac=ignore_mac, stash=stash, warn=warn)
    return Opened(branches, envelope.metadata, data_key, stash)


def decrypt_file(
    data: bytes,
    source: "Format",
    target: "Format",
    keys: Keys,
    *,
    path: "Path | None" = None,
    ignore_mac: bool = False,
    warn: Warn | None = None,
) -> bytes:
    """The plain text of a file, or of the part of its first document to which a path leads. Raises: SopsError."""
    opened = open_file(data, source, keys, ignore_mac=ignore_mac, for_change=False, warn=warn)
    return extracted(opened.branches, path, target) if path else target.write_plain(opened.branches)


def extracted(branches: Branches, path: "Path", target: "Format") -> bytes:
    """A text as it is, a mapping as a document, with those that follow it, anything else as the format spells it."""
    from sealer.sops.index import extract

    value = extract(_first(branches), path)
    if isinstance(value, Branch):
        return target.write_plain([value, *branches[1:]])
    return to_bytes(value) if isinstance(value, str) else target.write_value(value)


def encrypt_file(
    data: bytes,
    source: "Format",
    target: "Format",
    keys: Keys,
    *,
    groups: Groups,
    shamir_threshold: int = 0,
    selection: Selection,
    now: "datetime",
    random: Random = os.urandom,
) -> bytes:
    """Encrypt a plain file under a new data key. Raises: SopsError; KsealError where a key does not wrap."""
    branches = source.read_plain(data)
    check_plain(branches, target)
    metadata = Metadata(groups, selection=selection, shamir_threshold=shamir_threshold)
    return new(branches, metadata, keys, now=now, random=random).sealed(target, now=now, random=random)


def new(branches: Branches, metadata: Metadata, keys: Keys, *, now: "datetime", random: Random = os.urandom) -> Opened:
    """Branches under a new data key, which the master keys of the metadata wrap. Raises: KsealError."""
    metadata.selection.check()
    data_key = Sensitive(random(DATA_KEY_BYTES))
    return Opened(branches, _wrapped(metadata, data_key, keys, now), data_key, None)


def check_plain(branches: Branches, target: "Format") -> None:
    """Raises: NoDocument, AlreadyEncrypted for what cannot be encrypted."""
    if not branches:
        raise NoDocument(
            "File cannot be completely empty, it must contain at least one document",
            NOTHING_HINT,
        )
    if target.is_encrypted(branches):
        raise AlreadyEncrypted(
            "the file has a top-level entry called 'sops', or in a flat format one that starts with 'sops_': "
            "it is encrypted already",
            "rename that entry if the file is plain; `sops edit` changes an encrypted file",
        )


def set_value(
    data: bytes,
    source: "Format",
    target: "Format",
    keys: Keys,
    *,
    path: "Path",
    value: object,
    ignore_mac: bool = False,
    now: "datetime",
    warn: Warn | None = None,
) -> tuple[bytes, bool]:
    """The file with another value at a place of its first document, and whether it differs. Raises: SopsError."""
    from sealer.sops.index import replaced

    opened = open_file(data, source, keys, ignore_mac=ignore_mac, warn=warn)
    first, has_changed = replaced(_first(opened.branches), path, value)  # type: ignore[arg-type]  # any tree value
    opened.branches = [first, *opened.branches[1:]]
    check_plain(opened.branches, target)
    return opened.sealed(target, now=now), has_changed


def unset_value(
    data: bytes,
    source: "Format",
    target: "Format",
    keys: Keys,
    *,
    path: "Path",
    ignore_mac: bool = False,
    now: "datetime",
    warn: Warn | None = None,
) -> bytes:
    """The file without what stands at a place of its first document. Raises: SopsError, NotThere."""
    from sealer.sops.index import removed

    opened = open_file(data, source, keys, ignore_mac=ignore_mac, warn=warn)
    opened.branches = [removed(_first(opened.branches), path), *opened.branches[1:]]
    return opened.sealed(target, now=now)


def rotate_file(
    data: bytes,
    source: "Format",
    target: "Format",
    keys: Keys,
    *,
    add: "Sequence[MasterKey]" = (),
    remove: "Sequence[MasterKey]" = (),
    ignore_mac: bool = False,
    now: "datetime",
    random: Random = os.urandom,
    warn: Warn | None = None,
) -> bytes:
    """The file under a new data key. Keys join the first group, and leave all of them. Raises: SopsError."""
    opened = open_file(data, source, keys, ignore_mac=ignore_mac, warn=warn)
    gone = {key.identity for key in remove}
    first, *others = opened.metadata.key_groups
    groups = [[key for key in group if key.identity not in gone] for group in ([*first, *add], *others)]
    return rotated(opened, opened.metadata.changed(key_groups=groups), keys, now=now, random=random).sealed(
        target, now=now, random=random
    )


def rotated(opened: Opened, metadata: Metadata, keys: Keys, *, now: "datetime", random: Random = os.urandom) -> Opened:
    """An opened file under a new data key, which the master keys of the metadata wrap. Raises: KsealError."""
    data_key = Sensitive(random(DATA_KEY_BYTES))
    return Opened(opened.branches, _wrapped(metadata, data_key, keys, now), data_key, opened.stash)


def with_keys_of(opened: Opened, before: Metadata, keys: Keys, *, now: "datetime") -> Opened:
    """An opened file whose data key its master keys wrap, where they are not those of before. Raises: KsealError."""
    from sealer.sops.keychanges import changes

    metadata = opened.metadata
    if (
        not any(changes(before.key_groups, metadata.key_groups))
        and metadata.shamir_threshold == before.shamir_threshold
    ):
        return opened
    return Opened(opened.branches, _wrapped(metadata, opened.data_key, keys, now), opened.data_key, opened.stash)


def rewrapped(envelope: Envelope, keys: Keys, *, groups: Groups, shamir_threshold: int, now: "datetime") -> Envelope:
    """A file for other master keys: its data key, its values, its time and its MAC stay as they are.

    Raises: SopsError, KsealError where a key does not wrap.
    """
    data_key = unwrap_data_key(envelope.metadata, keys.services, order=keys.order)
    metadata = envelope.metadata.changed(key_groups=groups, shamir_threshold=shamir_threshold)
    return Envelope(envelope.branches, _wrapped(metadata, data_key, keys, now))


def is_encrypted(data: bytes, source: "Format") -> bool:
    """Whether a file has metadata with a MAC and a version. Raises: SopsError for one that cannot be read."""
    try:
        metadata = source.read_encrypted(data).metadata
    except MetadataMissing:
        return False
    return bool(metadata.mac and metadata.version)


def _wrapped(metadata: Metadata, data_key: Sensitive, keys: Keys, now: "datetime") -> Metadata:
    """The metadata with the data key wrapped for each of their keys. Raises: KsealError, in the original's words."""
    from datetime import UTC  # only where something changes: it would cost each decryption 1 ms

    count = len(metadata.key_groups)
    threshold = metadata.shamir_threshold or (count if count > 1 else 0)
    created_at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        groups = resolve(metadata.key_groups, keys.services)
        wrapped = wrap_data_key(groups, threshold, data_key, keys.services, now=created_at)
    except SopsError as error:
        raise SopsError(f"Could not generate data key: [{error.message}]", error.hint) from error
    return metadata.changed(key_groups=wrapped, shamir_threshold=threshold)


def _first(branches: Branches) -> Branch:
    if not branches:
        raise NoDocument("there is no document")
    return branches[0]
