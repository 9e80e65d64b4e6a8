"""A format that leaves a text as somebody laid it out, and changes only the values in it that change.

It stands between an operation and the format itself: what is read is remembered, and what is written is put into it.
Where that cannot be done the text is written as the format writes it, and a warning says why.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from sealer.sops.envelope import Envelope
    from sealer.sops.formats.base import Format
    from sealer.sops.formats.yaml_edit import Edited
    from sealer.sops.tree import Branches, Value


@runtime_checkable
class Editing(Protocol):
    """What a format can do besides, where its texts have a layout worth keeping."""

    def edit_plain(self, source: bytes, branches: "Branches") -> "Edited":
        """The source with the values of the branches where its own stand."""

    def edit_encrypted(self, source: bytes, envelope: "Envelope") -> "Edited":
        """The same with the metadata of the envelope."""


class Keeping:
    """A format for one file, which is read once and written once."""

    def __init__(self, form: "Format", warn: Callable[[str], None]) -> None:
        self._form = form
        self._warn = warn
        self._source: bytes | None = None
        self.name = form.name
        self.is_single_value = form.is_single_value

    def read_plain(self, data: bytes) -> "Branches":
        self._source = data
        return self._form.read_plain(data)

    def read_encrypted(self, data: bytes) -> "Envelope":
        self._source = data
        return self._form.read_encrypted(data)

    def write_plain(self, branches: "Branches") -> bytes:
        kept = self._kept(lambda form, source: form.edit_plain(source, branches))
        return self._form.write_plain(branches) if kept is None else kept

    def write_encrypted(self, envelope: "Envelope") -> bytes:
        kept = self._kept(lambda form, source: form.edit_encrypted(source, envelope))
        return self._form.write_encrypted(envelope) if kept is None else kept

    def write_value(self, value: "Value") -> bytes:
        return self._form.write_value(value)

    def is_encrypted(self, branches: "Branches") -> bool:
        return self._form.is_encrypted(branches)

    def _kept(self, edit: "Callable[[Editing, bytes], Edited]") -> bytes | None:
        source, self._source = self._source, None
        if source is None:
            return None
        if not isinstance(self._form, Editing):
            self._warn(f"the layout is not kept: that of {self.name} is always the same")
            return None
        text, reason = edit(self._form, source)
        if text is None:
            self._warn(f"the layout is not kept: {reason}")
        return text
