"""The reader of manifests: YAML or JSON, lists written out, identities checked."""

from engine.kube.documents import DocumentError
from engine.kube.manifest import read
from tests.fuzz.rules import PLANTED, attempt, require

_VALUES = f"\nstringData: {{password: {PLANTED}}}\n".encode()

SEEDS = (
    b"apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop, labels: {a: b}}",
    b'{"apiVersion": "v1", "kind": "List", "items": [{"kind": "Secret", "metadata": {"name": "x"}}, {}]}',
    b"apiVersion: v1\nkind: SecretList\nitems: [{metadata: {name: a, ownerReferences: [{uid: x}]}}]\n---\n",
)
PIECES = (
    *(bytes([code]) for code in b"a1 \n:-?,[]{}&*!|>'\"#"),
    *(b"apiVersion: v1\n", b"kind: List\n", b"kind: Secret\n", b"kind: SecretList\n", b"items: [", b"items:\n- "),
    *(b"metadata:\n  ", b"name: ", b"namespace: ", b"labels: ", b"annotations: ", b"ownerReferences: ", b"---\n"),
    *(b'{"kind":', b'"items":', b'"List"', b'"metadata":', b"null", b"true", b"1", b"\xff", b"\x00", b"\\ud800"),
)


def check(data: bytes) -> None:
    """Manifests whose fields can be asked for, or a refusal; the values that follow are in no text about them."""
    found = attempt(DocumentError, read, data + _VALUES, source="s")
    for manifest in found[0] if found else ():
        manifest.check()
    require(PLANTED not in repr(found), "what shows manifests shows values")
