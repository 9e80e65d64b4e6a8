"""Walk the DER bytes of a certificate just far enough: its public key, its name and its validity.

The `x509` module of `cryptography` would double the start-up time of `kseal seal`, and refuses the extensions of the
certificates that the original makes (a lone encipherOnly bit). Nothing here decides on trust: as in the original, the
certificate is only the envelope of a public key with an expiry date.

Source: X.690 (DER), RFC 5280 section 4.1 (Certificate), RFC 8017 appendix A.1.1 (RSAPublicKey).
"""

from typing import NamedTuple

_INTEGER, _BIT_STRING, _OID, _UTC_TIME, _GENERALIZED_TIME, _SEQUENCE, _VERSION = (
    0x02,
    0x03,
    0x06,
    0x17,
    0x18,
    0x30,
    0xA0,
)

RSA = bytes.fromhex("2a864886f70d010101")
_NAMES = {
    RSA: "RSA",
    bytes.fromhex("2a8648ce3d0201"): "ECDSA",
    bytes.fromhex("2b6570"): "Ed25519",
    bytes.fromhex("2b6571"): "Ed448",
    bytes.fromhex("2a8648ce380401"): "DSA",
    bytes.fromhex("2a864886f70d01010a"): "RSA-PSS",
}


Moment = tuple[int, int, int, int, int, int]
"""Year, month, day, hour, minute, second, in UTC: as the first six fields of time.gmtime(), so that both compare
without the datetime module, whose import costs `kseal seal` 1 ms."""


class DerError(ValueError):
    """The bytes are not what they have to be here. Says what was expected."""


class Walked(NamedTuple):
    """What a certificate says about its key; `modulus` and `exponent` are 0 unless the key is RSA."""

    algorithm: str
    modulus: int
    exponent: int
    not_before: Moment
    not_after: Moment


class _Reader:
    """A place in a byte string. Never reads beyond `end`, never goes back, so every walk ends."""

    __slots__ = ("data", "end", "position")

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data, self.position, self.end = data, position, end

    def next_is(self, tag: int) -> bool:
        return self.position < self.end and self.data[self.position] == tag

    def enter(self, tag: int, what: str) -> "_Reader":
        """Read one element: a reader of its content; this reader goes on behind it."""
        if not self.next_is(tag):
            raise DerError(f"no {what} where it belongs")
        start, length = self._length(what)
        if length > self.end - start:
            raise DerError(f"the {what} is cut off")
        self.position = start + length
        return _Reader(self.data, start, start + length)

    def take(self, tag: int, what: str) -> bytes:
        """Read one element: its content as bytes."""
        inner = self.enter(tag, what)
        return self.data[inner.position : inner.end]

    def _length(self, what: str) -> tuple[int, int]:
        """Where the content begins and how long it is; DER has one way to write a length, up to 4 bytes here."""
        at = self.position + 1
        if at >= self.end:
            raise DerError(f"the {what} is cut off")
        first = self.data[at]
        if first < 0x80:
            return at + 1, first
        count = first & 0x7F
        digits = self.data[at + 1 : min(at + 1 + count, self.end)]
        length = int.from_bytes(digits, "big")
        if not 1 <= count <= 4 or len(digits) < count or length < 0x80 or digits[0] == 0:
            raise DerError(f"the length of the {what} is not DER")
        return at + 1 + count, length


def walk_certificate(der: bytes) -> Walked:
    """Raises: DerError when the bytes are no X.509 certificate."""
    outer = _Reader(der, 0, len(der))
    certificate = outer.enter(_SEQUENCE, "certificate")
    if outer.position != outer.end:
        raise DerError("bytes follow the certificate")
    fields = certificate.enter(_SEQUENCE, "signed part")
    if fields.next_is(_VERSION):
        fields.enter(_VERSION, "version")
    fields.enter(_INTEGER, "serial number")
    fields.enter(_SEQUENCE, "signature algorithm")
    fields.enter(_SEQUENCE, "issuer")
    validity = fields.enter(_SEQUENCE, "validity")
    not_before, not_after = _time(validity), _time(validity)
    fields.enter(_SEQUENCE, "subject")
    algorithm, modulus, exponent = _public_key(fields.enter(_SEQUENCE, "public key"))
    return Walked(algorithm, modulus, exponent, not_before, not_after)


def _public_key(info: _Reader) -> tuple[str, int, int]:
    oid = info.enter(_SEQUENCE, "key algorithm").take(_OID, "name of the key algorithm")
    if oid != RSA:
        return _NAMES.get(oid, f"an algorithm with the identifier {oid.hex()}"), 0, 0
    bits = info.take(_BIT_STRING, "key")
    if not bits or bits[0] != 0:
        raise DerError("the key is not a whole number of bytes")
    key = _Reader(bits, 1, len(bits)).enter(_SEQUENCE, "RSA key")
    return "RSA", _positive(key, "modulus"), _positive(key, "exponent")


def _positive(reader: _Reader, what: str) -> int:
    value = int.from_bytes(reader.take(_INTEGER, what), "big", signed=True)
    if value <= 0:
        raise DerError(f"the {what} is not positive")
    return value


def _time(reader: _Reader) -> Moment:
    """UTCTime has two digits for the year, of which 50 to 99 mean the last century; GeneralizedTime has four."""
    if reader.next_is(_UTC_TIME):
        text = reader.take(_UTC_TIME, "time")
        text = (b"19" if text[:1] >= b"5" else b"20") + text
    else:
        text = reader.take(_GENERALIZED_TIME, "time")
    if len(text) != 15 or text[14:] != b"Z" or not text[:14].isdigit():
        raise DerError("a time is not written as RFC 5280 says")
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= _days(year, month) or hour > 23 or max(minute, second) > 59:
        raise DerError("a time is on no calendar or clock")
    return year, month, day, hour, minute, second


def _days(year: int, month: int) -> int:
    """The length of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31
