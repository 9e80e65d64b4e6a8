"""Objects in, objects out: the manifests of the inputs, and the text of what is made from them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import KsealError
from sealer.cli.verb import Option

if TYPE_CHECKING:
    from engine.kube.manifest import Form
    from sealer.cli.files import Input

OUTPUT = Option(
    ("-o", "--output", "--format"),
    "Form of the output [default: that of the name given to --write, else that of the input].",
    "FORM",
    choices=("yaml", "json"),
    environ="FORMAT",
)


class Document(NamedTuple):
    """One object of an input. `place` is how messages call it: `db.yaml: document 2 (line 9): Secret/shop/db`."""

    raw: Mapping[str, Any]
    place: str


@contextmanager
def at(place: str) -> Iterator[None]:
    """Put the place in front of an error that happens inside."""
    try:
        yield
    except KsealError as error:
        raise KsealError(f"{place}: {error.message}", error.hint) from error


def read_documents(inputs: Iterable["Input"]) -> tuple[list[Document], "Form | None"]:
    """All objects of all inputs, lists taken apart, and the form of the first input that has any.

    Raises: KsealError, naming input, document and line.
    """
    from engine.kube import manifest

    documents: list[Document] = []
    form = None
    for source, data in inputs:
        objects, found = manifest.read(data, source=source)
        if objects and form is None:
            form = found
        for one in objects:
            called = str(one.ref) if one.name else one.kind
            documents.append(Document(one.raw, f"{one.origin}: {called}" if called else one.origin))
    return documents, form


def written(objects: Sequence[dict[str, Any]], asked: str | None, path: str | None, form: "Form | None") -> str:
    """The text of objects: as `--output` asks, else as the name of the file tells, else in the form of the input."""
    from engine.kube import manifest

    if asked is None and path is not None:
        ending = path.rpartition(".")[2].lower()
        asked = "json" if ending == "json" else "yaml" if ending in ("yaml", "yml") else None
    is_json = asked == "json" if asked is not None else form is manifest.Form.JSON
    return "".join(map(manifest.to_json if is_json else manifest.to_yaml, objects))
