"""Patterns of `#`, `##`, `%` and `%%`: Go's path.Match, in which `*` matches slashes too, and a class may hold a star.

Everything is in bytes, as there. Source: fluxcd/pkg envsubst/path/match.go.
"""

from engine.envsubst.limits import Meter


class BadPattern(Exception):
    """The pattern is none; the original then leaves the text alone."""


def matches(pattern: bytes, name: bytes, meter: Meter) -> bool:
    """Whether a pattern matches the whole of a name. Raises: BadPattern, where the text leads to the fault."""
    while pattern:
        has_star, chunk, pattern = _split(pattern)
        if has_star and not chunk:
            return True
        rest = _match_chunk(chunk, name, meter)
        if rest is not None and (not rest or pattern):
            name = rest
            continue
        if not has_star:
            return False
        for skipped in range(1, len(name) + 1):
            rest = _match_chunk(chunk, name[skipped:], meter)
            if rest is not None and (pattern or not rest):
                name = rest
                break
        else:
            return False
    return not name


def _split(pattern: bytes) -> tuple[bool, bytes, bytes]:
    """Whether stars lead, what follows up to the next star, and the rest."""
    chunk = pattern.lstrip(b"*")
    has_star = len(chunk) < len(pattern)
    at, is_class = 0, False
    while at < len(chunk):
        match chunk[at : at + 1]:
            case b"\\":
                at += 1
            case b"[":
                is_class = True
            case b"]":
                is_class = False
            case b"*" if not is_class:
                break
        at += 1
    return has_star, chunk[:at], chunk[at:]


def _match_chunk(chunk: bytes, text: bytes, meter: Meter) -> bytes | None:
    """What of the text follows a match at its start; None for no match. Raises: BadPattern."""
    at = place = 0
    meter.spend(1)
    while at < len(chunk):
        if place >= len(text):
            return None
        meter.spend(1)
        character = chunk[at : at + 1]
        if character == b"[":
            rune, width = _rune(text, place)
            is_hit, at = _match_class(chunk, at + 1, rune)
            if not is_hit:
                return None
            place += width
        elif character == b"?":
            place += _rune(text, place)[1]
            at += 1
        else:
            if character == b"\\":
                at += 1
                if at >= len(chunk):
                    raise BadPattern
            if chunk[at] != text[place]:
                return None
            place, at = place + 1, at + 1
    return text[place:]


def _match_class(chunk: bytes, at: int, rune: int) -> tuple[bool, int]:
    """Whether a class whose content begins at a place holds a rune, and where the class ends."""
    is_wanted = True
    if chunk[at : at + 1] == b"^":
        is_wanted, at = False, at + 1
    is_hit, ranges = False, 0
    while not (ranges and chunk[at : at + 1] == b"]"):
        low, at = _class_rune(chunk, at)
        high = low
        if chunk[at : at + 1] == b"-":
            high, at = _class_rune(chunk, at + 1)
        is_hit |= low <= rune <= high
        ranges += 1
    return is_hit is is_wanted, at + 1


def _class_rune(chunk: bytes, at: int) -> tuple[int, int]:
    if chunk[at : at + 1] in (b"", b"-", b"]"):
        raise BadPattern
    if chunk[at : at + 1] == b"\\":
        at += 1
        if at >= len(chunk):
            raise BadPattern
    rune, width = _rune(chunk, at)
    if (rune == _BROKEN and width == 1) or at + width >= len(chunk):
        raise BadPattern
    return rune, at + width


_BROKEN = 0xFFFD


def _rune(text: bytes, at: int) -> tuple[int, int]:
    """The character at a place and its width; a byte that begins none is U+FFFD of width 1."""
    first = text[at]
    if first < 0x80:
        return first, 1
    for width in (2, 3, 4):
        try:
            return ord(text[at : at + width].decode()), width
        except (UnicodeDecodeError, TypeError):
            continue
    return _BROKEN, 1
