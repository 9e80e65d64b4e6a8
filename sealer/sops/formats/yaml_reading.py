"""From the bytes of a YAML stream to branches: the reader that the document needs, and what its errors become."""

from engine.kube.documents import Limits
from engine.kube.yaml import YamlError
from engine.kube.yaml_read import built
from sealer.sops.errors import NOTHING_HINT, DocumentRefused
from sealer.sops.formats import base
from sealer.sops.formats.yaml_nodes import Reader
from sealer.sops.tree import Branches

LIMITS = base.LIMITS._replace(nodes=1_000_000)
"""Of a YAML file. Comments are found among tokens, of which a value has several, and each takes memory."""


def read(data: bytes, limits: Limits = LIMITS) -> Branches:
    """One branch for each document; none for no bytes. Raises: DocumentRefused."""
    if not data:
        return []
    try:
        branches = built(data, limits, lambda text: _reader(text, limits).branches())
    except YamlError as error:
        raise DocumentRefused(error.message, error.hint) from None
    if not branches:
        raise DocumentRefused("there is no document, only comments or blank lines", NOTHING_HINT)
    return branches


def _reader(data: bytes, limits: Limits) -> Reader:
    """Comments are looked for only where there can be some: it takes four times as long."""
    if b"#" not in data:
        return Reader(data, limits)
    from sealer.sops.formats.yaml_commented import CommentedReader

    return CommentedReader(data, limits)
