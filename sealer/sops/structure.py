"""Whether an encrypted document is whole, as far as that can be told without any key.

Every value that its rule selects has to be encrypted and no other; what is encrypted has to have the form of it; and
the metadata have to be such that somebody can get the data key. To see that values were swapped takes a key.
"""

import re
from collections.abc import Iterator
from typing import Final

from sealer.sops.envelope import Envelope
from sealer.sops.errors import SopsError
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.tree import Branches, Comment, Scalar
from sealer.sops.walk import WalkRefused, walk

MARK: Final = "ENC[AES256_GCM,"
SHOWN: Final = 10
"""How many values are named of one file."""

_BASE64: Final = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_FORM: Final = re.compile(
    rf"ENC\[AES256_GCM,data:(?=[^,]){_BASE64},iv:(?=[^,]){_BASE64},tag:[A-Za-z0-9+/]{{22}}==,"
    r"type:(?:str|int|float|bool|time|comment|bytes)\]"
)
"""What every release wrote. A tag has 16 bytes; a nonce had other lengths once."""

_WRAPPED: Final = {
    "age": ("-----BEGIN AGE ENCRYPTED FILE-----\n", "-----END AGE ENCRYPTED FILE-----"),
    "pgp": ("-----BEGIN PGP MESSAGE-----\n", "-----END PGP MESSAGE-----"),
    "hc_vault": ("vault:v", ""),
}
"""By kind of key, how the wrapped data key begins and ends; that of the others is opaque."""


def problems(envelope: Envelope) -> list[str]:
    """What is wrong with a document, a line each; none where it is whole. Nothing of a value is in them."""
    return [*_of_metadata(envelope.metadata), *_shortened(_of_values(envelope))]


def looks_encrypted(text: str) -> bool:
    """Whether a text begins as encrypted values do."""
    return text.startswith(MARK)


def _of_metadata(metadata: Metadata) -> Iterator[str]:
    try:
        metadata.check_version()
    except SopsError as error:
        yield error.message
    if not metadata.mac:
        yield "the metadata: there is no MAC"
    elif not _FORM.fullmatch(metadata.mac):
        yield "the metadata: the MAC is damaged"
    count = len(metadata.key_groups)
    if count > 1 and metadata.shamir_threshold and not 2 <= metadata.shamir_threshold <= count:
        yield f"the metadata: shamir_threshold is {metadata.shamir_threshold}, with {count} key groups"
    for number, group in enumerate(metadata.key_groups):
        where = f"key group {number}: " if count > 1 else ""
        if not group:
            yield f"the metadata: {where}no key"
        for key in group:
            if trouble := _of_key(key):
                yield f"the metadata: {where}{key.kind} {key.identity}: {trouble}"


def _of_key(key: MasterKey) -> str:
    if not key.enc:
        return "it wraps no data key"
    start, end = _WRAPPED.get(key.kind, ("", ""))
    text = key.enc.strip().replace("\r\n", "\n")
    return "" if text.startswith(start) and text.endswith(end) else "what it wraps is damaged"


def _of_values(envelope: Envelope) -> list[str]:
    """In the order of the document; a comment belongs to the place of its container."""
    found: list[str] = []

    def leaf(value: Scalar | Comment, aad: bytes, selected: bool) -> Scalar | Comment:
        text = value.text if isinstance(value, Comment) else value
        what = "a comment" if isinstance(value, Comment) else "the value"
        is_marked = isinstance(text, str) and looks_encrypted(text)
        if selected and not is_marked and text != "":
            found.append(f"{_place(aad)}: {what} is not encrypted")
        elif selected and isinstance(text, str) and text and not _FORM.match(text):
            found.append(f"{_place(aad)}: {what} is encrypted, but damaged")
        elif is_marked and not selected:
            found.append(f"{_place(aad)}: {what} is encrypted, though the rule of the file leaves it plain")
        return value

    try:
        walk(envelope.branches, envelope.metadata.selection, leaf)
    except WalkRefused as refusal:
        found.append(f"{refusal.where()}: {refusal.reason}")
    return found


def count_selected(branches: Branches, selection: Selection) -> int:
    """How many values of a plain document a rule would encrypt. Raises: SopsError for a rule that is none."""
    count = 0

    def leaf(value: Scalar | Comment, _aad: bytes, selected: bool) -> Scalar | Comment:
        nonlocal count
        count += selected and not isinstance(value, Comment) and value != ""
        return value

    selection.check()
    try:
        walk(branches, selection, leaf)
    except WalkRefused as refusal:
        raise SopsError(f"{refusal.where()}: {refusal.reason}") from None
    return count


def _place(aad: bytes) -> str:
    """Where a value stands, by its keys; positions in lists are not in the additional data."""
    keys = aad.decode("utf-8", "replace").split(":")[:-1]
    return "".join(f'["{_short(key)}"]' for key in keys) if any(keys) else "the document"


def _short(key: str) -> str:
    shown = key if key.isprintable() else ascii(key)[1:-1]
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _shortened(found: list[str]) -> list[str]:
    unique = list(dict.fromkeys(found))
    more = len(unique) - SHOWN
    return [*unique[:SHOWN], f"and {more} more values"] if more > 0 else unique
