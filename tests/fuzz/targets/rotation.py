"""The file editor of rotation: whatever stands in a file, nothing but ciphertext changes, or nothing at all."""

import json
from collections.abc import Mapping

from engine.errors import KsealError
from sealer.rotation.files import SealedFile
from tests.fuzz.rules import attempt, require

_NEW = "TmV3" * 40
"""The new ciphertext; no seed holds a piece of it that is as long as those that are looked for."""
_HEAD = b"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n"
_OBJECT = {
    "apiVersion": "bitnami.com/v1alpha1",
    "kind": "SealedSecret",
    "metadata": {"name": "db"},
    "spec": {"encryptedData": {"a": "QUFB", "b": "QkJC"}},
}

SEEDS = (
    _HEAD + b'spec:\n  encryptedData:\n    a: QUFB # one\n    b: \'QkJC\'\n    "c": "Q0ND"\n  template: {}\n',
    _HEAD + b"spec:\n  encryptedData:\n    a: |-\n      QUFB\n      QkJC\n\n    b: >\n      Q0ND\n# end\n",
    _HEAD + b"spec: {encryptedData: {a: QUFB, b: QkJC}}\r\n---\r\n" + _HEAD + b"spec:\n  encryptedData: {a: QUFB}\n",
    _HEAD + b"spec:\n  encryptedData: &x\n    a: &y QUFB\n    b: *y\n  again: *x\n",
    b"\xef\xbb\xbf" + json.dumps(_OBJECT, indent=1).encode() + json.dumps(_OBJECT).encode(),
    json.dumps({"apiVersion": "v1", "kind": "List", "items": [_OBJECT, _OBJECT]}).encode(),
)
PIECES = (
    *(bytes([code]) for code in b"a1 \n:-?,[]{}&*!|>'\"#"),
    *(b"\r\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xc3\xa9", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf", b"\n    "),
    *(b"---\n", b"...\n", b"<<: ", b"&x ", b"*x", b"!!str ", b"? ", b"|\n", b"|-\n", b">+1\n", b"|2-\n", b"# c\n"),
    *(b"encryptedData:", b"QUFB", b'"QkJC"', b"\\u0051", b"\\\n", b"spec:\n", _HEAD, b"kind: List\n", b"items:\n- "),
)


def check(data: bytes) -> None:
    """Each item alone: the file as it was but for one run of characters, which was ciphertext and is the new one."""
    file = attempt(KsealError, SealedFile, data, source="s")
    if file is None:
        return
    for index, found in enumerate(file.found[:4]):
        for name, old in list(_items(found.raw).items())[:4]:
            edited = attempt(KsealError, file.replaced, {index: {name: _NEW}})
            if edited is not None:
                _compare(data.decode(), edited.decode(), old)


def _items(raw: Mapping[str, object]) -> dict[str, str]:
    spec = raw.get("spec")
    items = spec.get("encryptedData") if isinstance(spec, dict) else None
    return {name: text for name, text in items.items() if isinstance(text, str)} if isinstance(items, dict) else {}


def _compare(before: str, after: str, old: str) -> None:
    """Take away what both texts begin and end with: only ciphertext is left of either."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    before, after = before[start:], after[start:]
    end = 0
    while end < min(len(before), len(after)) and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[: len(before) - end], after[: len(after) - end]
    require("".join(after.split()) in _NEW, "something else than the new ciphertext came into the file")
    if "\\" not in before:  # escapes write the same text otherwise
        require("".join(before.split()) in "".join(old.split()), "something else than the old ciphertext is gone")
