"""What a file that is about to be committed shows although it must be encrypted, or holds that nobody could open.

Only what is known is refused: Secrets with plain values, encrypted files with plain values in them, files that a rule
for their very path wants encrypted, SealedSecrets that no controller could read. Findings name places, never values.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.errors import KsealError
from engine.kube import manifest
from engine.kube.documents import DEFAULT
from sealer import box, encoding
from sealer.errors import UnsealError
from sealer.sealedsecret import API_VERSION, KIND, parse
from sealer.sops.cipher import ValueRefused
from sealer.sops.envelope import Envelope
from sealer.sops.errors import MetadataMissing
from sealer.sops.formats.base import Format
from sealer.sops.selection import Selection
from sealer.sops.tree import Branches, Comment, Scalar
from sealer.sops.walk import WalkRefused, walk
from sealer.versions.kinds import VALUE_MARK

_VALUE_START = VALUE_MARK.decode()
_ENCRYPT = "encrypt it: kseal sops encrypt -i FILE, or seal it: kseal seal -i FILE"
_SEAL_AGAIN = "seal it again: kseal seal"
_UNENCRYPTED_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization", ".sops.yaml")


class Finding(NamedTuple):
    """What is wrong, with the object or the value first, and its cure."""

    message: str
    cure: str


def inspect(path: str, data: bytes, form: Format, wanted: Selection | None) -> list[Finding]:
    """What must not be committed of a file. `wanted` is the rule by which it must be encrypted, None for no rule."""
    try:
        envelope = form.read_encrypted(data) if VALUE_MARK in data else None
    except MetadataMissing:
        envelope = None
    except KsealError as error:
        return [Finding(f"an encrypted file that cannot be read: {error.message}", "restore it, and merge again")]
    if envelope is not None:
        return _of_envelope(envelope, wanted) + _of_objects(data)
    found = _of_objects(data)
    if not found and wanted is not None:
        found = _of_plain(path, data, form, wanted)
    return found


def _of_envelope(envelope: Envelope, wanted: Selection | None) -> list[Finding]:
    metadata = envelope.metadata
    if not metadata.mac:
        return [Finding("an encrypted file without a MAC", "decrypt and encrypt it again")]
    rules = [metadata.selection, *([wanted] if wanted is not None and wanted.texts else [])]
    for rule in rules:
        place = _first_plain(envelope.branches, rule)
        if place:
            whose = "its own rule" if rule is metadata.selection else "the rule in .sops.yaml"
            return [Finding(f"{place}: plain, though {whose} encrypts it", "put values in by kseal sops set or edit")]
    return []


def _first_plain(branches: Branches, rule: Selection) -> str | None:
    """The place of the first value that a rule selects and that is not encrypted; comments may be of old releases."""

    def demand(value: Scalar | Comment, _: bytes, is_in: bool) -> Scalar | Comment:
        is_plain = is_in and not isinstance(value, Comment) and value != ""
        if is_plain and not (isinstance(value, str) and value.startswith(_VALUE_START)):
            raise ValueRefused("plain")
        return value

    try:
        walk(branches, rule, demand)
    except WalkRefused as refusal:
        return refusal.where()
    return None


def _of_objects(data: bytes) -> list[Finding]:
    """Kubernetes objects: Secrets in plain text, SealedSecrets that nobody can open."""
    if b"Secret" not in data:
        return []
    try:
        documents, _ = manifest.documents(data, "", DEFAULT)
    except KsealError as error:
        return _unread(data, error)
    return [finding for document in documents for raw in _objects(document.value) for finding in _of_object(raw)]


def _unread(data: bytes, error: KsealError) -> list[Finding]:
    """A template of Helm is no YAML and passes; what looks like a Secret and cannot be read does not."""
    lines = {line.rstrip().replace(b'"', b"").replace(b"'", b"") for line in data.splitlines()}
    has_values = any(line.startswith((b"data:", b"stringData:")) for line in lines)
    if b"kind: Secret" not in lines or not has_values or b"{{" in data:
        return []
    return [Finding(f"looks like a Secret, and cannot be read{error.message}", "write it so that kubectl reads it")]


def _objects(value: object, kind: str = "") -> Iterator[Mapping[str, Any]]:
    """The objects of a document; the items of lists in place of them."""
    if not isinstance(value, dict):
        return
    found, items = value.get("kind", kind), value.get("items")
    if isinstance(found, str) and found.endswith("List") and isinstance(items, list):
        for item in items:
            yield from _objects(item, found.removesuffix("List"))
    else:
        yield value if "kind" in value else {**value, "kind": kind}


def _of_object(raw: Mapping[str, Any]) -> Iterator[Finding]:
    name = _called(raw)
    if raw.get("kind") == "Secret" and str(raw.get("apiVersion", "v1")) == "v1":
        plain = [
            f"{field}.{key}"
            for field in ("data", "stringData")
            for key, value in (raw[field].items() if isinstance(raw.get(field), dict) else ())
            if not _is_encrypted(value)
        ]
        if plain:
            yield Finding(f"{name}: plain values: {_listed(plain)}", _ENCRYPT)
    elif raw.get("kind") == KIND and str(raw.get("apiVersion", API_VERSION)) == API_VERSION:
        yield from _of_sealed(raw, name)


def _is_encrypted(value: object) -> bool:
    """Whether nothing can be read there: empty, a value of SOPS, or in base64 a whole file of SOPS, as Flux has it."""
    if not isinstance(value, str):
        return value is None
    if not value or value.startswith(_VALUE_START):
        return True
    try:
        return VALUE_MARK in b64decode(value, validate=True)
    except (Base64Error, ValueError):
        return False


def _of_sealed(raw: Mapping[str, Any], name: str) -> Iterator[Finding]:
    try:
        sealed = parse(raw)
    except KsealError as error:
        yield Finding(f"{name}: {error.message}", error.hint or _SEAL_AGAIN)
        return
    bad = list(sealed.dropped)
    for key, text in sealed.encrypted_data.items():
        try:
            wrapped, body = box.split(encoding.decode(text))
        except (encoding.Base64Error, UnsealError):
            bad.append(key)
        else:
            if len(wrapped) * 8 < box.SMALLEST_MODULUS_BITS or len(body) < box.TAG_BYTES:
                bad.append(key)
    if bad:
        yield Finding(
            f"{name}: no sealed values: {_listed([f'encryptedData.{key}' for key in sorted(bad)])}", _SEAL_AGAIN
        )


def _of_plain(path: str, data: bytes, form: Format, wanted: Selection) -> list[Finding]:
    """A file that is not encrypted and that a rule for its path selects something of.

    A rule that encrypts what it names (`encrypted_regex: ^(data|stringData)$`) is one for folders of manifests. There
    objects other than Secrets pass, which were looked at before.
    """
    if not data.strip() or path.rpartition("/")[2] in _UNENCRYPTED_NAMES:
        return []
    if form.is_single_value:
        return [Finding("not encrypted, though a rule in .sops.yaml names it", _ENCRYPT)]
    try:
        branches = form.read_plain(data)
    except KsealError:
        return [Finding("neither encrypted nor readable, though a rule in .sops.yaml names it", _ENCRYPT)]
    if wanted.encrypts_matches:
        branches = [branch for branch in branches if not (branch.has("kind") and branch.has("apiVersion"))]
    place = _first_plain(branches, wanted.or_default())
    return [Finding(f"{place}: not encrypted, though a rule in .sops.yaml says so", _ENCRYPT)] if place else []


def _called(raw: Mapping[str, Any]) -> str:
    given = raw.get("metadata")
    metadata = given if isinstance(given, Mapping) else {}
    parts = [raw.get("kind"), metadata.get("namespace"), metadata.get("name")]
    return "/".join(part for part in parts if isinstance(part, str) and part)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
