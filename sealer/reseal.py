"""The same values under another key: nothing else of a SealedSecret changes.

Templates are not rendered, and the scope is the object's own, whatever its template says: otherwise a template could
make a value open in more places than its owner chose.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sealer import box, v1data
from sealer.encoding import Base64Error, decode, encode
from sealer.errors import UnsealError
from sealer.sealedsecret import SealedSecret, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.keys import Fingerprint
    from sealer.ring import KeyRing, Opened

V1_DATA = "data"
"""How the single value of the deprecated form is called, as its field in the spec."""
Under = Callable[[bytes, bytes], bytes]
"""Seals a value with its label under the new key."""


class Resealed(NamedTuple):
    """New ciphertext by item, without the items that kept theirs, and the key that opened each item before."""

    new: Mapping[str, str]
    opened_by: "Mapping[str, Fingerprint]"


def sealed_texts(sealed: SealedSecret, *, accept_v1_data: bool = True) -> dict[str, str]:
    """The ciphertext of each item by name, also of the one value of the deprecated form.

    Raises: UnsealError for both forms at once, or for the deprecated one where it is not accepted.
    """
    if sealed.v1_data is None:
        return sealed.encrypted_data
    v1data.check(sealed, is_accepted=accept_v1_data)
    return {V1_DATA: sealed.v1_data}


def opened_items(
    sealed: SealedSecret,
    ring: "KeyRing",
    *,
    first: "Fingerprint | None" = None,
    accept_v1_data: bool = True,
    before_each: Callable[[], None] = lambda: None,
) -> "Iterator[tuple[str, Opened | str]]":
    """Each item by name, in order, opened or with what is wrong with it; one after the other, in this thread.

    The key `first`, and then the one that opened the item before, is tried before others, because most objects were
    sealed at one time. `before_each` may end it by raising, for whoever has only so much time. Raises: UnsealError as
    `sealed_texts`.
    """
    texts = sealed_texts(sealed, accept_v1_data=accept_v1_data)
    for name in sorted(texts):
        before_each()
        try:
            opened = ring.open(decode(texts[name]), sealed.label, first)
        except (Base64Error, UnsealError) as error:
            yield name, str(error)
        else:
            first = opened.fingerprint
            yield name, opened


def open_all(
    sealed: SealedSecret,
    ring: "KeyRing",
    *,
    first: "Fingerprint | None" = None,
    accept_v1_data: bool = True,
    before_each: Callable[[], None] = lambda: None,
) -> "dict[str, Opened]":
    """Every item opened, as `opened_items` opens them.

    Raises: UnsealError that groups the items by what is wrong with them, those included that are no text.
    """
    opened: dict[str, Opened] = {}
    failures = dict.fromkeys(sealed.dropped, "the item is no text")
    results = opened_items(sealed, ring, first=first, accept_v1_data=accept_v1_data, before_each=before_each)
    for name, result in results:
        if isinstance(result, str):
            failures[name] = result
        else:
            opened[name] = result
    if failures:
        raise UnsealError.grouped(failures)
    return opened


def resealed_items(
    sealed: SealedSecret,
    ring: "KeyRing",
    under: Under,
    *,
    keep: "Fingerprint | None" = None,
    accept_v1_data: bool = True,
    before_each: Callable[[], None] = lambda: None,
) -> Resealed:
    """New ciphertext for each item; what the key `keep` opens stays as it is. Raises: UnsealError as `open_all`."""
    opened = open_all(sealed, ring, first=keep, accept_v1_data=accept_v1_data, before_each=before_each)
    new = {name: encode(under(item.value, sealed.label)) for name, item in opened.items() if item.fingerprint != keep}
    return Resealed(new, {name: item.fingerprint for name, item in opened.items()})


def reseal(
    raw: Mapping[str, Any],
    ring: "KeyRing",
    public_key: "RSAPublicKey",
    *,
    accept_v1_data: bool = True,
    before_each: Callable[[], None] = lambda: None,
    random: box.RandomBytes = os.urandom,
) -> dict[str, Any]:
    """The raw SealedSecret with each value sealed anew for `public_key`, in the field order of Go's encoder.

    Metadata and template stay word for word. The status is left out: it speaks of the old values.
    Raises: FormatError; UnsealError as `open_all`.
    """
    sealed = parse(raw)

    def under(value: bytes, label: bytes) -> bytes:
        return box.seal(value, public_key, label, random=random)

    new = resealed_items(sealed, ring, under, accept_v1_data=accept_v1_data, before_each=before_each).new
    spec = dict(raw["spec"]) if raw.get("spec") else {}
    if sealed.v1_data is not None:
        spec["data"] = new[V1_DATA]
    else:
        spec["encryptedData"] = new
    first = {name: spec[name] for name in ("template", "data", "encryptedData") if name in spec}
    return {"kind": raw["kind"], "apiVersion": raw["apiVersion"], "metadata": raw["metadata"], "spec": first | spec}
