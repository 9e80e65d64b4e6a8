"""Where the comments of a YAML text stand: what is neither a token nor white space."""

from typing import Any

from engine.kube.libyaml import CParser, StreamEndToken
from sealer.rotation.marks import Spot

_MARK = "\ufeff"


def places(data: bytes) -> list[int]:
    """Where comments begin, counted in characters. The text has been read before, so its syntax is trusted."""
    text = data.decode().removeprefix(_MARK)
    parser: Any = CParser(text.encode())
    found: list[int] = []
    end = 0
    while True:
        token = parser.get_token()
        found += _between(text, end, token.start_mark.index)
        if isinstance(token, StreamEndToken):
            return found + list(_between(text, end, len(text)))
        end = token.end_mark.index


def inside(comments: list[int], spot: Spot) -> int:
    """How many of them go when another object takes the place of the one at `spot`."""
    end = _end(spot)
    return sum(spot.start < place < end for place in comments)


def _between(text: str, start: int, end: int) -> list[int]:
    found = []
    while (at := text.find("#", start, end)) >= 0:
        found.append(at)
        line_end = text.find("\n", at, end)
        start = end if line_end < 0 else line_end
    return found


def _end(spot: Spot) -> int:
    children = list(spot.children.values()) if isinstance(spot.children, dict) else spot.children or []
    return max([spot.end, *map(_end, children)])
