"""Ending a rendering, and greeting. Source: sprig functions.go."""

from typing import NoReturn

from engine.gotemplate.errors import Refused
from engine.gotemplate.table import Function, function


def _fail(_message: bytes) -> NoReturn:
    """The message stays untold: it may hold a secret."""
    raise Refused("the template ends itself (its own message is withheld, it may hold a value)")


FUNCTIONS: dict[str, Function] = {
    "fail": function("string", _fail),
    "hello": function("", lambda: b"Hello!"),
}
