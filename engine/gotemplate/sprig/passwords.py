"""Hashing and deriving passwords, and encrypting with one. Source: sprig crypto.go.

bcrypt is the work of the `bcrypt` package, which is imported when it is first needed.
"""

import hashlib
import hmac
import os
import struct
from base64 import b64encode

from engine.gotemplate.errors import Refused
from engine.gotemplate.sprig.encoding import Corrupt, decode64
from engine.gotemplate.table import Function, function

_COST = 10
"""golang.org/x/crypto/bcrypt's DefaultCost."""
_LONGEST = 72
"""Bytes that bcrypt takes; Go refuses more, and sprig gives that refusal as the result."""
_TOO_LONG = b"failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
_SLOW = 25_000_000
"""Units of cost of one hash, half of its nanoseconds, so that a file of twenty users can be made."""
_BLOCK = 16

_SEED = b"com.lyndir.masterpassword"
_PATTERNS = {
    b"maximum": ("anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"),
    b"long": (
        "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
        "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
        "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno", "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
        "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno",
    ),
    b"medium": ("CvcnoCvc", "CvcCvcno"),
    b"short": ("Cvcn",),
    b"basic": ("aaanaaan", "aannaaan", "aaannaaa"),
    b"pin": ("nnnn",),
}  # fmt: skip
_VOWELS, _CONSONANTS = "AEIOU", "BCDFGHJKLMNPQRSTVWXYZ"
_LETTERS = _VOWELS + _VOWELS.lower() + _CONSONANTS + _CONSONANTS.lower()
_CHARACTERS = {
    "V": _VOWELS,
    "C": _CONSONANTS,
    "v": _VOWELS.lower(),
    "c": _CONSONANTS.lower(),
    "A": _VOWELS + _CONSONANTS,
    "a": _LETTERS,
    "n": "0123456789",
    "o": "@&%?,=[]_:-+*$#!'^~;()/.",
    "x": _LETTERS + "0123456789!@#$%^&*()",
}


def _bcrypt(password: bytes) -> bytes:
    if len(password) > _LONGEST:
        return _TOO_LONG
    import bcrypt

    return bcrypt.hashpw(password, bcrypt.gensalt(_COST, b"2a"))


def _htpasswd(user: bytes, password: bytes) -> bytes:
    if b":" in user:
        return b"invalid username: " + user
    return user + b":" + _bcrypt(password)


def _derive(counter: int, kind: bytes, password: bytes, user: bytes, site: bytes) -> bytes:
    """The algorithm of Master Password, version 3 for names in ASCII."""
    patterns = _PATTERNS.get(kind)
    if patterns is None:
        return b"cannot find password template " + kind
    salt = _SEED + struct.pack(">I", len(user)) + user
    key = hashlib.scrypt(password, salt=salt, n=32_768, r=8, p=2, maxmem=1 << 26, dklen=64)
    seed = hmac.digest(key, _SEED + struct.pack(">I", len(site)) + site + struct.pack(">I", counter), "sha256")
    pattern = patterns[seed[0] % len(patterns)]
    classes = [_CHARACTERS[mark] for mark in pattern]
    return "".join(chosen[byte % len(chosen)] for byte, chosen in zip(seed[1:], classes, strict=False)).encode()


def _key(password: bytes) -> bytes:
    """The password itself, cut or filled with zeros to 32 bytes."""
    return password[:32].ljust(32, b"\0")


def _encrypt(password: bytes, text: bytes) -> bytes:
    """AES-256-CBC with a random start and PKCS#7 padding, in base64; an empty text stays empty."""
    if not text:
        return b""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    padding = _BLOCK - len(text) % _BLOCK
    start = os.urandom(_BLOCK)
    cipher = Cipher(algorithms.AES(_key(password)), modes.CBC(start)).encryptor()
    return b64encode(start + cipher.update(text + bytes((padding,)) * padding) + cipher.finalize())


def _decrypt(password: bytes, text: bytes) -> bytes:
    """The padding's length is believed, its other bytes are not looked at, as in the original."""
    if not text:
        return b""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    try:
        sealed = decode64(text)
    except Corrupt:
        raise Refused("no base64") from None
    if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
        raise Refused("not a whole number of blocks")
    cipher = Cipher(algorithms.AES(_key(password)), modes.CBC(sealed[:_BLOCK])).decryptor()
    padded = cipher.update(sealed[_BLOCK:]) + cipher.finalize()
    if padded[-1] > len(padded):
        raise Refused("wrong padding")
    return padded[: len(padded) - padded[-1]]


FUNCTIONS: dict[str, Function] = {
    "bcrypt": function("string", _bcrypt, volatile=True, price=_SLOW),
    "decryptAES": function("string, string", _decrypt, weight=10),
    "derivePassword": function("uint32, string, string, string, string", _derive, price=3 * _SLOW),
    "encryptAES": function("string, string", _encrypt, volatile=True, weight=10),
    "htpasswd": function("string, string", _htpasswd, volatile=True, price=_SLOW),
}
