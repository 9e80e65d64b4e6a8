"""Secrets as they may be shown in one run: `engine.diff` masks them, with a key that is made anew in each process, so
that nobody can try out values against a mask that was kept."""

import os
from collections.abc import Mapping
from typing import Any, Final

from engine import diff
from engine.diff import Difference

_ENCRYPTED: Final = "ENC["
_SHORTEST: Final = 4  # characters of a value that is looked for in other objects: shorter ones are everywhere
_HIDDEN: Final = "(masked)"


class Masks:
    """The masks of one run. The key is never shown."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._hidden: set[str] = set()

    def hide(self, value: str) -> None:
        """Remember a value that is secret wherever it stands: a variable that comes from a Secret."""
        if len(value) >= _SHORTEST:
            self._hidden.add(value)

    def text(self, text: str) -> str:
        """A text without the values that are hidden."""
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, _HIDDEN)
        return text

    def shown(self, obj: dict[str, Any]) -> dict[str, Any]:
        """An object as it may be shown. What SOPS encrypted in it stays as it is."""
        made = diff.masked(obj, self._key)
        if made is obj:
            return obj
        for field in ("data", "stringData"):
            masked, values = made.get(field), obj.get(field)
            if isinstance(masked, Mapping) and isinstance(values, Mapping):
                made[field] = {name: _kept(values[name], mask) for name, mask in masked.items()}
        return made

    def difference(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Difference:
        """What differs between two states of one object, of which one may be none."""
        found = diff.difference(old, new, mask=self._key)
        return found._replace(lines=tuple(map(self.text, found.lines))) if self._hidden else found


def _kept(value: object, mask: object) -> object:
    return value if value is None or (isinstance(value, str) and value.startswith(_ENCRYPTED)) else mask
