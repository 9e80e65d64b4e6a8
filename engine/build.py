"""From a source and what a resource adds to it to the objects that are applied.

Plain code builds what it is known to build exactly, the real kustomize in its jail the rest. What was built is kept by
the digest of all that it was built from, never when something was decrypted on the way.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from engine.buildcache import BuildCache
from engine.kube.documents import Limits
from engine.kube.yaml import Dialect, YamlError, read_all
from engine.render import native
from engine.render.base import (
    Bounds,
    BuildError,
    Files,
    FolderError,
    LimitError,
    OutsideError,
    Overlay,
    Unusual,
    clamped,
)
from engine.render.closure import Closure, Reader, closure
from engine.render.encrypted import decrypted
from engine.render.generate import generate
from engine.render.jail import Jail
from engine.render.kustomize import Kustomize
from engine.render.remote import Remote
from engine.render.scratch import sweep

__all__ = [
    "Bounds",
    "BuildError",
    "Builder",
    "Built",
    "Decryptor",
    "FolderError",
    "LimitError",
    "OutsideError",
    "Overlay",
]

_VERSION: Final = "1"
"""Of the plain code; with each change of what it builds, what was kept before is worth nothing."""
_WORTH_KEEPING: Final = 64 * 1024
"""Bytes of input from which on reading a kept result is quicker than building it in plain code."""
_KUSTOMIZE_GROUP: Final = "kustomize.config.k8s.io/"


class Decryptor(Protocol):
    """Opens what is encrypted: `sealer.sops.decryptor.Decryptor` is one."""

    def check(self, data: bytes, place: str, form: str | None = None) -> bool:
        """Look at the seals of a file that resources come from."""

    def file(self, data: bytes, place: str, form: str) -> bytes:
        """What a generator or a patch reads; one that is not encrypted comes back as it is."""

    def resource(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """A built object in plain text; one without anything encrypted comes back as it is."""


@dataclass(frozen=True, slots=True)
class Built:
    """The objects of a build, which nobody changes."""

    objects: tuple[dict[str, Any], ...]
    """In the renderer's order, after decryption."""
    key: str
    """Digest of all inputs: equal keys mean equal objects, before decryption."""


class Builder:
    """Builds; used by many threads at once."""

    def __init__(
        self,
        *,
        kustomize: Path | None,
        jail: Jail,
        cache: BuildCache | None,
        remote_bases: bool,
        scratch: Path,
        remote: Remote | None = None,
        bounds: Bounds | None = None,
        plain: bool = True,
    ) -> None:
        """`scratch` is a folder on a memory file system, where what killed processes left is removed now.

        Without `kustomize` only what plain code knows is built; without `plain` the real program builds all.
        Remote bases are fetched by `remote`, such as `engine.remotebases.RemoteBases`, where `remote_bases` allows it.
        """
        self._bounds = bounds or Bounds()
        self._kustomize = Kustomize(kustomize, jail, scratch, self._bounds) if kustomize else None
        self._program = kustomize
        self._program_digest: str | None = None
        self._cache = cache
        self._remote = remote if remote_bases else None
        self._plain = plain
        self._reader = Reader()
        sweep(scratch)

    def key(self, tree: Files, overlay: Overlay) -> str:
        """The key that a build would have: kustomization files are read, of the others the digests.

        Raises: BuildError when the closure cannot be resolved.
        """
        return self._key(self._closure(tree, overlay))

    def build(self, tree: Files, overlay: Overlay, *, decryptor: Decryptor | None = None) -> Built:
        """The objects of an overlay. Raises: BuildError, and with a decryptor what that raises."""
        found = self._closure(tree, overlay)
        key = self._key(found)
        if decryptor is None:
            kept = self._cache.get(key) if self._cache else None
            if kept is not None:
                return Built(tuple(kept), key)
            objects, is_worth_keeping = self._rendered(found, found.rewritten, is_secret=False)
            objects = list(_applied(objects, found))
            if self._cache and is_worth_keeping:
                self._cache.put(key, objects)
            return Built(tuple(objects), key)
        for path in sorted(found.manifests):
            decryptor.check(found.source.read(path), path)
        changed = decrypted(found.source, found, decryptor)
        objects, _ = self._rendered(found, {**found.rewritten, **changed}, is_secret=bool(changed))
        return Built(tuple(_applied(objects, found, decryptor.resource)), key)

    def _closure(self, tree: Files, overlay: Overlay) -> Closure:
        root = generate(tree, overlay)
        folder = clamped(overlay.path)
        return closure(tree, root, folder, reader=self._reader, bounds=self._bounds, remote=self._remote)

    def _key(self, found: Closure) -> str:
        digest = hashlib.sha256(f"{_VERSION}\n{self._renderer()}\n".encode())
        root = [found.folder, found.root.path, found.root.value]
        digest.update(json.dumps(root, sort_keys=True, separators=(",", ":")).encode())
        known = found.source.files
        for path in sorted(found.files):
            digest.update(f"\n{len(path)}:".encode() + path.encode("utf-8", "surrogateescape"))
            digest.update(f":{known[path].digest}".encode())
        return digest.hexdigest()

    def _renderer(self) -> str:
        """Which program it is: its content, since a new version may print something else. Raises: BuildError."""
        if self._program is None:
            return ""
        if self._program_digest is None:
            try:
                with self._program.open("rb") as file:
                    self._program_digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise BuildError(
                    f"{self._program}: {(error.strerror or str(error)).lower()}", "where is kustomize?"
                ) from error
        return self._program_digest

    def _rendered(
        self, found: Closure, changed: Mapping[str, bytes], *, is_secret: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """The objects, and whether making them took long enough to keep them. Raises: BuildError."""
        problem: BuildError | None = None
        if self._plain:
            try:
                objects = native.build(found.source, found, changed, self._bounds)
            except Unusual:
                pass
            except LimitError:
                raise
            except BuildError as error:
                problem = error  # which names file and line; but only kustomize knows whether it is one
            else:
                return objects, sum(map(_size(found.source), found.files)) >= _WORTH_KEEPING
        if self._kustomize is None:
            raise problem or BuildError(
                f"{found.root.path}: needs kustomize, and there is none", "install kustomize, or name it by its path"
            )
        try:
            output = self._kustomize.build(found.source, found, changed, is_secret=is_secret)
        except LimitError:
            raise
        except BuildError as error:
            raise (problem or error) from None
        return self._read(output, found), True

    def _read(self, output: bytes, found: Closure) -> list[dict[str, Any]]:
        limits = Limits(bytes=self._bounds.output_bytes, documents=self._bounds.objects)
        try:
            values = read_all(output, dialect=Dialect.V2, source="what kustomize prints", limits=limits)
        except YamlError as error:
            raise BuildError(f"{found.root.path}: {error.message}", error.hint) from None
        return [value for value in values if isinstance(value, dict)]


def _size(tree: Files) -> Callable[[str], int]:
    known = tree.files
    return lambda path: known[path].size


def _applied(
    objects: list[dict[str, Any]],
    found: Closure,
    opened: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Iterator[dict[str, Any]]:
    """What of a build is applied: all with a name, the items of lists, and no kustomizations of kustomize itself.

    Source: fluxcd/kustomize-controller, build; fluxcd/pkg ssa/utils/object.go, ReadObjects.
    """
    for one in objects:
        if not _is_object(one):
            raise BuildError(
                f"{found.root.path}: an object without apiVersion, kind or name", "every object needs all three"
            )
        raw = one if opened is None else opened(one)
        items = raw.get("items")
        if isinstance(items, list):
            yield from (dict(item) for item in items if isinstance(item, Mapping))
        elif _is_object(raw) and not _is_kustomization(raw):
            yield raw if isinstance(raw, dict) else dict(raw)


def _is_object(raw: Mapping[str, Any]) -> bool:
    metadata = raw.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return all(isinstance(text, str) and text for text in (name, raw.get("kind"), raw.get("apiVersion")))


def _is_kustomization(raw: Mapping[str, Any]) -> bool:
    return str(raw["kind"]).lower() == "kustomization" and str(raw["apiVersion"]).startswith(_KUSTOMIZE_GROUP)
