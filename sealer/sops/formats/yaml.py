"""YAML: several documents, each with a copy of the metadata; text as yaml.v3 writes it for the original.

Source: getsops/sops stores/yaml/store.go.
"""

from engine.kube.documents import Limits
from engine.kube.yaml import YamlError
from engine.kube.yaml_read import built
from sealer.sops.envelope import Envelope, nested, unnested
from sealer.sops.errors import DocumentRefused, EnvelopeRefused
from sealer.sops.formats import yaml_emit
from sealer.sops.formats.base import LIMITS
from sealer.sops.formats.yaml_nodes import Reader
from sealer.sops.tree import Branches, Value

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


def read(data: bytes, limits: Limits = LIMITS) -> Branches:
    """One branch for each document; none for no bytes. Raises: DocumentRefused."""
    if not data:
        return []
    try:
        branches = built(data, limits, lambda text: _reader(text, limits).branches())
    except YamlError as error:
        raise DocumentRefused(error.message, error.hint) from None
    if not branches:
        raise DocumentRefused("there is no document, only comments or blank lines")
    return branches


def _reader(data: bytes, limits: Limits) -> Reader:
    if b"#" not in data:
        return Reader(data, limits)
    from sealer.sops.formats.yaml_commented import CommentedReader

    return CommentedReader(data, limits)
