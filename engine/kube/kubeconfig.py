"""Kubeconfig files: read, merge as kubectl merges, and find entries with their files for errors."""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.kube.errors import ConfigError


class Entry(NamedTuple):
    """One named cluster, user or context, and the file it stands in."""

    kind: str
    name: str
    file: Path
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return f"kubeconfig {self.file}: {self.kind} {_shown(self.name)}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def text(self, field: str) -> str | None:
        """Raises: ConfigError for anything but text."""
        value = self.fields.get(field)
        if value is None or isinstance(value, str):
            return value or None
        raise ConfigError(f"{self}: {field} is no text", "quote it" if isinstance(value, int | float) else None)

    def flag(self, field: str) -> bool:
        """Raises: ConfigError for anything but true and false."""
        value = self.fields.get(field)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise ConfigError(f"{self}: {field} must be true or false")

    def path(self, field: str) -> Path | None:
        """A file; a relative one is meant from where the kubeconfig is."""
        text = self.text(field)
        return None if text is None else self.file.absolute().parent / text

    def data(self, field: str) -> bytes | None:
        """Raises: ConfigError for anything but base64."""
        text = self.text(field)
        if text is None:
            return None
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(f"{self}: {field} is no base64") from None

    def mapping(self, field: str) -> Mapping[str, Any] | None:
        """Raises: ConfigError for anything but a mapping."""
        value = self.fields.get(field)
        if value is None or isinstance(value, dict):
            return value
        raise ConfigError(f"{self}: {field} must be a mapping")

    def file_or_data(self, field: str) -> Path | bytes | None:
        """`FIELD-data` wins over the file that FIELD names."""
        return self.data(f"{field}-data") or self.path(field)


class KubeConfig(NamedTuple):
    """Several files as one. The first file that has an entry, or names a current context, decides it.

    Source: k8s.io/client-go tools/clientcmd/loader.go, ClientConfigLoadingRules.Load.
    """

    files: tuple[Path, ...]
    """Where we looked, whether or not a file was there."""
    current_context: str | None
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]

    @property
    def is_empty(self) -> bool:
        return not (self.clusters or self.users or self.contexts)

    def find(self, kind: str, name: str) -> Entry:
        """The entry of that name. Raises: ConfigError with the names that there are."""
        entries = {"cluster": self.clusters, "user": self.users, "context": self.contexts}[kind]
        if name not in entries:
            raise ConfigError(f"kubeconfig {self.where}: {kind} {_shown(name)} not found (has: {names(entries)})")
        return entries[name]

    @property
    def where(self) -> str:
        """The files, as KUBECONFIG writes them."""
        return os.pathsep.join(map(str, self.files))


def read(kubeconfig: str | None, environ: Mapping[str, str]) -> KubeConfig:
    """The file that was asked for, else all of KUBECONFIG, else `~/.kube/config`; of the latter, any may be missing.

    Raises: ConfigError, YamlError.
    """
    if kubeconfig:
        if not Path(kubeconfig).exists():
            raise ConfigError(f"kubeconfig {kubeconfig}: no such file")
        return _merge([Path(kubeconfig)])
    if names := [name for name in environ.get("KUBECONFIG", "").split(os.pathsep) if name]:
        return _merge([Path(name) for name in dict.fromkeys(names)])
    home = environ.get("HOME")
    return _merge([Path(home, ".kube", "config")] if home else [])


def of_data(data: bytes, called: str) -> KubeConfig:
    """One that somebody else wrote; `called` is how errors name it. Raises: ConfigError, YamlError."""
    return _joined({Path(called): _document(data, Path(called))})


def _merge(files: list[Path]) -> KubeConfig:
    return _joined({file: _read_file(file) for file in files})


def _joined(files: Mapping[Path, Mapping[str, Any]]) -> KubeConfig:
    merged: dict[str, dict[str, Entry]] = {"cluster": {}, "user": {}, "context": {}}
    current = None
    for file, document in files.items():
        chosen = Entry("file", "", file, document).text("current-context")
        current = current or chosen
        for kind, entries in merged.items():
            for name, entry in _entries(document, kind, file).items():
                entries.setdefault(name, entry)
    return KubeConfig(tuple(files), current, merged["cluster"], merged["user"], merged["context"])


def _read_file(file: Path) -> Mapping[str, Any]:
    from engine.kube.yaml import DEFAULT  # not needed in a pod, which has no kubeconfig

    try:
        with file.open("rb") as opened:
            content = opened.read(DEFAULT.bytes + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"kubeconfig {file}: {error.strerror}") from error
    if len(content) > DEFAULT.bytes:  # a device would fill the memory before any reader sees it
        raise ConfigError(
            f"kubeconfig {file}: more than the {DEFAULT.bytes} bytes that are read", "is it the file that was meant?"
        )
    return _document(content, file)


def _document(content: bytes, file: Path) -> Mapping[str, Any]:
    from engine.kube.yaml import Dialect, read_all

    documents = read_all(content, dialect=Dialect.V2, source=f"kubeconfig {file}")
    document = documents[0] if documents else {}  # kubectl too reads the first document only
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise ConfigError(f"kubeconfig {file}: this is no kubeconfig", "its kind must be Config")
    return document


def _entries(document: Mapping[str, Any], kind: str, file: Path) -> dict[str, Entry]:
    """`clusters: [{name: a, cluster: {...}}, ...]` by name."""
    items = document.get(f"{kind}s")
    if items is not None and not isinstance(items, list):
        raise ConfigError(f"kubeconfig {file}: {kind}s must be a list")
    entries: dict[str, Entry] = {}
    for place, item in enumerate(items or ()):
        name = item.get("name", "") if isinstance(item, dict) else None
        fields = (item.get(kind) or {}) if isinstance(item, dict) else None
        if not isinstance(name, str) or not isinstance(fields, dict):
            raise ConfigError(f"kubeconfig {file}: {kind}s[{place}] must have a name and a {kind}")
        if name in entries:
            raise ConfigError(f"kubeconfig {file}: {kind} {_shown(name)} is there twice")
        entries[name] = Entry(kind, name, file, fields)
    return entries


def names(entries: Mapping[str, Entry]) -> str:
    """The names that there are, for an error."""
    return ", ".join(name if name.isprintable() else ascii(name) for name in sorted(entries)) or "none"


def _shown(name: str) -> str:
    return f'"{name}"' if name.isprintable() else ascii(name)
