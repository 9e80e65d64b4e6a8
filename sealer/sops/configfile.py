"""The text of `.sops.yaml`: found, read within limits, and its fields taken apart with the place in every error.

Source: getsops/sops config.go; its field types are what `yaml.Unmarshal` accepts.
"""

import os
from collections.abc import Mapping
from typing import Any

from sealer.sops.errors import ConfigError

NAME = ".sops.yaml"
OTHER_NAME = ".sops.yml"
_PARENTS = 100
LARGEST = 1 << 20
_DEEPEST = 40
_NODES = 200_000
_OLD_WORDS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
}


class Found:
    """Where the configuration is, None for nowhere, and what to warn of."""

    __slots__ = ("path", "warning")

    def __init__(self, path: str | None, warning: str = "") -> None:
        self.path = path
        self.warning = warning


def find(folder: str = ".") -> Found:
    """Look for `.sops.yaml` in a folder and up to 99 of its parents, which a relative path names by `..`."""
    other = ""
    for _ in range(_PARENTS):
        path = os.path.normpath(os.path.join(folder, NAME))  # noqa: PTH118  # pathlib would cost 3 ms
        if os.path.exists(path):  # noqa: PTH110  # the same
            using = f'; using "{path}" instead' if other else ""
            return Found(path, other and _warning(other) + using)
        beside = os.path.normpath(os.path.join(folder, OTHER_NAME))  # noqa: PTH118  # the same
        if not other and os.path.exists(beside):  # noqa: PTH110  # the same
            other = beside
        folder = os.path.join(folder, "..")  # noqa: PTH118  # the same
    return Found(None, other and _warning(other))


def parse(data: bytes, source: str) -> "Fields":
    """The mapping at the top; an empty file is an empty one. Raises: ConfigError."""
    from engine.kube.documents import DocumentError, Limits
    from engine.kube.yaml import Dialect, read_all

    limits = Limits(bytes=LARGEST, depth=_DEEPEST, nodes=_NODES, aliased=_NODES // 10, documents=10)
    try:
        documents = read_all(data, dialect=Dialect.V3, source=source, limits=limits)
    except DocumentError as error:
        raise ConfigError(f"error loading config: {error.message}", error.hint) from error
    return Fields(documents[0] if documents else {}, source, "")


class Fields:
    """A mapping of the file. Unknown fields are passed over, as the original does."""

    __slots__ = ("place", "source", "values")

    def __init__(self, value: object, source: str, place: str) -> None:
        """`place` is where the mapping stands, `creation_rules[0]`; empty for the file itself. Raises: ConfigError."""
        self.source = source
        self.place = place
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.error("", "a mapping", value)
        self.values: Mapping[str, Any] = value

    def text(self, name: str) -> str:
        """A string, empty where it is absent. Raises: ConfigError."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(name, "a string", value)
        return value

    def number(self, name: str, default: int = 0) -> int:
        """A whole number. Raises: ConfigError."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(name, "a number", value)
        return value

    def flag(self, name: str) -> bool:
        """True or false, also in the words of YAML 1.1, as Go takes them here. Raises: ConfigError."""
        value = self.values.get(name)
        if value is None:
            return False
        if isinstance(value, str):
            value = _OLD_WORDS.get(value, value)
        if not isinstance(value, bool):
            raise self.error(name, "true or false", value)
        return value

    def mapping(self, name: str) -> "Fields":
        """A mapping, empty where it is absent. Raises: ConfigError."""
        return Fields(self.values.get(name), self.source, self._at(name))

    def texts(self, name: str) -> list[str]:
        """A list of strings, without its nulls, which Go leaves out. Raises: ConfigError."""
        return self._strings(name, [item for item in self._items(name) if item is not None])

    def _strings(self, name: str, items: list[Any]) -> list[str]:
        for number, item in enumerate(items):
            if not isinstance(item, str):
                raise self.error(f"{name}[{number}]", "a string", item)
        return items

    def mappings(self, name: str) -> "list[Fields]":
        """A list of mappings, without its nulls, which Go leaves out. Raises: ConfigError."""
        return [
            Fields(item, self.source, self._at(f"{name}[{number}]"))
            for number, item in enumerate(self._items(name))
            if item is not None
        ]

    def texts_or_list(self, name: str) -> list[str]:
        """A comma-separated string, whose empty members do not count, or a list of strings. Raises: ConfigError."""
        value = self.values.get(name)
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return self._strings(name, self._items(name))

    def error(self, name: str, expected: str, value: object) -> ConfigError:
        """What is wrong with a field; its value is not shown, it may be a secret in the wrong place."""
        place = self._at(name)
        where = f"{self.source}: {place}" if place else self.source
        quote = "; quote it" if expected == "a string" and isinstance(value, int | float) else ""
        return ConfigError(f"error loading config: {where}: expected {expected}, got {_kind(value)}{quote}")

    def _items(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(name, "a list", value)
        return value

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place and name else self.place or name


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")


def _warning(other: str) -> str:
    return f'ignoring "{other}" when searching for config file; the config file must be called "{NAME}"'
