"""Secrets as they may be shown: equal values have equal masks, and a mask says nothing about its value.

The key of the masks is made anew in each process, so that nobody can try out values against a mask that was kept.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl keeps the whole Secret in it."""
_ENCRYPTED: Final = "ENC["
_DIGITS: Final = 10
_SHORTEST: Final = 4  # characters of a value that is looked for in other objects: shorter ones are everywhere


class Masks:
    """The masks of one run. Values are told apart by a keyed hash; the key is never shown."""

    def __init__(self, key: bytes | None = None) -> None:
        self.key = key or os.urandom(32)
        self._hidden: dict[str, str] = {}

    def hide(self, value: str) -> None:
        """Remember a value that is secret wherever it stands: a variable that comes from a Secret."""
        if len(value) >= _SHORTEST:
            self._hidden[value] = self.of(value.encode())

    def of(self, value: bytes) -> str:
        """The mask of a value."""
        return f"(masked {hashlib.blake2b(value, key=self.key, digest_size=16).hexdigest()[:_DIGITS]})"

    def text(self, text: str) -> str:
        """A text without the values that are hidden."""
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, self._hidden[value])
        return text

    def shown(self, obj: dict[str, Any]) -> dict[str, Any]:
        """An object as it may be shown. Only Secrets change; what SOPS encrypted in them stays as it is."""
        if obj.get("kind") != "Secret" or obj.get("apiVersion") != "v1":
            return obj
        made = dict(obj)
        for field in ("data", "stringData"):
            if field in obj:
                made[field] = self._values(obj[field], is_base64=field == "data")
        metadata = obj.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        if isinstance(metadata, Mapping) and isinstance(annotations, Mapping) and _APPLIED in annotations:
            applied = self.of(str(annotations[_APPLIED]).encode("utf-8", "surrogatepass"))
            made["metadata"] = {**metadata, "annotations": {**annotations, _APPLIED: applied}}
        return made

    def _values(self, values: object, *, is_base64: bool) -> object:
        if not isinstance(values, Mapping):
            return values if values is None else self.of(repr(values).encode())
        return {key: self._value(value, is_base64=is_base64) for key, value in values.items()}

    def _value(self, value: object, *, is_base64: bool) -> object:
        if value is None:
            return None
        text = value if isinstance(value, str) else repr(value)
        if text.startswith(_ENCRYPTED):
            return text
        plain = text.encode("utf-8", "surrogatepass")
        if is_base64:
            with suppress(binascii.Error):
                plain = base64.b64decode(plain, validate=False)
        return self.of(plain)
