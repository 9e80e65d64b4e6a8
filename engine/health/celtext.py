"""What an expression may cost, read off its text: the CEL library itself knows no bound, and holds up all threads.

Measured with version 0.10: `x.all(a, x.all(b, x.all(c, x.all(d, true))))` over 100 items runs for 17 s, in which no
other thread of the process runs. Nesting of brackets and calls is refused by its parser at about 100; long chains do no
harm up to the size allowed here. Data nested 20 000 deep kill the process, 5 000 do not.
"""

import re
from typing import Any, NamedTuple

MAX_LENGTH = 8192
"""Characters of an expression."""
MAX_DEPTH = 256
"""Lists and maps inside each other, in the data."""
MAX_STEPS = 3_000_000
"""Estimated steps of one evaluation: half a second at worst."""

_TOKEN = re.compile(
    r"""//[^\n]*
    |(?:[bB]?[rR])(?:"{3}.*?"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
    |[bB]?(?:"{3}(?:\\.|[^\\])*?"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |[A-Za-z_]\w*|[0-9][\w.]*|\S""",
    re.VERBOSE | re.DOTALL,
)
_STRANGE = re.compile(r"\\|\"\"\"|'''|[rR][\"']|//")  # where this reading of strings and the library's might differ
_LOOPS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LOOP_WORDS = re.compile(rf"\b(?:{'|'.join(sorted(_LOOPS))})\b")
_PATTERN_STEPS = 5000  # `matches` compiles its pattern each time


class Shape(NamedTuple):
    """What of an expression decides about its cost."""

    tokens: int
    depth: int
    """Loops inside each other."""
    maps: int
    """Loops that make new values, which may hold whole lists in each item."""
    additions: int
    items: int
    """Items of lists in the expression itself, at most."""
    patterns: int
    splits: bool
    bound: frozenset[str]
    """Names that loops give to their items."""


def shape_of(expression: str) -> Shape:
    tokens = [found for found in _TOKEN.findall(expression) if not found.startswith("//")]
    opened: list[bool] = []  # for each open bracket, whether it is the one of a loop
    open_loops = deepest = maps = 0
    bound: set[str] = set()
    for place, token in enumerate(tokens):
        if token in _OPENING:
            name = tokens[place - 1] if place else ""
            is_loop = name in _LOOPS and tokens[place - 2 : place - 1] == ["."]
            opened.append(is_loop)
            open_loops += is_loop
            deepest = max(deepest, open_loops)
            maps += is_loop and name == "map"
            if is_loop:
                bound.update(tokens[place + 1 : place + 2])
        elif token in _CLOSING and opened:
            open_loops -= opened.pop()
    if _STRANGE.search(expression):
        deepest = max(deepest, len(_LOOP_WORDS.findall(expression)))
        maps = max(maps, len(re.findall(r"\bmap\b", expression)))
    return Shape(
        tokens=len(tokens),
        depth=deepest,
        maps=maps,
        additions=tokens.count("+"),
        items=tokens.count(",") + 1,
        patterns=tokens.count("matches"),
        splits="split" in tokens,
        bound=frozenset(bound),
    )


class Extent(NamedTuple):
    """How much data an expression works on."""

    nodes: int
    longest: int
    """Items of the longest list or map."""
    text: int
    """Characters of the longest string."""
    is_deep: bool


def extent_of(data: Any) -> Extent:
    nodes = longest = text = depth = 0
    level = [data]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return Extent(nodes, longest, text, True)
        below: list[Any] = []
        for item in level:
            nodes += 1
            if isinstance(item, str):
                text = max(text, len(item))
            elif isinstance(item, dict):
                longest = max(longest, len(item))
                below += item.values()
            elif isinstance(item, list):
                longest = max(longest, len(item))
                below += item
        level = below
    return Extent(nodes, longest, text, False)


def steps(shape: Shape, extent: Extent) -> int:
    """An upper estimate: as if each loop ran over the longest list there may be, and each step compared all data."""
    growth = min(2 ** min(shape.additions, 64), (shape.additions + 1) ** (shape.maps + 1))
    longest = max(extent.longest, shape.items, extent.text if shape.splits else 1) * growth
    each = shape.tokens + extent.nodes // 10 + growth * extent.text // 100 + _PATTERN_STEPS * shape.patterns
    return int(each * longest ** min(shape.depth + shape.maps, 64))
