"""From values to YAML: the block style of sigs.k8s.io/yaml, as `kubectl -o yaml` and `kubeseal -o yaml` print it."""

from collections.abc import Callable
from math import isfinite
from typing import Any

from engine.kube import yaml_strings
from engine.kube.go_numbers import INT_MIN, UINT_END, json_value, yaml_text
from engine.kube.key_order import in_order, is_ordinary

_REMEMBERED = 64  # length of the longest string whose written form is kept for the next time
_KEYS_KEPT = 4096

# Keys as they are written, for all documents: those that `sorted` brings into order. Values are kept for one document.
_known_keys: dict[str, str] = {}


def text(value: Any) -> str:
    """What engine.kube.yaml.write promises."""
    writer = _Writer()
    if isinstance(value, dict) and value:
        writer.mapping(value, 0, "")
    elif isinstance(value, list) and value:
        writer.sequence(value, 0, "")
    elif isinstance(value, str):
        # A string alone is set as if the document were two columns left of the margin.
        writer.put(yaml_strings.written(value, 0, 0))
    else:
        writer.put(_scalar(value))
    writer.put("\n")
    return "".join(writer.parts)


class _Writer:
    """Collects the parts of one document. Each block starts where the caller stands and ends without a line break."""

    __slots__ = ("parts", "put", "strings")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.put: Callable[[str], None] = self.parts.append
        self.strings: dict[str, str] = {}

    def mapping(self, value: dict[str, Any], indent: int, lead: str) -> None:
        """The entries of a mapping that is not empty; `lead` goes before the first, a new line before the others."""
        put, keys, strings = self.put, _known_keys, self.strings
        line = "\n" + " " * indent
        for key in sorted(value) if keys.keys() >= value.keys() else in_order(value):
            start = keys.get(key) or _key(key, indent)
            item = value[key]
            kind = type(item)
            if start[:2] == "? ":
                put(lead + start)
                self.item(item, indent)
            elif kind is str:
                put(lead + start + (strings.get(item) or self.string(item, indent, indent + len(start) + 1)))
            else:
                put(lead + start)
                if kind is dict and item:
                    self.mapping(item, indent + 2, line + "  ")
                elif kind is list and item:
                    self.sequence(item, indent, line)
                else:
                    self.item(item, indent)
            lead = line

    def sequence(self, value: list[Any], indent: int, lead: str) -> None:
        """The items of a list that is not empty, with `lead` as in `mapping`."""
        put = self.put
        line = "\n" + " " * indent
        for item in value:
            put(lead + "-")
            lead = line
            self.item(item, indent)

    def item(self, item: Any, indent: int) -> None:
        """What follows a `-`, or the `:` of a long key: blocks begin on the same line."""
        if isinstance(item, str):
            self.put(self.strings.get(item) or self.string(item, indent, indent + 2))
        elif isinstance(item, dict) and item:
            self.mapping(item, indent + 2, " ")
        elif isinstance(item, list) and item:
            self.sequence(item, indent + 2, " ")
        else:
            self.put(" " + _scalar(item))

    def string(self, text: str, indent: int, column: int) -> str:
        """A string with the space before it."""
        string = " " + yaml_strings.written(text, indent, column)
        if len(text) <= _REMEMBERED and not yaml_strings.is_foldable(text):
            self.strings[text] = string
        return string


def _key(key: Any, indent: int) -> str:
    """A key up to its colon. Keys that libyaml does not look ahead for get a line of their own."""
    if not isinstance(key, str):
        raise TypeError(f"a key is a {type(key).__name__}, not a string")
    if yaml_strings.is_long_key(key):
        return f"? {yaml_strings.written(key, indent, indent + 2)}\n{' ' * indent}:"
    start = yaml_strings.written(key, indent, None) + ":"
    if len(key) <= _REMEMBERED and is_ordinary(key) and len(_known_keys) < _KEYS_KEPT:
        _known_keys[key] = start
    return start


def _scalar(value: Any) -> str:
    """What is written without quotes, and the empty collections."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if INT_MIN <= value < UINT_END else yaml_text(float(value))
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError("JSON carries no infinity and no NaN")
        number = json_value(value)
        return _scalar(number) if isinstance(number, int) else yaml_text(value)
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"a {type(value).__name__} is nothing that JSON carries")
