"""What a file is, by its content: a SOPS file, one with SealedSecrets, or any other."""

from enum import Enum
from typing import TYPE_CHECKING

from engine.errors import KsealError

if TYPE_CHECKING:
    from sealer.sops.formats.base import Format

VALUE_MARK = b"ENC[AES256_GCM,"
"""How each encrypted value of a SOPS file begins."""
_SEALED_MARK = b"SealedSecret"
_METADATA_MARK = b'"sops"'


class Kind(Enum):
    """How a version is merged, shown and checked."""

    SOPS = "a SOPS file"
    SEALED = "a file with SealedSecrets"
    OTHER = "neither"


def may_be_encrypted(data: bytes) -> bool:
    """Whether it pays to look closer."""
    return VALUE_MARK in data or _SEALED_MARK in data


def of(data: bytes, form: "Format") -> Kind:
    """The kind of a file that is named as its format is.

    Raises: KsealError for a file with encrypted values that cannot be read: it must not pass for a plain one.
    """
    # Whatever is in no known format may quote values; a SOPS file of such a name is JSON with its metadata.
    if VALUE_MARK in data and (not form.is_single_value or _METADATA_MARK in data):
        from sealer.sops.errors import MetadataMissing

        try:
            form.read_encrypted(data)
        except MetadataMissing:
            pass  # it quotes values, as documents and tests do
        else:
            return Kind.SOPS
    if _SEALED_MARK in data and form.name in ("yaml", "json"):
        from sealer.objectfile import ObjectFile
        from sealer.sealedsecret import KIND

        try:
            objects = ObjectFile(data, source="").objects
        except KsealError:
            return Kind.OTHER  # a template, perhaps; it is merged and shown as text
        if any(placed.raw.get("kind") == KIND for placed in objects):
            return Kind.SEALED
    return Kind.OTHER
