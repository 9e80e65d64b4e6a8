"""A sealing key whose private half is encrypted where it is kept: the form of its Secret. Pure.

    metadata.labels["sealedsecrets.bitnami.com/sealed-secrets-key"]    "wrapped" where a plain key has "active"
    type                kubernetes.io/tls, because the type of a Secret never changes
    data["tls.crt"]     the certificate in plain, as ever
    data["tls.key"]     {"version": 1,
                         "keys": [{"with": "age:age1…", "enc": "…"}, …],    a data key, under each wrapping key
                         "sealed": "…"}                                     base64; see `sealer.wrapping`

Another label, because the original takes each Secret with the label "active" for a plain key, and crashes when it is
none; any other value it passes over. What the Secret holds decides what it is, so a retired key may be wrapped too.
"""

import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from sealer.certificates import Certificate
from sealer.encoding import encode
from sealer.errors import PrivateKeyError
from sealer.keys import Fingerprint, SealingKey, fingerprint
from sealer.keysecret import ACTIVE, LABEL, PREFIX, WRAPPED
from sealer.sops.recipients.base import MasterKey
from sealer.wrappingkey import LIMIT_KEYS, parse, written

LIMIT_BYTES: Final = 256 * 1024
"""Of `tls.key`: eight wrapped data keys and the largest RSA key are less than a tenth."""
_VERSION: Final = 1
# A copy of the whole Secret, private key included, by whoever made the Secret with `kubectl apply`.
_COPY: Final = "kubectl.kubernetes.io/last-applied-configuration"


class WrappedKey(NamedTuple):
    """A wrapped key, taken apart; only opening it proves that it is what it says."""

    namespace: str
    name: str
    certificate: Certificate
    keys: tuple[MasterKey, ...]
    """What it is wrapped with, each around the data key."""
    sealed: bytes
    digest: bytes
    """Equal for equal content of the same Secret."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the key that the certificate names. Raises: CertificateError."""
        return fingerprint(self.certificate.public_key)

    @property
    def wrapped_with(self) -> list[str]:
        """The names of the keys that open it."""
        return [written(key) for key in self.keys]


def is_wrapped(raw: Mapping[str, Any]) -> bool:
    """Whether a Secret holds a wrapped key, or what should be one; no plain key begins with a brace."""
    text = (raw.get("data") or {}).get("tls.key")
    try:
        return isinstance(text, str) and binascii.a2b_base64(text[:64]).lstrip().startswith(b"{")
    except ValueError:
        return False  # not base64 at all, which the reader of plain keys says


def read(raw: Mapping[str, Any]) -> WrappedKey:
    """Take a wrapped key apart. Raises: PrivateKeyError, CertificateError."""
    metadata, data = raw["metadata"], raw.get("data") or {}
    text, certificate_pem = _item(data, "tls.key"), _item(data, "tls.crt")
    namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
    digest = hashlib.sha256(b"\0".join((namespace.encode(), name.encode(), certificate_pem, text))).digest()
    keys, sealed = _parts(text)
    return WrappedKey(namespace, name, Certificate.parse(certificate_pem, source="tls.crt"), keys, sealed, digest)


def text_of(keys: list[MasterKey], sealed: bytes) -> bytes:
    """What `tls.key` holds."""
    entries = [{"with": written(key), "enc": key.enc} for key in keys]
    return orjson.dumps({"version": _VERSION, "keys": entries, "sealed": encode(sealed)})


def with_wrapped(raw: Mapping[str, Any], text: bytes) -> dict[str, Any]:
    """The Secret of a key, wrapped instead of plain. A key that was retired stays it.

    The copy of the plain Secret that `kubectl apply` leaves in an annotation is taken out.
    """
    changed = _changed(raw, text, {ACTIVE: WRAPPED})
    annotations = changed["metadata"].get("annotations")
    if annotations:
        kept = {key: value for key, value in annotations.items() if key != _COPY}
        changed["metadata"] = {**changed["metadata"], "annotations": kept}
    return changed


def with_plain(raw: Mapping[str, Any], key: SealingKey) -> dict[str, Any]:
    """The Secret of a key, plain instead of wrapped: as the original reads it."""
    return _changed(raw, key.private_pem().reveal(), {WRAPPED: ACTIVE})


def is_of_first_layout(raw: Mapping[str, Any]) -> bool:
    """Whether the original reads this Secret by its name, whatever its label says, so that it must stay plain."""
    metadata = raw["metadata"]
    return metadata["name"] == PREFIX or LABEL not in (metadata.get("labels") or {})


def _changed(raw: Mapping[str, Any], text: bytes, states: Mapping[str, str]) -> dict[str, Any]:
    labels = dict(raw["metadata"].get("labels") or {})
    if labels.get(LABEL) in states:
        labels[LABEL] = states[labels[LABEL]]
    data = {**(raw.get("data") or {}), "tls.key": encode(text)}
    return {**raw, "metadata": {**raw["metadata"], "labels": labels}, "data": data}


def _item(data: Mapping[str, Any], item: str) -> bytes:
    text = data.get(item)
    if not isinstance(text, str):
        raise PrivateKeyError(f"there is no item '{item}' in it")
    if len(text) > LIMIT_BYTES * 4 // 3:
        raise PrivateKeyError(f"item '{item}' is longer than {LIMIT_BYTES} bytes")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise PrivateKeyError("its items are not base64") from None


def _parts(text: bytes) -> tuple[tuple[MasterKey, ...], bytes]:
    """The wrapping keys and what is sealed. Raises: PrivateKeyError, which names a part and never shows it."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise PrivateKeyError("its wrapped key is not JSON") from None
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise PrivateKeyError("its wrapped key is of a version that is not known", "a newer kseal may have written it")
    entries, sealed = document.get("keys"), document.get("sealed")
    if not isinstance(entries, list) or not 0 < len(entries) <= LIMIT_KEYS or not isinstance(sealed, str):
        raise PrivateKeyError(f"its wrapped key does not have 'sealed', and 1 to {LIMIT_KEYS} 'keys'")
    try:
        return tuple(map(_entry, entries)), binascii.a2b_base64(sealed, strict_mode=True)
    except ValueError:
        raise PrivateKeyError("'sealed' of its wrapped key is not base64") from None


def _entry(entry: object) -> MasterKey:
    match entry:
        case {"with": str() as name, "enc": str() as enc}:
            key = parse(name)
            return MasterKey(key.kind, key.fields, enc)
        case _:
            raise PrivateKeyError("each of 'keys' of its wrapped key has to have 'with' and 'enc'")
