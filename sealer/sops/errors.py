"""What goes wrong with an envelope, and the exit code that scripts know from the original.

KsealError
└── SopsError               1    a refusal; the others are SopsErrors with a code of their own
    ├── DocumentRefused     2    a plain document cannot be read
    ├── EnvelopeRefused     1    an encrypted document is not what it says it is: its text, its metadata, its version
    │   └── MetadataMissing 1    there is no metadata at all
    ├── NotWritable         4    a document cannot be written in this format
    ├── ConfigError         1    `.sops.yaml` cannot be used
    ├── Conflict            8    settings that exclude each other
    ├── TreeNotEncrypted   23    a value cannot be encrypted
    ├── TreeNotDecrypted   25    a value cannot be decrypted
    ├── MacMismatch        51    the document is not the one that was sealed
    ├── BadPath            91    a path into the document is wrong
    ├── NoDocument         92    there is nothing to encrypt
    ├── NoDataKey         128    no master key gives the data key
    └── AlreadyEncrypted  203    the document has metadata

Messages name where (a line, or the path of a value) and what, and never carry a value, plain or encrypted.
"""

from typing import ClassVar, Final

from engine.errors import KsealError

NOTHING_HINT: Final = "write the values first; what was to write the file may have failed"
"""For a plain file in which nothing stands."""


class SopsError(KsealError):
    """An envelope, or what is done with it, is refused."""

    code: ClassVar[int] = 1


class DocumentRefused(SopsError):
    """A plain document cannot be read."""

    code: ClassVar[int] = 2


class EnvelopeRefused(SopsError):
    """An encrypted document cannot be taken apart."""


class MetadataMissing(EnvelopeRefused):
    """A document has no metadata: it is not encrypted."""

    def __init__(self) -> None:
        super().__init__("sops metadata not found", "the file is not encrypted, or is read in the wrong format")


class NotWritable(SopsError):
    """A format cannot carry the document."""

    code: ClassVar[int] = 4


class ConfigError(SopsError):
    """`.sops.yaml` is wrong."""


class Conflict(SopsError):
    """Settings of which only one may be made."""

    code: ClassVar[int] = 8


class TreeNotEncrypted(SopsError):
    """A value cannot be encrypted."""

    code: ClassVar[int] = 23


class TreeNotDecrypted(SopsError):
    """A value cannot be decrypted."""

    code: ClassVar[int] = 25


class MacMismatch(SopsError):
    """The MAC is missing, cannot be opened, or is another document's."""

    code: ClassVar[int] = 51


class BadPath(SopsError):
    """A path such as `["a"][0]` is no path, or leads nowhere."""

    code: ClassVar[int] = 91


class NoDocument(SopsError):
    """There is nothing to encrypt."""

    code: ClassVar[int] = 92


class NoDataKey(SopsError):
    """No master key gives the data key."""

    code: ClassVar[int] = 128


class AlreadyEncrypted(SopsError):
    """A document to be encrypted has metadata."""

    code: ClassVar[int] = 203
