"""Bytes that must not be seen: they do not print, log, compare by accident or pickle."""

from _operator import _compare_digest as compare_digest  # as hmac has it, without OpenSSL: 2 ms at each start
from typing import NoReturn

REDACTED = "[redacted]"


class Sensitive:
    """Secret bytes behind a name that looks dangerous where they come out: `reveal()`.

    `repr`, `str` and `format` give `[redacted]`, so that a log line, an exception text or a debugger's
    summary of an enclosing object shows nothing. Python cannot wipe memory; keep these values short-lived.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves: for the cipher and for the one request that delivers them."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, and only with another Sensitive."""
        if not isinstance(other, Sensitive):
            return NotImplemented
        return compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash of a short secret is an oracle for it

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Sensitive value is never pickled or copied to another process")
