"""One line of a controller's log, ours or Flux's, as JSON or as Go's slog writes text: what it is about, and its words.

Lines come from a cluster and may hold anything; what cannot be read is a message of no level about nothing.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sealer.cli.terminal import printable

LEVELS: Final = ("debug", "info", "warning", "error")
_RANKS: Final = {"debug": 0, "trace": 0, "info": 1, "warn": 2, "warning": 2, "error": 3, "critical": 3, "fatal": 3}
_PAIR: Final = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|\S*)')
_LONGEST: Final = 20_000  # characters of a line that are looked at
_OWN: Final = frozenset({"ts", "time", "level", "msg", "ref", "kind", "controllerKind", "reconciler kind", "name",
                         "namespace", "controller", "controllerGroup", "reconcileID"})  # fmt: skip


class Line(NamedTuple):
    """A line; empty where it does not say."""

    level: str
    kind: str
    namespace: str
    name: str
    text: str
    """For a person: time, level, object, message, and the other fields."""


class Wanted(NamedTuple):
    """Which lines are shown; an empty word asks for nothing."""

    kind: str = ""
    name: str = ""
    namespace: str = ""
    level: str = ""

    def fits(self, line: Line) -> bool:
        """Whether a line is one of them."""
        return (
            self.kind.lower() in ("", line.kind.lower())
            and self.name in ("", line.name)
            and self.namespace in ("", line.namespace)
            and (not self.level or _RANKS.get(line.level, -1) >= _RANKS[self.level])
        )


def parse(raw: str) -> Line:
    """Read one line."""
    raw = raw[:_LONGEST]
    fields = _fields(raw)
    message = _text(fields, "msg")
    if not message:
        return Line("", "", "", "", printable(raw))
    level = _text(fields, "level").lower()
    kind, namespace, name = _about(fields)
    about = "/".join(part for part in (kind, namespace, name) if part)
    rest = " ".join(f"{key}={_shown(value)}" for key, value in fields.items() if not _is_own(key, value))
    moment = _text(fields, "ts") or _text(fields, "time")
    words = (moment, level, about, message, rest)
    return Line(level, kind, namespace, name, printable(" ".join(word for word in words if word)))


def _fields(raw: str) -> Mapping[str, Any]:
    if raw.lstrip().startswith("{"):
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
    return {pair[1]: _unquoted(pair[2]) for pair in _PAIR.finditer(raw)}


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text[1:-1])


def _about(fields: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name: of our `ref`, or of the fields of controller-runtime."""
    parts = _text(fields, "ref").split("/")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    kind = _text(fields, "controllerKind") or _text(fields, "reconciler kind") or _text(fields, "kind")
    return kind, _text(fields, "namespace"), _text(fields, "name")


def _is_own(key: str, value: object) -> bool:
    """Whether a field stands in front already; controller-runtime repeats the object under the name of its kind."""
    return key in _OWN or (isinstance(value, dict) and value.keys() <= {"name", "namespace"})


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text or text == "" else text


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
