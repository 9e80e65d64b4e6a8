"""Three versions of a file with SealedSecrets to one. No key is needed: an item is ciphertext that a side replaced.

Git's own merge of lines goes first. Where it gives up, as it does for changes in neighbouring lines, the items are
merged one by one, and lines only decide about the rest: all versions are given the same items for that.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.errors import KsealError
from sealer.errors import FormatError
from sealer.objectfile import ObjectFile, Placed
from sealer.sealedsecret import API_VERSION, KIND, SealedSecret, parse
from sealer.sops.tree import Branch
from sealer.versions.outcome import Outcome
from sealer.versions.threeway import Merge, tree

LineMerge = Callable[[bytes, bytes, bytes], tuple[bytes, bool]]
"""Base, ours and theirs as lines: the result, which says what ours does where both differ, and whether they did."""

_Items = dict[str, str]
_Ref = tuple[str, str]
"""Namespace and name."""


class _Version:
    """One version: its file, and its SealedSecrets by namespace and name."""

    def __init__(self, name: str, data: bytes, source: str) -> None:
        self.objects: dict[_Ref, Placed] = {}
        self.sealed: dict[_Ref, SealedSecret] = {}
        try:
            self.file = ObjectFile(data, source=source)
            for placed in self.file.objects:
                if (placed.raw.get("kind"), placed.raw.get("apiVersion")) != (KIND, API_VERSION):
                    continue
                one = parse(placed.raw)
                ref = one.namespace, one.name
                if ref in self.objects:
                    raise FormatError(f"{placed.place}: there twice")
                self.objects[ref], self.sealed[ref] = placed, one
        except KsealError as error:
            raise FormatError(f"{name}: {error.message}", error.hint) from error

    def with_items(self, wanted: Mapping[_Ref, _Items]) -> bytes:
        """The file with just these items in the SealedSecrets that are named."""
        changes = []
        for ref, items in wanted.items():
            if ref not in self.objects:
                continue
            has = self.sealed[ref].encrypted_data
            change = {
                **dict.fromkeys(has.keys() - items.keys()),
                **{key: text for key, text in items.items() if has.get(key) != text},
            }
            if change:
                changes.append((self.objects[ref], {"spec": {"encryptedData": change}}))
        return self.file.patched(changes)


class _Versions(NamedTuple):
    base: _Version
    ours: _Version
    theirs: _Version


def merged(base: bytes, ours: bytes, theirs: bytes, source: str, line_merge: LineMerge) -> Outcome:
    """The merged file; `base` is empty where both sides added it.

    Raises: FormatError for a version that cannot be read, or not be edited in place, and where one side changed the
    scope to which the other side's items are bound.
    """
    versions = _Versions(
        _Version("the common version", base, source),
        _Version("ours", ours, source),
        _Version("theirs", theirs, source),
    )
    shared = [ref for ref in versions.ours.objects if ref in versions.theirs.objects]
    conflicts: list[str] = []
    wanted = {ref: _items(versions, ref, conflicts) for ref in shared}
    by_line, is_clean = line_merge(base, ours, theirs)
    if is_clean and not conflicts and _has(by_line, source, wanted):
        return Outcome(by_line)
    even = {ref: _even(versions, ref) for ref in shared}
    rest, is_clean = line_merge(*(version.with_items(even) for version in versions))
    if not is_clean:
        conflicts += _other_conflicts(versions, shared)
    return Outcome(_Version("the merged file", rest, source).with_items(wanted), tuple(conflicts))


def _items(versions: _Versions, ref: _Ref, conflicts: list[str]) -> _Items:
    """The merged items of one SealedSecret; where both sides changed one, ours."""
    sealed = [version.sealed.get(ref) for version in versions]
    base, ours, theirs = [one.encrypted_data if one else {} for one in sealed]
    path = f"{KIND}/{'/'.join(filter(None, ref))}: spec.encryptedData"
    mine, its = versions.ours.sealed[ref], versions.theirs.sealed[ref]
    if mine.label != its.label and base not in (ours, theirs):
        raise FormatError(
            f"{path}: both sides changed items, for two scopes", "take one side, and seal the other's items again"
        )
    merge = Merge()
    result = merge.value(tree(base), tree(ours), tree(theirs), path)
    conflicts += merge.conflicts
    return {str(key): str(text) for key, text in result} if isinstance(result, Branch) else ours


def _even(versions: _Versions, ref: _Ref) -> _Items:
    """Items that can be put into every version without moving a line of it: those that all have, with one value."""
    having = [version.sealed[ref].encrypted_data for version in versions if ref in version.sealed]
    return {key: text for key, text in having[0].items() if all(key in one for one in having)}


def _has(data: bytes, source: str, wanted: Mapping[_Ref, _Items]) -> bool:
    """Whether a file reads, and has the items that are wanted: lines can also merge to something else."""
    try:
        version = _Version("the merged file", data, source)
    except KsealError:
        return False
    return all(ref in version.sealed and version.sealed[ref].encrypted_data == items for ref, items in wanted.items())


def _other_conflicts(versions: _Versions, shared: list[_Ref]) -> list[str]:
    """The fields that both sides changed, besides items; the file itself, where it is something between the objects."""
    merge = Merge()
    for ref in shared:
        base, ours, theirs = (tree(_without_items(version.objects.get(ref))) for version in versions)
        merge.value(base, ours, theirs, f"{KIND}/{'/'.join(filter(None, ref))}: ")
    return merge.conflicts or ["the file, in lines outside of encryptedData"]


def _without_items(placed: Placed | None) -> dict[str, object]:
    if placed is None:
        return {}
    spec = placed.raw.get("spec")
    rest = {key: value for key, value in spec.items() if key != "encryptedData"} if isinstance(spec, dict) else spec
    return {**placed.raw, "spec": rest}
