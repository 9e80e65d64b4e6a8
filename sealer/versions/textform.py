"""Encrypted files as text for a diff: everything as it stands, each value as a short hash.

Equal values have equal hashes, so a diff shows which values changed, and no more: the hash is keyed with random bytes
that never leave the clone, so nobody who sees a diff can try out values. Without a key for the file the ciphertext is
hashed instead. Who can open the file is shown too: a recipient that was added must not go unseen.
"""

import hmac
from hashlib import sha256

from engine.errors import KsealError
from sealer.objectfile import ObjectFile
from sealer.sealedsecret import API_VERSION, KIND, parse
from sealer.sops.cipher import plain_bytes, type_name
from sealer.sops.envelope import Envelope
from sealer.sops.errors import MacMismatch, NoDataKey
from sealer.sops.formats.base import Format
from sealer.sops.groups import unwrap_data_key
from sealer.sops.operations import Keys
from sealer.sops.tree import Branches, Comment, Scalar, to_bytes
from sealer.sops.walk import walk

_DIGITS = 16
"""Of a hash: 64 bits, so that among millions of values no two look equal by accident."""


def of_sops(data: bytes, form: Format, keys: Keys, secret: bytes) -> bytes:
    """A SOPS file with a keyed hash for each encrypted value; `secret` is the key of the hashes.

    Raises: SopsError for a file that cannot be read, or whose values are not those of their places.
    """
    envelope = form.read_encrypted(data)
    try:
        plain, trouble = _opened(envelope, keys)
    except NoDataKey:
        about = _about(envelope, "no key at hand opens it: the hashes are of the ciphertext")
        return _ended(form.write_plain(_by_ciphertext(envelope))) + about
    shown = walk(plain, envelope.metadata.selection, lambda value, _, is_in: _keyed(value, secret) if is_in else value)
    return _ended(form.write_plain(shown)) + _about(envelope, trouble)


def revealed(data: bytes, form: Format, keys: Keys) -> bytes:
    """A SOPS file in plain text, and who can open it. Raises: SopsError, also when no key opens it."""
    envelope = form.read_encrypted(data)
    plain, trouble = _opened(envelope, keys)
    return _ended(form.write_plain(plain)) + _about(envelope, trouble)


def of_sealed(data: bytes, source: str) -> bytes:
    """A file with SealedSecrets, each item a hash of its ciphertext. Raises: FormatError."""
    file = ObjectFile(data, source=source)
    changes, about = [], []
    for placed in file.objects:
        if (placed.raw.get("kind"), placed.raw.get("apiVersion")) != (KIND, API_VERSION):
            continue
        sealed = parse(placed.raw)
        items = {key: _hash(text.encode()) for key, text in sealed.encrypted_data.items()}
        changes.append((placed, {"spec": {"encryptedData": items}}))
        name = "/".join(filter(None, (KIND, sealed.namespace, sealed.name)))
        about.append(f"{name}: {sealed.scope.flag}, {len(items)} items")
    return _ended(file.patched(changes)) + _lines(about)


def _opened(envelope: Envelope, keys: Keys) -> tuple[Branches, str]:
    """The plain branches, and what is wrong with the seal, if anything."""
    data_key = unwrap_data_key(envelope.metadata, keys.services, order=keys.order).reveal()
    try:
        return envelope.decrypt(data_key), ""
    except MacMismatch as mismatch:
        return envelope.decrypt(data_key, ignore_mac=True), mismatch.message


def _by_ciphertext(envelope: Envelope) -> Branches:
    return walk(
        envelope.branches,
        envelope.metadata.selection,
        lambda value, _, is_in: _replaced(value, _hash(plain_bytes(value))) if is_in else value,
    )


def _keyed(value: Scalar | Comment, secret: bytes) -> Scalar | Comment:
    kind = type_name(value).encode()
    digest = hmac.new(secret, b"%b:%b" % (kind, plain_bytes(value)), sha256).hexdigest()
    return _replaced(value, f"hash:{digest[:_DIGITS]}")


def _replaced(value: Scalar | Comment, text: str) -> Scalar | Comment:
    """A text in the place of a value; what is empty is not encrypted either, and stays."""
    if isinstance(value, Comment):
        return Comment(f" {text}", value.inline) if value.text else value
    return text if value != "" else value


def _hash(text: bytes) -> str:
    return f"ciphertext:{sha256(text).hexdigest()[:_DIGITS]}"


def _about(envelope: Envelope, trouble: str) -> bytes:
    metadata = envelope.metadata
    rule = metadata.selection
    lines = [f"warning: {trouble}"] if trouble else []
    lines.append(f"encrypted: {f'{rule.rule} {rule.text}' if rule.rule else 'all values'}")
    if rule.mac_only_encrypted:
        lines.append("sealed: encrypted values only")
    for number, group in enumerate(metadata.key_groups):
        where = f"group {number}: " if len(metadata.key_groups) > 1 else ""
        lines += [f"opened by: {where}{key.kind} {key.identity}" for key in group]
    if metadata.shamir_threshold:
        lines.append(f"groups needed: {metadata.shamir_threshold}")
    return _lines(lines)


def _lines(lines: list[str]) -> bytes:
    return b"".join(b"# %b\n" % to_bytes(line.replace("\n", " ")) for line in lines)


def _ended(text: bytes) -> bytes:
    return text if text.endswith(b"\n") or not text else text + b"\n"


def broken(error: KsealError) -> bytes:
    """What stands for a file that cannot be shown: why, and nothing of it."""
    return _lines([f"not shown: {error.message}"])
