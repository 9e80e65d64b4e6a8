"""How Secrets are kept in files, and which of the objects of a file are in which form."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from engine.kube import manifest
from engine.kube.documents import DEFAULT
from sealer import sealedsecret
from sealer.objectfile import ObjectFile, Placed
from sealer.sops.envelope import METADATA_KEY

ENCRYPTED = "ENC["
"""How every encrypted value of SOPS begins."""


class Form(Enum):
    """A form that Secrets take. The value of each member is the word of the `--to` flag."""

    SEALED = "sealedsecret"
    SOPS = "sops"
    PLAIN = "plain"


def may_hold_secrets(data: bytes) -> bool:
    """Whether it pays to read a text: each form writes the kind, or the metadata of SOPS beside an encrypted one."""
    return b"Secret" in data or METADATA_KEY.encode() in data


def is_sops(data: bytes, source: str) -> bool:
    """Whether a text has the metadata of SOPS in its first document. Raises: KsealError for one that is not read."""
    if METADATA_KEY.encode() not in data:
        return False
    documents, _ = manifest.documents(data, source, DEFAULT)
    first = documents[0].value if documents else None
    found = first.get(METADATA_KEY) if isinstance(first, dict) else None
    return isinstance(found, dict) and "mac" in found


def is_secret(raw: Mapping[str, Any]) -> bool:
    """Whether an object is a Secret as the API knows it."""
    return (raw.get("kind"), raw.get("apiVersion")) == ("Secret", "v1")


def is_sealed(raw: Mapping[str, Any]) -> bool:
    """Whether an object is a SealedSecret."""
    return (raw.get("kind"), raw.get("apiVersion")) == (sealedsecret.KIND, sealedsecret.API_VERSION)


def may_be_secrets(file: ObjectFile) -> bool:
    """Whether a SOPS file may hold Secrets: an encrypted kind may say anything."""
    return any(is_secret(placed.raw) or str(placed.raw.get("kind")).startswith(ENCRYPTED) for placed in file.objects)


def called(placed: Placed) -> str:
    """How a report calls an object: `shop/db`."""
    metadata = placed.raw.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    parts = [part for part in (fields.get("namespace"), fields.get("name")) if isinstance(part, str) and part]
    return "/".join(parts) or "(no name)"
