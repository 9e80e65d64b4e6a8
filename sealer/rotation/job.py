"""The whole job over many files: read, reseal on all cores, write each file whole as it is done.

A file is written when all of its SealedSecrets could be resealed, and left alone when any could not. A SOPS file is one
thing, whatever is inside: to change a part of it would break its seal. Whatever is under the newest key keeps its
ciphertext, so a job that was ended half-way goes on where it stopped, and a second one writes nothing.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import KsealError
from engine.kube.documents import DEFAULT
from sealer.errors import FormatError, UnsealError
from sealer.keys import Fingerprint
from sealer.reseal import Resealed
from sealer.rotation import tree
from sealer.rotation.files import Found, SealedFile, may_hold_sealed
from sealer.rotation.kustomize import Kustomizations, Placed
from sealer.rotation.resealer import Resealer
from sealer.rotation.sops import MOST_BYTES, Rotated, SopsRotation, may_be_sops
from sealer.spread import usable_cores


class ObjectReport(NamedTuple):
    """What became of one SealedSecret: the key of each item as it was found, and the items that got new ciphertext."""

    file: str
    line: int
    ref: str
    keys: Mapping[str, Fingerprint]
    resealed: tuple[str, ...]
    error: KsealError | None = None


class FileReport(NamedTuple):
    """What became of one file. `data` is its new content, None where nothing changes."""

    path: str
    """How it is called: from the root of the job, where there is one."""
    file: str
    """Where it is."""
    objects: tuple[ObjectReport, ...] = ()
    data: bytes | None = None
    new: tuple[str, ...] = ()
    """The new ciphertext."""
    error: KsealError | None = None
    """Why the file as a whole could not be worked on."""
    sops: Rotated | None = None
    """What became of a SOPS file."""

    @property
    def is_failed(self) -> bool:
        return self.error is not None or any(report.error for report in self.objects)


class Job:
    """One run over paths: over SealedSecrets where there is a resealer, over SOPS files where `sops` is given.

    `namespace` is for objects that name none and that no kustomization places.

    `root` is a folder in which the paths begin and which reports leave out; `takes` says which files count, by their
    real paths.
    """

    def __init__(
        self,
        paths: Sequence[str],
        resealer: Resealer | None,
        *,
        sops: SopsRotation | None = None,
        namespace: str | None = None,
        root: Path | None = None,
        takes: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Raises: KsealError for paths that are not there."""
        self._resealer = resealer
        self._sops = sops
        self._root = root
        # In a root of ours nobody named a file: whoever wrote the repository chose what is a link there.
        self._named = frozenset(paths) if root is None else frozenset()
        self._namespace = namespace
        if root is not None:
            paths = [str(root / path) for path in paths]
            tree.require_inside(root, paths)
        files = list(tree.walk(paths, endings=("",) if sops else tree.ENDINGS))
        self._kustomizations = Kustomizations(files)
        self._files = [file for file in files if takes(os.path.realpath(file))]

    def __len__(self) -> int:
        return len(self._files)

    def run(self) -> Iterator[FileReport]:
        """The report of each file that holds SealedSecrets, is one of SOPS or cannot be read, in order.

        Raises: KsealError for what stops all work, such as a controller that does not answer.
        """
        workers = (self._resealer.at_once if self._resealer else None) or usable_cores()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="reseal")
        try:
            yield from (one for one in pool.map(self._file, self._files) if one.objects or one.sops or one.error)
        finally:
            pool.shutdown(cancel_futures=True)

    def _file(self, file: str) -> FileReport:
        path = os.path.relpath(file, self._root) if self._root else file
        try:
            data = self._read(file)
            if data is not None and self._sops and (rotated := self._sops.rotate(file, data)):
                return FileReport(path, file, data=rotated.data, sops=rotated)
            if data is None or self._resealer is None or not self._may_hold_sealed(file, data):
                return FileReport(path, file)
            sealed = SealedFile(data, source=path)
        except KsealError as error:
            return FileReport(path, file, error=error)
        results = [self._object(path, file, found) for found in sealed.found]
        new = {index: resealed.new for index, (_, resealed) in enumerate(results) if resealed and resealed.new}
        report = FileReport(path, file, tuple(report for report, _ in results))
        if report.is_failed or not new:
            return report
        try:
            changed = sealed.replaced(new)
        except FormatError as error:
            return report._replace(error=error)
        return report._replace(data=changed, new=tuple(text for items in new.values() for text in items.values()))

    def _read(self, file: str) -> bytes | None:
        """A file, None for one that by its name and its first character is nothing of ours. Raises: KsealError."""
        is_named = file in self._named
        if self._sops and not is_named and not file.endswith(tree.ENDINGS) and not may_be_sops(file):
            return None
        return tree.read(file, is_named=is_named, most=MOST_BYTES if self._sops else DEFAULT.bytes)

    def _may_hold_sealed(self, file: str, data: bytes) -> bool:
        if not may_hold_sealed(data) or not (file in self._named or file.endswith(tree.ENDINGS)):
            return False
        if len(data) > DEFAULT.bytes:
            raise KsealError(f"{len(data)} bytes are more than the {DEFAULT.bytes} that are read")
        return True

    def _object(self, path: str, file: str, found: Found) -> tuple[ObjectReport, Resealed | None]:
        report = ObjectReport(path, found.line, found.ref, {}, ())
        try:
            resealed = self._resealed(file, found)
        except (FormatError, UnsealError) as error:
            return report._replace(error=error), None
        return report._replace(keys=resealed.opened_by, resealed=tuple(sorted(resealed.new))), resealed

    def _resealed(self, file: str, found: Found) -> Resealed:
        """Try the object as it stands, then where a kustomization or `-n` would put it: only the right one opens.

        Raises: the error of the first try.
        """
        errors: list[UnsealError | FormatError] = []
        for raw in self._candidates(file, found):
            try:
                return self._resealer.reseal(raw)  # type: ignore[union-attr]  # without one, no object is looked at
            except (UnsealError, FormatError) as error:
                errors.append(error)
        if "/" not in found.ref and errors[0].hint is None:
            errors[0].hint = "the file names no namespace; say with --namespace where the object lives"
        raise errors[0]

    def _candidates(self, file: str, found: Found) -> Iterable[Mapping[str, Any]]:
        yield found.raw
        placed = self._kustomizations.places(file)
        if self._namespace:
            placed.insert(0, Placed(self._namespace))
        yield from (place.put(found.raw) for place in placed if place != Placed())
