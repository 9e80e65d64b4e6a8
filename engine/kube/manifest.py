"""Manifests: Kubernetes objects as they stand in files, read strictly and shown as they are."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from engine.kube.documents import DEFAULT, Document, DocumentError, Limits
from engine.kube.refs import ObjectRef

_LIST = "List"


class ManifestError(DocumentError):
    """A document is no Kubernetes object. The message has the path of the field: `metadata.labels.app`."""


class Form(Enum):
    """How an input was written."""

    YAML = "yaml"
    JSON = "json"


class Manifest:
    """A view of one object, which nobody changes: `raw` is shared, functions that want another object make one.

    Fields that are absent or null read as empty, like in Go; fields of another type than their own raise ManifestError
    with `origin`, where the object comes from (`secret.yaml: document 3 (line 41)`). Two are equal when their content
    is. `repr` shows the reference only, since `raw` may hold a Secret's data.
    """

    __slots__ = ("origin", "raw")

    def __init__(self, raw: dict[str, Any], origin: str = "") -> None:
        self.raw = raw
        self.origin = origin

    @property
    def api_version(self) -> str:
        return self._text(self.raw, "apiVersion", "")

    @property
    def kind(self) -> str:
        return self._text(self.raw, "kind", "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self._mapping(self.raw, "metadata", "")

    @property
    def name(self) -> str:
        return self._text(self.metadata, "name", "metadata.")

    @property
    def namespace(self) -> str:
        return self._text(self.metadata, "namespace", "metadata.")

    @property
    def labels(self) -> Mapping[str, str]:
        return self._texts("labels")

    @property
    def annotations(self) -> Mapping[str, str]:
        return self._texts("annotations")

    @property
    def owner_references(self) -> list[Mapping[str, Any]]:
        value = self.metadata.get("ownerReferences")
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise self.error("metadata.ownerReferences must be a list of objects")
        return value

    @property
    def ref(self) -> ObjectRef:
        """Which object this is; the version of its kind does not matter to that."""
        group, separator, _ = self.api_version.partition("/")
        return ObjectRef(group if separator else "", self.kind, self.namespace, self.name)

    def check(self) -> None:
        """Read all fields that this view knows. Raises: ManifestError."""
        _ = self.ref, self.labels, self.annotations, self.owner_references

    def error(self, what: str, hint: str | None = None) -> ManifestError:
        """What is wrong with this object, to be raised: the message begins with its origin."""
        return ManifestError(f"{self.origin}: {what}" if self.origin else what, hint)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Manifest) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by a content that is not hashable

    def __repr__(self) -> str:
        try:
            return f"<Manifest {self.ref}>"
        except ManifestError:
            return "<Manifest>"

    def _text(self, parent: Mapping[str, Any], field: str, path: str) -> str:
        value = parent.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(f"{path}{field} must be a string", _quote(value))
        return value

    def _mapping(self, parent: Mapping[str, Any], field: str, path: str) -> Mapping[str, Any]:
        value = parent.get(field)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(f"{path}{field} must be an object")
        return value

    def _texts(self, field: str) -> Mapping[str, str]:
        values = self._mapping(self.metadata, field, "metadata.")
        return {key: self._text(values, key, f"metadata.{field}.") for key in values}


def _quote(value: object) -> str | None:
    return "quote the value" if isinstance(value, bool | int | float) else None


def read(data: bytes, *, source: str, limits: Limits = DEFAULT) -> tuple[list[Manifest], Form]:
    """All objects of a YAML stream or of a sequence of JSON objects, in order, the items of lists in place of them.

    YAML is read as kubectl reads it. A document that is no object, or whose identity, labels, annotations or owners
    are of the wrong type, is an error, as is a broken one; empty documents are none.

    Raises: DocumentError (YamlError, JsonError, ManifestError).
    """
    found, form = documents(data, source, limits)
    numbered = len(found) > 1 or any(document.number > 1 for document in found)
    manifests: list[Manifest] = []
    for document in found:
        place = f"document {document.number} (line {document.line})"
        origin = f"{source}: {place}" if numbered else source
        manifests.extend(_objects(document.value, origin))
    return manifests, form


def documents(data: bytes, source: str, limits: Limits) -> tuple[list[Document], Form]:
    """The documents of an input as they are, for those who look at more than objects.

    JSON where the input begins like an object; YAML is only tried, and imported, if it is not JSON after all.
    """
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return _yaml(data, source, limits), Form.YAML
    from engine.kube import json_read

    try:
        return json_read.read(data, source=source, limits=limits), Form.JSON
    except json_read.JsonSyntaxError as error:
        try:
            return _yaml(data, source, limits), Form.YAML
        except DocumentError:
            raise error from None


def _yaml(data: bytes, source: str, limits: Limits) -> list[Document]:
    from engine.kube.yaml import Dialect, read_documents

    return read_documents(data, dialect=Dialect.V2, source=source, limits=limits)


def _objects(value: object, origin: str, defaults: Mapping[str, Any] | None = None) -> Iterator[Manifest]:
    """The object, or the objects of a list of them. `defaults` are what a typed list says of its items."""
    if not isinstance(value, dict):
        what = "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a scalar"
        raise ManifestError(f"{origin}: {what}, not a Kubernetes object")
    manifest = Manifest({**defaults, **value} if defaults else value, origin)
    items = manifest.raw.get("items")
    if manifest.kind.endswith(_LIST) and isinstance(items, list):
        for index, item in enumerate(items):
            yield from _objects(item, f"{origin}: items[{index}]", _of_items(manifest))
        return
    manifest.check()
    yield manifest


def _of_items(manifest: Manifest) -> Mapping[str, Any] | None:
    """In lists of one kind, as the API server writes them, the items do not repeat it."""
    kind = manifest.kind.removesuffix(_LIST)
    return {"apiVersion": manifest.api_version, "kind": kind} if kind else None


def to_json(raw: dict[str, Any]) -> str:
    """An object as kubeseal prints it: its keys as they stand, two spaces a level, Go's escapes, one line break."""
    from engine.kube import json_write

    return json_write.text(raw) + "\n"


def to_yaml(raw: dict[str, Any]) -> str:
    """An object as a document of a stream, as kubeseal prints it: `---`, then sorted keys."""
    from engine.kube.yaml import write

    return "---\n" + write(raw)
