"""Any bytes, as the only value of a JSON envelope: `{"data": ...}`.

Source: getsops/sops stores/json/store.go, BinaryStore.
"""

from engine.kube.documents import MEBIBYTE
from sealer.sops.envelope import Envelope
from sealer.sops.errors import NotWritable
from sealer.sops.formats.base import check_size
from sealer.sops.formats.json import Json
from sealer.sops.tree import Branch, Branches, Value, to_bytes, to_text

_KEY = "data"
_MOST = 64 * MEBIBYTE
"""Bytes that are encrypted: in base64 and JSON they stay within what is read again."""


class Binary:
    """`indent` is that of the envelope, as for JSON."""

    name = "binary"
    is_single_value = True

    def __init__(self, *, indent: int | None = None) -> None:
        self._json = Json(indent=indent)

    def read_plain(self, data: bytes) -> Branches:
        check_size(data, _MOST)
        return [Branch([(_KEY, to_text(data))])]

    def read_encrypted(self, data: bytes) -> Envelope:
        return self._json.read_encrypted(data)

    def write_plain(self, branches: Branches) -> bytes:
        if len(branches) != 1:
            raise NotWritable("a binary file is made of exactly one document")
        value = branches[0].get(_KEY)
        if not isinstance(value, str):
            what = "has no string under" if branches[0].has(_KEY) else "has no"
            raise NotWritable(f"a binary file is made of the string under `{_KEY}`; the document {what} `{_KEY}`")
        return to_bytes(value)

    def write_encrypted(self, envelope: Envelope) -> bytes:
        return self._json.write_encrypted(envelope)

    def write_value(self, value: Value) -> bytes:
        del value
        raise NotWritable("a binary file has no parts, so none can be extracted")

    def is_encrypted(self, branches: Branches) -> bool:
        return self._json.is_encrypted(branches)
