"""Whole encrypted files: the readers of JSON, dotenv and INI, and the metadata in them."""

from datetime import UTC, datetime

from sealer.sops.envelope import encrypt
from sealer.sops.errors import SopsError
from sealer.sops.formats.base import by_name
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch
from tests.fuzz.rules import attempt, in_time, require

_TIME = "2024-01-02T03:04:05Z"
_KEY = MasterKey("age", {"recipient": "age1x"}, "armor\n")
_PGP = MasterKey("pgp", {"fp": "AB"}, "armor\n", _TIME)
_STORES = tuple(by_name(name) for name in ("json", "dotenv", "ini"))
_DOCUMENTS = (Branch([("a", ["x", 1])]), Branch([("a", "x")]), Branch([("s", Branch([("a", "x")]))]))


def _seeds() -> tuple[bytes, ...]:
    metadata = (
        Metadata([[_KEY, _PGP]], selection=Selection(encrypted_regex="a")),
        Metadata([[_KEY], [_PGP]], selection=Selection(mac_only_encrypted=True), shamir_threshold=2),
    )
    now = datetime(2024, 1, 2, tzinfo=UTC)
    return tuple(
        store.write_encrypted(encrypt([document], one, bytes(32), now=now, random=bytes))
        for store, document in zip(_STORES, _DOCUMENTS, strict=True)
        for one in metadata
    )


SEEDS = _seeds()
PIECES = (
    *(b'"sops":', b"sops_", b"[sops]\n", b"{", b"}", b"[", b"]", b'"', b":", b",", b"=", b"\n", b"\\n", b"#", b";"),
    *(b"age", b"pgp", b"kms", b"key_groups", b"mac", b"lastmodified", b"version", b"shamir_threshold", b"context"),
    *(b"__list_0", b"__list_9", b"__map_", b"__map_enc", b"3.13.3", b"1", b"null", b"true", b"[]", b"{}", b"`"),
    *(b"encrypted_regex", b"(?!x)", b"mac_only_encrypted", b'"""', b"'", b"\\", b"\xff", b"\xef\xbb\xbf"),
    _TIME.encode(),
)


def check(data: bytes) -> None:
    """A refusal, or an envelope that can be written; JSON gives back what was written.

    No value is planted: it would wander into keys, and those are named.
    """
    for store in _STORES:
        envelope = attempt(SopsError, store.read_encrypted, data)
        if envelope is None:
            continue
        attempt(SopsError, envelope.decrypt, bytes(32))
        written = attempt(SopsError, store.write_encrypted, envelope)
        if written is not None and store.name == "json":
            with in_time():
                again = store.read_encrypted(written).metadata.write()
            require(again == envelope.metadata.write(), "the metadata were written otherwise")
