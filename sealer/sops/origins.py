"""Sealed files whose MAC was found right, so that the objects built from them need not prove it again.

A build changes objects: names, labels, the order of keys. Their MAC is then wrong, and says nothing. So it is checked
on the file, and of a built object it is enough to know that all its ciphertext comes from that file: each value is
bound to its own place by its cipher.
"""

import threading
from collections.abc import Iterator

from sealer.sops.envelope import METADATA_KEY, Envelope, take_metadata
from sealer.sops.formats.base import Format
from sealer.sops.metadata import Metadata
from sealer.sops.tree import Branch, Branches, Comment

_ENCRYPTED = "ENC["


def envelopes_of(form: Format, data: bytes) -> list[Envelope]:
    """The envelopes of a text: usually one, whose metadata stand in each document. Files that were encrypted one by one
    and then put together hold several. Documents without metadata are passed over.

    Raises: SopsError.
    """
    if form.name != "yaml":
        return [form.read_encrypted(data)]
    parts: dict[str, Branches] = {}
    for branch in form.read_plain(data):
        if isinstance(sops := branch.get(METADATA_KEY), Branch):
            parts.setdefault(str(sops.get("mac")), []).append(branch)
    return [Envelope(branches, Metadata.read(raw)) for branches, raw in map(take_metadata, parts.values())]


class Origins:
    """By MAC, the ciphertext of the files in which it was right, and those about which a person was told."""

    def __init__(self) -> None:
        self._texts: dict[str, set[str]] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def add(self, envelope: Envelope) -> None:
        """A file whose MAC is right."""
        with self._lock:
            self._texts.setdefault(envelope.metadata.mac, set()).update(_encrypted(envelope.branches))

    def tell(self, envelope: Envelope) -> None:
        """A file whose MAC is wrong, as a person now knows."""
        with self._lock:
            self._told.add(envelope.metadata.mac)

    def have(self, envelope: Envelope) -> bool:
        """Whether all ciphertext of an object comes from one file whose MAC is right."""
        with self._lock:
            known = self._texts.get(envelope.metadata.mac)
            return known is not None and known.issuperset(_encrypted(envelope.branches))

    def has_told(self, envelope: Envelope) -> bool:
        """Whether a person knows that the MAC is wrong."""
        with self._lock:
            return envelope.metadata.mac in self._told


def _encrypted(value: object) -> Iterator[str]:
    """The ciphertexts in a tree, comments left out: a build drops them."""
    if isinstance(value, str):
        if value.startswith(_ENCRYPTED):
            yield value
    elif isinstance(value, Branch):
        for key, item in value:
            if not isinstance(key, Comment):
                yield from _encrypted(item)
    elif isinstance(value, list):
        for element in value:
            yield from _encrypted(element)
