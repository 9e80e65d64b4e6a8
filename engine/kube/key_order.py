"""The order in which go-yaml writes the keys of a mapping: letters after everything else, numbers by their value."""

from collections.abc import Iterable

_INT64 = 2**64

# Without digits, and without the underscore that ASCII puts between upper and lower case, go-yaml's order is ASCII's.
_ORDINARY = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-./"


def in_order(keys: Iterable[str]) -> list[str]:
    """The keys as go-yaml sorts them: `a2` before `a10`, `a_b` before `ab`."""
    ordered = sorted(keys)
    if is_ordinary("".join(ordered)):
        return ordered
    from functools import cmp_to_key

    ordered.sort(key=cmp_to_key(_compare))
    return ordered


def is_ordinary(text: str) -> bool:
    """Whether keys of these characters are in order when `sorted` says so."""
    return text.isascii() and not text.encode().translate(None, _ORDINARY)


def _compare(first: str, second: str) -> int:
    if first == second:
        return 0
    return -1 if _precedes(first, second) else 1


def _precedes(first: str, second: str) -> bool:
    """Source: go.yaml.in/yaml/v2 sorter.go, keyList.Less."""
    at = next((index for index, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return len(first) < len(second)
    one, other = first[at], second[at]
    if one.isalpha() or other.isalpha():
        return one < other if one.isalpha() and other.isalpha() else other.isalpha()
    start = 1 if "0" in (one, other) and _inside_number(first, at) else 0
    one_number, one_end = _number(first, at, start)
    other_number, other_end = _number(second, at, start)
    if one_number != other_number:
        return one_number < other_number
    return one_end < other_end if one_end != other_end else one < other


def _inside_number(text: str, at: int) -> bool:
    """Whether digits that are not all zero stand right before a position."""
    head = text[:at]
    while head and head[-1].isdecimal():
        if head[-1] != "0":
            return True
        head = head[:-1]
    return False


def _number(text: str, at: int, start: int) -> tuple[int, int]:
    """The digits from a position on behind a `start` of 0 or 1, a number that overflows like Go's, and their end."""
    value, end = start, at
    while end < len(text) and text[end].isdecimal():
        value = value * 10 + ord(text[end]) - ord("0")
        end += 1
    return (value + _INT64 // 2) % _INT64 - _INT64 // 2, end
