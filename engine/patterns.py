"""Patterns in the syntax of Go's regexp, by RE2: a hostile one costs no more time than a plain one.

Texts may carry bytes that are no UTF-8 as surrogates (`surrogateescape`); Go's engine sees U+FFFD for each of them.
"""

import re
from typing import Any

_LONGEST = 10_000
"""Bytes of a pattern."""
_MEMORY = 1 << 23
"""Bytes for a compiled pattern and its automata."""
_ESCAPE = re.compile(r"\\Q.*?(?:\\E|$)|\\(.)", re.DOTALL)
_NO_CHARACTER = re.compile("[\ud800-\udfff]")


class PatternError(Exception):
    """A text is no pattern, or one that is too large."""


def compiled(pattern: str) -> Any:
    r"""The compiled form, which searches bytes. `\C`, one byte, is RE2's alone and is refused.

    Raises: PatternError.
    """
    import re2

    if len(pattern) > _LONGEST:
        raise PatternError(f"a pattern has at most {_LONGEST} characters")
    if any(match[1] == "C" for match in _ESCAPE.finditer(pattern)):
        raise PatternError(r"\C is unknown")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern.encode(), options)
    except UnicodeEncodeError:
        raise PatternError("it is not text") from None
    except re2.error as error:
        raise PatternError(_reason(error)) from None


def shown(text: str) -> bytes:
    """A text as the engine is to see it."""
    if text.isascii():
        return text.encode()
    return _NO_CHARACTER.sub("\ufffd", text).encode()


def _reason(error: Exception) -> str:
    """RE2's words, which quote the part of the pattern that it cannot read."""
    first = error.args[0] if error.args else ""
    return first.decode(errors="replace") if isinstance(first, bytes) else str(first) or "too large"
