"""YAML as the tools around Kubernetes read and write it.

Reading is by libyaml, meaning by the rules of one of two Go libraries, which every caller names; writing gives the
bytes of `kubectl -o yaml`. Values are what JSON carries: dict with str keys, list, str, int, float, bool, None.
"""

from typing import Any

from engine.kube.documents import DEFAULT, Document, DocumentError, Limits
from engine.kube.yaml_scalars import Dialect

__all__ = ["DEFAULT", "Dialect", "Limits", "YamlError", "read_all", "read_documents", "write"]


class YamlError(DocumentError):
    """An input is no YAML that Go's libraries would read, or more of it than the limits allow."""


def read_all(data: bytes, *, dialect: Dialect, source: str, limits: Limits = DEFAULT) -> list[Any]:
    """The values of all documents of a stream, empty ones left out. Raises: YamlError."""
    return [document.value for document in read_documents(data, dialect=dialect, source=source, limits=limits)]


def read_documents(data: bytes, *, dialect: Dialect, source: str, limits: Limits = DEFAULT) -> list[Document]:
    """Like `read_all`, with the place of each document; empty ones are left out, but counted. Raises: YamlError."""
    from engine.kube.yaml_read import read

    return read(data, dialect, source, limits)


def write(value: Any) -> str:
    """One document, without `---`: keys in go-yaml's order, to the byte as sigs.k8s.io/yaml prints the same value.

    Raises: ValueError for NaN and infinities, TypeError for what JSON does not carry.
    """
    from engine.kube.yaml_write import text

    return text(value)
