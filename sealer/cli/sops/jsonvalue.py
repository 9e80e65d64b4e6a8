"""The value that `set` takes: JSON, read as the original reads it.

A bare number is a float; a list is refused; of an object, whole numbers stay whole. Source: main.go,
jsonValueToTreeInsertableValue.
"""

import json
from typing import NoReturn

from sealer.cli.sops.call import BAD_SET, Failed
from sealer.sops.errors import SopsError
from sealer.sops.tree import Value

_HINT = """a text needs its quotes: '"text"'"""


def parse(text: str) -> Value:
    """Raises: Failed, which never shows the value."""
    try:
        value = json.loads(text, parse_int=float, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise Failed("Value for --set is not valid JSON", BAD_SET, _HINT) from None
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        raise Failed("Value for --set is not valid JSON", BAD_SET, "the number is too large")
    if isinstance(value, list):
        raise Failed("Invalid --set value format", BAD_SET, "a list cannot be set as a whole; set its elements")
    if isinstance(value, dict):
        return _branch(text)
    return _text(value) if isinstance(value, str) else value


def _branch(text: str) -> Value:
    from sealer.sops.formats.base import by_name

    try:
        return by_name("json").read_plain(text.encode("utf-8", "replace"))[0]
    except SopsError:
        raise Failed("Invalid --set value format", BAD_SET) from None


def _text(value: str) -> str:
    """Half a surrogate pair becomes U+FFFD, as in Go."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refused(_: str) -> NoReturn:
    raise ValueError("no JSON")
