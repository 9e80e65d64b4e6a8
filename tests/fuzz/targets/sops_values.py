"""Encrypted values, one by one: texts that strangers wrote, and bytes behind a tag that is right."""

from sealer.sops.cipher import Cipher, ValueRefused, plain_bytes, type_name, typed
from tests.fuzz.rules import PLANTED, attempt, in_time, require

AAD = b"a:b:"
_CIPHER = Cipher(bytes(32))
_KINDS = ("str", "int", "float", "bool", "time", "comment", "bytes", "other")

_SEALED = (b"", b"x", b"1.5")
SEEDS = (
    _CIPHER.encrypt("x", AAD, bytes(32)).encode(),
    _CIPHER.encrypt(1.5, AAD, bytes(12)).encode(),
    b"2024-01-02T03:04:05.5+02:00",
    b"-9223372036854775808",
)
PIECES = (
    *(b"ENC[AES256_GCM,data:", b",iv:", b",tag:", b",type:", b"]", b"AAAA", b"AQ==", b"=", b",", b"\n", b"\xff"),
    *(b"str", b"int", b"float", b"bool", b"time", b"comment", b"-", b"+", b"1e999", b"0x1", b"_", b"9" * 400, b"True"),
    *(b"2024-01-02", b"T03:04:05", b".5", b"Z", b"+24:00", b"inf", b"nan", "\u0664".encode(), PLANTED.encode()),
)


def check(data: bytes) -> None:
    """As text: a refusal, but for what the seeds hold. As plain bytes: a value that is spelled the same ever after."""
    opened = attempt(ValueRefused, _CIPHER.decrypt_bytes, data.decode("utf-8", "surrogateescape"), AAD)
    require(opened is None or opened[0] in _SEALED, "a stranger's text was opened")
    for kind in _KINDS:
        value = attempt(ValueRefused, typed, data, kind)
        if value is None:
            continue
        with in_time():
            spelled = plain_bytes(value)
            require(plain_bytes(typed(spelled, type_name(value))) == spelled, "it is spelled in two ways")
            if spelled:
                sealed = _CIPHER.encrypt(value, AAD, bytes(32))
                require(plain_bytes(_CIPHER.decrypt(sealed, AAD)) == spelled, "it came back as another value")
