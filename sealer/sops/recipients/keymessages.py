"""The messages of a SOPS key service, in Protocol Buffers: a request is a key and data, an answer is data.

    EncryptRequest, DecryptRequest     1 key, 2 data        Key     1 kms, 2 pgp, ... 7 hckms, one of them
    EncryptResponse, DecryptResponse   1 data               e.g. KmsKey   1 arn, 2 role, 3 context (map), 4 aws_profile

Each field of a key has the number of its place in `base.FIELDS`. The data of a wrapped key is the text of its `enc`.
Source: getsops/sops 3.13.3 keyservice/keyservice.proto; protobuf.dev, encoding.
"""

from collections.abc import Iterator
from typing import Final

from sealer.sops.recipients.base import FIELDS, Field, MasterKey

LIMIT_BYTES: Final = 256 * 1024
_NUMBERS: Final = {"kms": 1, "pgp": 2, "gcp_kms": 3, "azure_kv": 4, "hc_vault": 5, "age": 6, "hckms": 7}
_KINDS: Final = {number: kind for kind, number in _NUMBERS.items()}
_BYTES: Final = 2  # the way of writing that strings, bytes and messages share
_LONGEST_VARINT: Final = 10


class BadMessage(ValueError):
    """Bytes that are no message of a key service. Its text has none of them."""


def request(key: MasterKey, data: bytes) -> bytes:
    """Ask to wrap or unwrap `data` with a key."""
    fields = b"".join(_field(number, key.fields[name]) for number, name in _numbered(key.kind) if key.fields.get(name))
    return _bytes(1, _bytes(_NUMBERS[key.kind], fields)) + _bytes(2, data)


def read_request(message: bytes) -> tuple[MasterKey, bytes]:
    """The key and the data. Raises: BadMessage."""
    key: MasterKey | None = None
    data = b""
    for number, value in _fields(message):
        if number == 1:
            for kind, fields in _fields(value):
                key = _key(_KINDS[kind], fields) if kind in _KINDS else None
        elif number == 2:
            data = value
    if key is None:
        raise BadMessage("it names no key of a known kind")
    return key, data


def answer(data: bytes) -> bytes:
    """The answer to either request."""
    return _bytes(1, data)


def read_answer(message: bytes) -> bytes:
    """Raises: BadMessage."""
    return dict(_fields(message)).get(1, b"")


def _numbered(kind: str) -> Iterator[tuple[int, str]]:
    return enumerate(FIELDS[kind], 1)


def _key(kind: str, message: bytes) -> MasterKey:
    names = dict(_numbered(kind))
    fields: dict[str, Field] = {}
    context: dict[str, str] = {}
    for number, value in _fields(message):
        if names.get(number) == "context":
            entry = dict(_fields(value))
            context[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
        elif number in names:
            fields[names[number]] = _text(value)
    return MasterKey(kind, fields | ({"context": context} if context else {}))


def _field(number: int, value: Field) -> bytes:
    if isinstance(value, str):
        return _bytes(number, value.encode("utf-8", "surrogateescape"))
    entries = (_field(1, name) + _field(2, text) for name, text in sorted(value.items()))
    return b"".join(_bytes(number, entry) for entry in entries)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadMessage("a text is not UTF-8") from None


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields that are bytes, by number; others are skipped. Raises: BadMessage."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        match tag & 7:
            case 0:  # a number
                _, at = _read_varint(message, at)
                length = 0
            case 1:  # eight bytes
                length = 8
            case 2:
                length, at = _read_varint(message, at)
            case 5:  # four bytes
                length = 4
            case _:
                raise BadMessage("a field is written in a way that is not used any more")
        if at + length > len(message):
            raise BadMessage("the message is cut off")
        if tag & 7 == _BYTES:
            yield tag >> 3, message[at : at + length]
        at += length


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise BadMessage("a number is cut off or too long")
