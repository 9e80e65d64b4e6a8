"""A file of Kubernetes objects that is edited where they stand: what is not meant keeps every byte.

After the edits the text is read again and compared with what was meant; a file that would mean anything else is
refused, so that an odd style costs an error and never a value.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.errors import KsealError
from engine.kube import manifest
from engine.kube.documents import DEFAULT, Limits
from sealer import patch
from sealer.errors import FormatError
from sealer.rotation import marks

_MARK = "\ufeff"


class Placed(NamedTuple):
    """One object of a file. `raw` is the whole object, what a typed list says of its items included."""

    raw: Mapping[str, Any]
    place: str
    """How messages call it: `db.yaml: document 2 (line 9): Secret/shop/db`."""
    spot: marks.Spot
    path: tuple[int | str, ...]
    """Index among the documents, then keys and indices inside."""
    is_typed: bool
    """Whether a list says its kind in its place."""


class ObjectFile:
    """The objects of one file in their order, the items of lists in place of them."""

    __slots__ = ("_documents", "_limits", "_mark", "_text", "form", "objects", "source")

    def __init__(self, data: bytes, *, source: str, limits: Limits = DEFAULT) -> None:
        """Raises: KsealError for a text that cannot be read, or not be edited; it names file and line."""
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise FormatError(f"{source}: line 1: UTF-16 text is not edited", "convert the file to UTF-8")
        self.source = source
        self._limits = limits
        documents, self.form = manifest.documents(data, source, limits)
        whole = data.decode()
        self._mark = _MARK if whole.startswith(_MARK) else ""
        self._text = whole.removeprefix(_MARK)
        roots = marks.of_json(self._text) if self.form is manifest.Form.JSON else marks.of_yaml(self._text)
        self._documents = [document.value for document in documents]
        is_one = len(documents) == 1 and documents[0].number == 1
        self.objects: tuple[Placed, ...] = tuple(
            placed
            for index, document in enumerate(documents)
            for placed in _objects(
                document.value,
                source if is_one else f"{source}: document {document.number} (line {document.line})",
                roots[document.number - 1],
                (index,),
            )
        )

    def patched(self, changes: Sequence[tuple[Placed, Mapping[str, Any]]]) -> bytes:
        """The file with each object changed by its patch; see `sealer.patch`. Raises: FormatError."""
        edits = []
        meant = copy.deepcopy(self._documents)
        for placed, change in changes:
            try:
                edits += patch.edits_of(self._text, placed.spot, change)
            except KsealError as error:
                raise FormatError(f"{self.source}: {error.message}", error.hint) from error
            _put(meant, placed.path, merged(_at(meant, placed.path), change))
        return self._checked(edits, meant)

    def replaced(self, changes: Sequence[tuple[Placed, Mapping[str, Any]]]) -> bytes:
        """The file with other objects in the place of some. Raises: FormatError."""
        meant = copy.deepcopy(self._documents)
        for placed, raw in changes:
            if placed.is_typed:
                raise FormatError(
                    f"{placed.place}: its list says the kind of all items, so none can become another",
                    "make it a `v1 List`",
                )
            _put(meant, placed.path, raw)
        return self._checked(
            [patch.replacement(self._text, placed.spot, raw) for placed, raw in changes if placed.spot.is_bare], meant
        )

    def _checked(self, edits: list[patch.Edit], meant: list[Any]) -> bytes:
        data = (self._mark + patch.applied(self._text, edits)).encode()
        try:
            found = [document.value for document in manifest.documents(data, self.source, self._limits)[0]]
        except KsealError:
            found = None
        if found != meant:
            raise FormatError(
                f"{self.source}: cannot be edited in place safely", "write its values out, as plain or quoted strings"
            )
        return data


def merged(raw: object, change: Mapping[str, Any]) -> dict[str, Any]:
    """A new object: the old one with a patch applied, as RFC 7396 has it."""
    result = dict(raw) if isinstance(raw, Mapping) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value) if isinstance(value, dict) else value
    return result


def _objects(
    value: object, origin: str, spot: marks.Spot, path: tuple[int | str, ...], defaults: Mapping[str, Any] | None = None
) -> Iterator[Placed]:
    """The object, or the objects of a list of them; what is no object is nobody's to edit and left alone."""
    if not isinstance(value, dict):
        return
    raw = {**defaults, **value} if defaults else value
    kind, items = raw.get("kind"), raw.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        of_items = kind.removesuffix("List")
        inherited = {"apiVersion": raw.get("apiVersion"), "kind": of_items} if of_items else None
        for index, item in enumerate(items):
            nowhere = marks.Spot(spot.start, spot.end, spot.line, is_bare=False)
            place = spot.at("items", index) or nowhere
            yield from _objects(item, f"{origin}: items[{index}]", place, (*path, "items", index), inherited)
        return
    yield Placed(raw, f"{origin}: {called(raw)}", spot, path, is_typed="kind" not in value and bool(defaults))


def called(raw: Mapping[str, Any]) -> str:
    """How messages call an object, whatever it looks like: `Secret/shop/db`."""
    metadata = raw.get("metadata")
    fields = metadata if isinstance(metadata, dict) else {}
    parts = [raw.get("kind"), fields.get("namespace"), fields.get("name")]
    return "/".join(part for part in parts if isinstance(part, str) and part) or "an object without kind"


def _at(root: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        root = root[step]
    return root


def _put(documents: list[Any], path: tuple[int | str, ...], value: object) -> None:
    _at(documents, path[:-1])[path[-1]] = value
