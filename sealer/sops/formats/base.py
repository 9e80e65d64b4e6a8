"""What a format can do, and the table of them. A format is imported when it is asked for.

Messages of a format say where in the text something is wrong (`line 3: ...`); the caller knows the file, and says it
first.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from engine.kube.documents import MEBIBYTE, Limits
from sealer.sops.errors import DocumentRefused

if TYPE_CHECKING:
    from sealer.sops.envelope import Envelope
    from sealer.sops.tree import Branches, Value


LIMITS = Limits(bytes=96 * MEBIBYTE)
"""How much of a file is read: a binary file of 64 MiB, which base64 makes a third longer, can be opened again."""


def check_size(data: bytes, most: int = LIMITS.bytes) -> None:
    """Raises: DocumentRefused for more bytes than the limit."""
    if len(data) > most:
        raise DocumentRefused(f"{len(data)} bytes are more than the {most} that are read")


class Format(Protocol):
    """Text to branches and back, with metadata and without."""

    name: str
    is_single_value: bool
    """The whole file is one value (binary): no rule of selection applies, and none is written."""

    def read_plain(self, data: bytes) -> "Branches":
        """The branches of a text, metadata or not. Raises: DocumentRefused."""

    def read_encrypted(self, data: bytes) -> "Envelope":
        """Branches and metadata apart. Raises: EnvelopeRefused, MetadataMissing when there is none."""

    def write_plain(self, branches: "Branches") -> bytes:
        """The text of branches. Raises: NotWritable for what the format does not carry."""

    def write_encrypted(self, envelope: "Envelope") -> bytes:
        """The text of branches with their metadata. Raises: NotWritable, also for a key that metadata need."""

    def write_value(self, value: "Value") -> bytes:
        """The text of one value that is no string, as `--extract` prints it. Raises: NotWritable."""

    def is_encrypted(self, branches: "Branches") -> bool:
        """Whether the first branch has a key of the metadata, so that it cannot be encrypted again."""


TABLE = {
    "binary": ("sealer.sops.formats.binary", "Binary"),
    "dotenv": ("sealer.sops.formats.dotenv", "Dotenv"),
    "ini": ("sealer.sops.formats.ini", "Ini"),
    "json": ("sealer.sops.formats.json", "Json"),
    "yaml": ("sealer.sops.formats.yaml", "Yaml"),
}
"""Name of a format -> its module and its class. Each class takes `indent`, None for the format's own."""

_SUFFIXES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".env": "dotenv", ".ini": "ini"}


def name_for(path: str, wanted: str | None = None) -> str:
    """The format of a file: the wanted one when there is such a name, else by the suffix, else binary."""
    if wanted in TABLE:
        return wanted
    return next((name for suffix, name in _SUFFIXES.items() if path.endswith(suffix)), "binary")


def by_name(name: str, *, indent: int | None = None) -> Format:
    """The format with a name of the table."""
    module, attribute = TABLE[name]
    made: Format = getattr(import_module(module), attribute)(indent=indent)
    return made


def by_path(path: str, wanted: str | None = None, *, indent: int | None = None) -> Format:
    """The format of a file, see `name_for`."""
    return by_name(name_for(path, wanted), indent=indent)
