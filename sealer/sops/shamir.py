"""Shamir's secret sharing over GF(2^8), as SOPS splits a data key between key groups.

A share is one byte for each byte of the secret, then the x at which they were taken: 33 bytes for a data key. The
field is that of AES: polynomials of eight bits modulo x^8 + x^4 + x^3 + x + 1. Source: getsops/sops shamir/shamir.go,
release 3.13.3. Check: secret 0x42 with coefficient 0x13 gives 0x51 at 1 and 0x64 at 2.
"""

import os
from collections.abc import Callable, Sequence
from typing import Final

LEAST_THRESHOLD: Final = 2
MOST_SHARES: Final = 255
_MODULUS: Final = 0x11B


def split(secret: bytes, shares: int, threshold: int, *, random: Callable[[int], bytes] = os.urandom) -> list[bytes]:
    """Shares of which any `threshold` give the secret back, and fewer tell nothing of it.

    Raises: ValueError when the numbers are out of range.
    """
    if not LEAST_THRESHOLD <= threshold <= shares <= MOST_SHARES:
        raise ValueError(f"{threshold} of {shares} shares: it takes from 2 to all of at most {MOST_SHARES}")
    polynomials = [bytes([byte]) + random(threshold - 1) for byte in secret]
    return [bytes([*(_at(polynomial, x) for polynomial in polynomials), x]) for x in range(1, shares + 1)]


def combine(shares: Sequence[bytes]) -> bytes:
    """The secret of at least as many shares as the threshold; of fewer, other bytes come out, which nothing shows.

    Raises: ValueError when they are not of one secret: of different lengths, or taken at the same place.
    """
    places = [share[-1] for share in shares if len(share) > 1]
    if len(places) < LEAST_THRESHOLD or len({len(share) for share in shares}) != 1:
        raise ValueError("shares of different lengths, empty ones, or less than two")
    if 0 in places or len(set(places)) != len(places):
        raise ValueError("two shares of the same place, or one of place 0")
    weights = [_weight(x, places) for x in places]
    columns = zip(*(share[:-1] for share in shares), strict=True)
    return bytes(_dot(column, weights) for column in columns)


def _at(polynomial: bytes, x: int) -> int:
    """The value of a polynomial, its constant term first, by Horner's rule."""
    value = 0
    for coefficient in reversed(polynomial):
        value = _product(value, x) ^ coefficient
    return value


def _weight(x: int, places: Sequence[int]) -> int:
    """What the share at `x` counts for at 0, where the secret is: Lagrange's basis polynomial."""
    above, below = 1, 1
    for other in places:
        if other != x:
            above = _product(above, other)
            below = _product(below, other ^ x)
    return _product(above, _inverse(below))


def _dot(values: Sequence[int], weights: Sequence[int]) -> int:
    total = 0
    for value, weight in zip(values, weights, strict=True):
        total ^= _product(value, weight)
    return total


def _product(a: int, b: int) -> int:
    """Without a table or a branch on a secret bit, so that caches and time tell nothing of the factors."""
    product = 0
    for bit in range(7, -1, -1):
        product = product << 1 ^ (product >> 7) * _MODULUS ^ (b >> bit & 1) * a
    return product


def _inverse(a: int) -> int:
    """a^254, since each of the 255 elements but zero gives 1 to the power of 255."""
    power = a
    for _ in range(6):
        power = _product(_product(power, power), a)
    return _product(power, power)
