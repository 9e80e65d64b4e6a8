"""Nested metadata in formats that know only names and texts: `age__list_0__map_recipient`.

`__map_` stands before a key, `__list_` before an index from 0; the first name has nothing before it. Empty lists have
no item that could stand for them, and vanish. Source: getsops/sops stores/flatten.go, and `ValToString` in stores.go.
"""

from math import isfinite
from re import compile as compiled

from engine.kube.go_numbers import yaml_text
from sealer.sops.errors import EnvelopeRefused, NotWritable
from sealer.sops.tree import Branch, Comment, Timestamp, Value

_MAP = "__map_"
_LIST = "__list_"
_STEP = compiled(f"({_MAP}|{_LIST})")
_DEEPEST = 16
"""Steps of a name; metadata have at most five."""


def flatten(branch: Branch, prefix: str = "") -> list[tuple[str, str]]:
    """Names and texts, in the order of the branch. Raises: NotWritable when two values get one name."""
    flat: dict[str, str] = {}
    _flatten(flat, branch, prefix)
    return list(flat.items())


def _flatten(flat: dict[str, str], value: Value, name: str) -> None:
    if not isinstance(value, list):
        if name in flat:
            raise NotWritable("two fields of the metadata get one name when they are flattened")
        flat[name] = text_of(value)
    elif isinstance(value, Branch):
        for key, item in value:
            if not isinstance(key, Comment):
                _flatten(flat, item, name + key + (_MAP if isinstance(item, Branch) else ""))
    else:
        for index, below in enumerate([item for item in value if not isinstance(item, Comment)]):
            _flatten(flat, below, f"{name}{_LIST}{index}" + (_MAP if isinstance(below, Branch) else ""))


def text_of(value: Value) -> str:
    """A scalar where a format has only text. Raises: NotWritable for anything else."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float_text(value)
        case Timestamp():
            return value.seconds()
        case None:
            return "<nil>"
        case _:
            raise NotWritable("a list, a mapping or a comment cannot stand where a text belongs")


def _float_text(value: float) -> str:
    if not isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124  # only NaN differs
    text = yaml_text(value).upper()
    return text if "." in text or "E" in text else f"{value:.1f}"


class _Node:
    """A step of a name: a text, or what is below it by key or by index, and only one of the three."""

    __slots__ = ("indices", "keys", "text")

    def __init__(self) -> None:
        self.text: str | None = None
        self.keys: dict[str, _Node] = {}
        self.indices: dict[int, _Node] = {}


def unflatten(items: list[tuple[str, str]]) -> Branch:
    """The branch that names and texts came from, sorted. Raises: EnvelopeRefused, with the name that is wrong."""
    root = _Node()
    for name, text in items:
        node = _place(root, name)
        if node.text is not None:
            raise EnvelopeRefused(f"the metadata: {_shown(name)}: there twice")
        node.text = text
    return Branch((key, _value(node, key)) for key, node in sorted(root.keys.items()))


def _place(root: _Node, name: str) -> _Node:
    first, *steps = _STEP.split(name)
    if len(steps) > 2 * _DEEPEST:
        raise EnvelopeRefused(f"the metadata: {_shown(name)}: more than {_DEEPEST} levels")
    node = root.keys.setdefault(first, _Node())
    for kind, step in zip(steps[::2], steps[1::2], strict=True):
        if kind == _MAP:
            node = node.keys.setdefault(step, _Node())
        elif step.isascii() and step.isdigit() and len(step) < 7:
            node = node.indices.setdefault(int(step), _Node())
        else:
            raise EnvelopeRefused(f"the metadata: {_shown(name)}: not an index")
    return node


def _value(node: _Node, name: str) -> Value:
    if (node.text is not None) + bool(node.keys) + bool(node.indices) > 1:
        raise EnvelopeRefused(f"the metadata: {_shown(name)}: both a value and a container")
    if node.text is not None:
        return node.text
    if node.keys:
        return Branch((key, _value(below, f"{name}{_MAP}{key}")) for key, below in sorted(node.keys.items()))
    if max(node.indices) + 1 != len(node.indices):
        raise EnvelopeRefused(f"the metadata: {_shown(name)}: an index is missing")
    return [_value(below, f"{name}{_LIST}{index}") for index, below in sorted(node.indices.items())]


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else name[:77] + "...")
