"""In which namespaces, and under which names, kustomizations place the objects of a file.

A SealedSecret in a kustomize base often names no namespace; it was sealed for the one that a kustomization sets. The
folders are only read, for `namespace`, `namePrefix`, `nameSuffix` and what they include; nothing is built.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from engine.errors import KsealError
from engine.kube.yaml import Dialect, read_all
from sealer.rotation import tree

FILES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_PLACES: Final = 32
_MOST_DEEP: Final = 16


class Placed(NamedTuple):
    """What a kustomization, or a chain of them, makes of an object's namespace and name."""

    namespace: str = ""
    prefix: str = ""
    suffix: str = ""

    def inside(self, outer: "Placed") -> "Placed":
        """The same seen from the kustomization that includes it, whose word is the last."""
        return Placed(outer.namespace or self.namespace, outer.prefix + self.prefix, self.suffix + outer.suffix)

    def put(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The object as it arrives in the cluster: the kustomization's namespace wins over its own."""
        given = raw.get("metadata")
        metadata = dict(given) if isinstance(given, Mapping) else {}
        metadata["namespace"] = self.namespace or metadata.get("namespace")
        if isinstance(name := metadata.get("name"), str):
            metadata["name"] = self.prefix + name + self.suffix
        return {**raw, "metadata": metadata}


class Kustomizations:
    """The kustomizations among some files. One that cannot be read counts as absent: it places nothing."""

    def __init__(self, files: Iterable[str]) -> None:
        self._own: dict[str, Placed] = {}
        self._includers: dict[str, list[str]] = {}
        for file in files:
            if Path(file).name in FILES:
                self._add(os.path.realpath(file))

    def places(self, file: str) -> list[Placed]:
        """Where the objects of a file may go, the outermost kustomization last; empty when none includes it."""
        found: list[Placed] = []
        for folder in self._includers.get(os.path.realpath(file), []):
            self._climb(folder, Placed(), 0, found)
        return found

    def _climb(self, folder: str, inner: Placed, depth: int, found: list[Placed]) -> None:
        if depth > _MOST_DEEP or len(found) >= _MOST_PLACES:
            return  # also the end of folders that include each other
        placed = inner.inside(self._own[folder])
        if placed not in found:
            found.append(placed)
        for includer in self._includers.get(folder, []):
            self._climb(includer, placed, depth + 1, found)

    def _add(self, file: str) -> None:
        try:
            documents = read_all(tree.read(file), dialect=Dialect.V3, source=file)
        except KsealError:
            return
        if len(documents) != 1 or not isinstance(documents[0], dict):
            return
        folder, given = str(Path(file).parent), documents[0]
        self._own[folder] = Placed(*(_text(given.get(key)) for key in ("namespace", "namePrefix", "nameSuffix")))
        for entry in _included(given):
            if "://" not in entry:
                self._includers.setdefault(os.path.realpath(Path(folder, entry)), []).append(folder)


def _included(given: Mapping[str, Any]) -> Iterable[str]:
    """The files and folders that a kustomization names; patches too, since they may carry sealed items."""
    for key in ("resources", "bases", "components", "patchesStrategicMerge", "patches"):
        entries = given.get(key)
        for entry in entries if isinstance(entries, list) else []:
            path = entry.get("path") if isinstance(entry, dict) else entry
            if isinstance(path, str) and "\n" not in path:
                yield path


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
