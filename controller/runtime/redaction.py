"""What a log line may show of a value: names and numbers, never content. Pure.

Two nets. The first is by type and name: bytes, `Sensitive`, unknown objects and everything under a name such as `data`
or `token` are hidden, and of foreign exceptions only the type and the place are told, since their texts may quote what
was processed. The second, for texts, cuts out what looks like a key, a token or the body of a Secret; it cannot know
every secret, and is there for the mistake that got past the first.
"""

import errno
import re
import traceback
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

from engine.errors import KsealError
from engine.kube.refs import ObjectRef
from engine.sensitive import REDACTED, Sensitive

TEXT_LIMIT: Final = 2048
"""Characters of one text."""

_ITEMS: Final = 32  # of a list or a mapping
_DEPTH: Final = 4
_CAUSES: Final = 4

_HIDDEN_NAMES: Final = frozenset({"data", "stringdata", "binarydata", "encrypteddata", "body", "plaintext", "tlskey"})
_HIDDEN_ENDINGS: Final = (
    "token",
    "password",
    "passphrase",
    "authorization",
    "privatekey",
    "clientkey",
    "apikey",
    "credentials",
    "cookie",
)

# From here to the end of the text nothing may be shown: bodies of Secrets in JSON, YAML or Go's notation, values that
# an API server quotes in a refusal, private keys.
_BODY: Final = re.compile(
    r"""["']?\b(?:stringData|binaryData|data)["']?\s*[:=]\s*(?:[\[{\n]|map\[)"""
    r"""|\bInvalid\ value:"""
    r"""|-----BEGIN[A-Z ]*PRIVATE\ KEY""",
    re.VERBOSE,
)
# Each pattern starts at few places and reaches only so far, so that no text is slow to search.
_TOKENS: Final = (
    (re.compile(r"\b(Bearer|Basic)\s{1,8}[\w.~+/=-]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]{8,512}\.[\w-]{8,}(?:\.[\w-]*)?"), REDACTED),  # a JSON Web Token
    (re.compile(r"(://)[^/\s@:]{0,64}:[^/\s@]{0,256}@"), rf"\1{REDACTED}@"),  # a password in a URL
    (re.compile(r"(?<![A-Za-z0-9+/])(?=[a-z0-9/]*[A-Z+])[A-Za-z0-9+/]{88,}={0,2}"), REDACTED),  # 64 bytes in base64
)


def shown(value: object, *, name: str = "", depth: int = 0) -> Any:
    """What may be shown of `value` under `name`, as JSON-able data."""
    if value is None or isinstance(value, bool):
        return value
    if _hides(name) or isinstance(value, Sensitive | bytes | bytearray | memoryview):
        return REDACTED
    if isinstance(value, Enum):
        return shown(value.value, depth=depth)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str | ObjectRef | PurePath):
        return safe_text(str(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, BaseException):
        return described(value)
    return _shown_inside(value, depth)


def safe_text(text: str) -> str:
    """A text of bounded length without what looks like a secret."""
    body = _BODY.search(text[: 8 * TEXT_LIMIT])
    kept = text[: body.start() if body else TEXT_LIMIT]
    for pattern, replacement in _TOKENS:
        kept = pattern.sub(replacement, kept)
    if body:
        return kept[:TEXT_LIMIT] + REDACTED
    return kept if len(text) <= TEXT_LIMIT else kept + "…"


def described(error: BaseException) -> str:
    """An exception and its causes: our own by their messages, foreign ones by type and place."""
    parts: list[str] = []
    current: BaseException | None = error
    while current is not None and len(parts) < _CAUSES:
        parts.append(_described_one(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " <- ".join(parts)


def _described_one(error: BaseException) -> str:
    if isinstance(error, KsealError):
        return safe_text(error.message)
    name = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        name += f" {errno.errorcode.get(error.errno, error.errno)}"
    place = _place(error)
    return f"{name} at {place}" if place else name


def _place(error: BaseException) -> str:
    """`folder/file.py:LINE` of where it was raised; empty when it never was."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{'/'.join(PurePath(frames[0].filename).parts[-2:])}:{frames[0].lineno}" if frames else ""


def _hides(name: str) -> bool:
    plain = "".join(character for character in name.lower() if character.isalnum())
    return plain in _HIDDEN_NAMES or plain.endswith(_HIDDEN_ENDINGS)


def _shown_inside(value: object, depth: int) -> Any:
    if depth < _DEPTH and isinstance(value, Mapping):
        return {safe_text(str(key)): shown(item, name=str(key), depth=depth + 1) for key, item in _some(value.items())}
    if depth < _DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [shown(item, depth=depth + 1) for item in _some(value)]
    return f"<{type(value).__name__}>"  # its text could be anything


def _some(items: Iterable[Any]) -> Iterable[Any]:
    return (item for _, item in zip(range(_ITEMS), items, strict=False))
