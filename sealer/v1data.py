"""The first form of a SealedSecret: `spec.data`, one sealed value that holds a whole Secret as JSON.

Nothing has written it since 2019, but clusters still hold some, and the original reads it by default.
"""

import json
from typing import TYPE_CHECKING, Any

from sealer import secret, template
from sealer.encoding import Base64Error, decode
from sealer.errors import FormatError, UnsealError
from sealer.sealedsecret import SealedSecret, Unsealed

if TYPE_CHECKING:
    from sealer.ring import KeyRing


def unseal_v1_data(sealed: SealedSecret, ring: "KeyRing", *, is_accepted: bool) -> Unsealed:
    """Open the one value; the Secret inside gives everything but name and namespace.

    Raises: UnsealError, in the original's words where it has some.
    """
    check(sealed, is_accepted=is_accepted)
    try:
        opened = ring.open(decode(sealed.v1_data or ""), sealed.label)
    except Base64Error as error:
        raise UnsealError(f"{error} (data)") from None
    inner = _inner_secret(opened.value)
    try:
        shape = template.read(inner, "spec.data")
        built = template.build_secret(shape, secret.values(inner), name=sealed.name, namespace=sealed.namespace)
    except FormatError as error:
        raise UnsealError(f"the Secret inside spec.data is malformed: {error.message}") from error
    return Unsealed(built, {"data": opened.fingerprint})


def check(sealed: SealedSecret, *, is_accepted: bool) -> None:
    """Raises: UnsealError, in the original's words, for both forms at once, or this one where it is not accepted."""
    if sealed.encrypted_data:
        raise UnsealError("cannot use the field 'encryptedData' and the deprecated field 'data' at the same time")
    if not is_accepted:
        raise UnsealError("using deprecated 'data' field, use 'encryptedData' or flip the feature flag")


def _inner_secret(plain: bytes) -> dict[str, Any]:
    try:
        inner = json.loads(plain)
    except ValueError:
        raise UnsealError("the value of spec.data is no JSON") from None  # the cause would quote the plain text
    if not isinstance(inner, dict):
        raise UnsealError("the value of spec.data is no Secret")
    return inner
