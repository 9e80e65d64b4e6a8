"""YAML: several documents, each with a copy of the metadata; text as yaml.v3 writes it for the original.

Source: getsops/sops stores/yaml/store.go.
"""

from typing import TYPE_CHECKING

from sealer.sops.envelope import Envelope, nested, unnested
from sealer.sops.errors import DocumentRefused, EnvelopeRefused
from sealer.sops.formats import yaml_emit
from sealer.sops.formats.yaml_reading import LIMITS, read
from sealer.sops.tree import Branches, Value

if TYPE_CHECKING:
    from sealer.sops.formats.yaml_edit import Edited

_STEP = 4
_STEPS = range(2, 10)


class Yaml:
    """`indent` is a number of spaces, None for the original's four."""

    name = "yaml"
    is_single_value = False

    def __init__(self, *, indent: int | None = None) -> None:
        self._indent = _STEP if not indent else indent if indent in _STEPS else 2

    def read_plain(self, data: bytes) -> Branches:
        return read(data)

    def read_encrypted(self, data: bytes) -> Envelope:
        try:
            branches = read(data)
        except DocumentRefused as refusal:
            raise EnvelopeRefused(refusal.message, refusal.hint) from None
        return nested(branches)

    def write_plain(self, branches: Branches) -> bytes:
        return yaml_emit.text(branches, self._indent).encode()

    def write_encrypted(self, envelope: Envelope) -> bytes:
        return self.write_plain(unnested(envelope))

    def write_value(self, value: Value) -> bytes:
        return yaml_emit.value_text(value, _STEP).encode()

    def is_encrypted(self, branches: Branches) -> bool:
        return bool(branches) and branches[0].has("sops")

    def edit_plain(self, source: bytes, branches: Branches) -> "Edited":
        """The source with the values of the branches where its own stand. Raises: DocumentRefused."""
        from sealer.sops.formats.yaml_edit import edited

        return edited(source, branches, indent=self._indent, limits=LIMITS)

    def edit_encrypted(self, source: bytes, envelope: Envelope) -> "Edited":
        """The same with the metadata of the envelope. Raises: DocumentRefused, NotWritable."""
        return self.edit_plain(source, unnested(envelope))
