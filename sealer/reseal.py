"""The same values under the newest key: nothing else of a SealedSecret changes.

Templates are not rendered, and the scope is the object's own, whatever its template says: otherwise a template could
make a value open in more places than its owner chose.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sealer import box
from sealer.encoding import Base64Error, decode, encode
from sealer.errors import FormatError, UnsealError
from sealer.sealedsecret import SealedSecret, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.keys import Fingerprint
    from sealer.ring import KeyRing, Opened

V1_DATA = "data"
"""How the single value of the deprecated form is called, as its field in the spec."""


def opened_items(
    sealed: SealedSecret,
    ring: "KeyRing",
    *,
    accept_v1_data: bool = True,
    before_each: Callable[[], None] = lambda: None,
) -> "Iterator[tuple[str, Opened | str]]":
    """Each item by name, in order, opened or with what is wrong with it; one after the other, in this thread.

    The key that opened an item is tried first on the next one, because most objects were sealed at one time.
    `before_each` may end it by raising, for whoever has only so much time. Raises: UnsealError for both forms at once.
    """
    items = dict(sealed.encrypted_data)
    if sealed.v1_data is not None:
        if items or not accept_v1_data:
            raise UnsealError("the deprecated field 'data' is not accepted here")
        items = {V1_DATA: sealed.v1_data}
    last: Fingerprint | None = None
    for name in sorted(items):
        before_each()
        try:
            opened = ring.open(decode(items[name]), sealed.label, last)
        except (Base64Error, UnsealError) as error:
            yield name, str(error)
        else:
            last = opened.fingerprint
            yield name, opened


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
    Raises: FormatError; UnsealError that groups the items by what is wrong with them.
    """
    sealed = parse(raw)
    if sealed.dropped:
        raise FormatError(f"spec.encryptedData has values that are no strings ({', '.join(sealed.dropped)})")
    results = dict(opened_items(sealed, ring, accept_v1_data=accept_v1_data, before_each=before_each))
    failures = {name: result for name, result in results.items() if isinstance(result, str)}
    if failures:
        raise UnsealError.grouped(failures)
    anew = {
        name: encode(box.seal(result.value, public_key, sealed.label, random=random))
        for name, result in results.items()
        if not isinstance(result, str)
    }
    spec = dict(raw["spec"]) if raw.get("spec") else {}
    if sealed.v1_data is not None:
        spec["data"] = anew[V1_DATA]
    else:
        spec["encryptedData"] = anew
    first = {name: spec[name] for name in ("template", "data", "encryptedData") if name in spec}
    return {"kind": raw["kind"], "apiVersion": raw["apiVersion"], "metadata": raw["metadata"], "spec": first | spec}
