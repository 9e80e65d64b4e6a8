"""The SealedSecret format: read one, seal a Secret into one, unseal one into a Secret.

Raw objects go in and come out, as JSON-able dictionaries whose key order is the order in which Go's encoder writes
the fields, so that a document sealed here differs from the original's only in the ciphertext.

Errors name the field, not the object: the caller knows where the object came from and puts that in front.
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sealer import box, secret, template
from sealer.encoding import Base64Error, decode, encode
from sealer.errors import FormatError, SealError, UnsealError
from sealer.scope import PREFIX, Scope, annotate, label, of
from sealer.spread import spread

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from sealer.keys import Fingerprint
    from sealer.ring import KeyRing, Opened

LiveValue = Callable[[str], bytes | None]
"""What stands in the Secret now under a key; None for nothing, or when it has to be made anew."""

API_VERSION = "bitnami.com/v1alpha1"
KIND = "SealedSecret"
SKIP_OWNER = PREFIX + "skip-set-owner-references"
MOST_STORED_BYTES = 1_572_864
"""Of one object as JSON: beyond it etcd, as it is usually set up, answers `etcdserver: request is too large`."""
EMPTY = (
    "secret.data is empty in input Secret, assuming this is an error and aborting. "
    "To work with empty data, --allow-empty-data can be used"
)
# From how many values on the threads earn their start: an opening is 1.6 ms of RSA, a sealing 0.05 ms.
_OPEN_TOGETHER, _SEAL_TOGETHER = 8, 512


class SealedSecret:
    """One SealedSecret, as far as unsealing needs it.

    `encrypted_data` is base64 text by key; `dropped` names the keys under which something else than text stood: the
    original skips those in silence, and `verify` has to be able to name them. `template` holds only known fields, of
    the right types. `v1_data` is the deprecated `spec.data`, None in everything written since 2019.
    """

    __slots__ = ("dropped", "encrypted_data", "name", "namespace", "scope", "template", "uid", "v1_data")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """Raises: FormatError, with the path to what is wrong."""
        require_kind(raw, API_VERSION, KIND)
        metadata = secret.mapping(raw.get("metadata"), "metadata")
        spec = secret.mapping(raw.get("spec"), "spec")
        sealed = secret.mapping(spec.get("encryptedData"), "spec.encryptedData")
        self.name = secret.string(metadata.get("name"), "metadata.name")
        self.namespace = secret.string(metadata.get("namespace"), "metadata.namespace")
        self.uid = secret.string(metadata.get("uid"), "metadata.uid") or None
        self.scope = of(secret.mapping(metadata.get("annotations"), "metadata.annotations"))
        self.encrypted_data: dict[str, str] = {key: text for key, text in sealed.items() if isinstance(text, str)}
        self.dropped = tuple(sorted(sealed.keys() - self.encrypted_data.keys()))
        self.template = template.read(spec.get("template"), "spec.template")
        self.v1_data = secret.string(spec.get("data"), "spec.data") or None
        if not self.name:
            raise FormatError("metadata.name is missing")

    @property
    def label(self) -> bytes:
        """What the values are bound to, from the object's own metadata and never from its template."""
        return label(self.scope, self.namespace, self.name)

    def owner_reference(self) -> dict[str, Any]:
        """The owner reference by which the Secret goes when this object goes."""
        return {"apiVersion": API_VERSION, "kind": KIND, "name": self.name, "uid": self.uid or "", "controller": True}

    def __repr__(self) -> str:
        return f"<{KIND} {self.namespace}/{self.name}>"


class Unsealed:
    """A raw Secret in plain text, and which key opened each item. `repr` shows neither names nor values."""

    __slots__ = ("fingerprints", "secret")

    def __init__(self, raw_secret: dict[str, Any], fingerprints: "dict[str, Fingerprint]") -> None:
        self.secret = raw_secret
        self.fingerprints = fingerprints

    def __repr__(self) -> str:
        return f"<Unsealed with {len(self.fingerprints)} items>"


def parse(raw: Mapping[str, Any]) -> SealedSecret:
    """Read a raw object, as leniently as the original does.

    Raises: FormatError, with the path to what is wrong.
    """
    return SealedSecret(raw)


def seal_secret(
    raw: Mapping[str, Any],
    public_key: "RSAPublicKey",
    *,
    scope: Scope | None = None,
    name: str | None = None,
    namespace: str | None = None,
    default_namespace: str = "default",
    allow_empty: bool = False,
    random: box.RandomBytes = os.urandom,
) -> dict[str, Any]:
    """Seal a raw `v1 Secret` into a raw SealedSecret.

    `scope` None or strict leaves the input's own scope annotations in force, as the original's flag does; `name`
    overrides the input's; `namespace` must agree with the input's; `default_namespace` is taken where neither says
    one, unless the scope is cluster-wide.

    Raises: FormatError when the input is no Secret; SealError when it must not be sealed as it is.
    """
    require_kind(raw, "v1", "Secret")
    metadata = secret.mapping(raw.get("metadata"), "metadata")
    items = secret.values(raw)
    if not items and not allow_empty:
        raise SealError(EMPTY)
    secret.check_values(items)
    annotations = template.sealable_annotations(metadata, scope)
    scope = of(annotations)
    name = name or secret.string(metadata.get("name"), "metadata.name")
    if not name:
        raise SealError("missing metadata.name in input Secret", hint="name it there, or with --name")
    secret.check_name(name)
    namespace = _namespace(metadata, scope, namespace, default_namespace)
    size = public_key.key_size
    check_stored({key: box.text_length(len(value), size) for key, value in items.items()})
    identity = {"name": name} | ({"namespace": namespace} if namespace else {})
    declared = annotate({}, scope)
    sealed = _seal_items(items, public_key, label(scope, namespace, name), random)
    return {
        "kind": KIND,
        "apiVersion": API_VERSION,
        "metadata": identity | ({"annotations": declared} if declared else {}),
        "spec": {"template": template.of_secret(raw, identity, annotations), "encryptedData": sealed},
    }


def unseal_secret(
    sealed: SealedSecret,
    ring: "KeyRing",
    *,
    owner_reference: dict[str, Any] | None = None,
    hints: "Mapping[str, Fingerprint] | None" = None,
    accept_v1_data: bool = True,
    live_value: LiveValue | None = None,
) -> Unsealed:
    """Open every item, render the templates, and build the raw Secret.

    `owner_reference` is put into the Secret unless the template says not to; `hints` are the fingerprints of the last
    time, by item; `accept_v1_data` allows the deprecated single value that holds a whole Secret; `live_value` is asked
    only for keys whose template gives another output each time.

    Raises: UnsealError with all that failed, TemplateError, FormatError for what cannot be made into a Secret, and what
    `live_value` raises.
    """
    if sealed.v1_data is not None:
        from sealer.v1data import unseal_v1_data

        result = unseal_v1_data(sealed, ring, is_accepted=accept_v1_data)
    else:
        opened = open_items(sealed, ring, hints)
        values = {key: item.value for key, item in opened.items()}
        if templates := sealed.template.get("data"):
            from sealer.rendering import render  # only now: most SealedSecrets have none

            values |= render(templates, values, live_value)
        built = template.build_secret(sealed.template, values, name=sealed.name, namespace=sealed.namespace)
        result = Unsealed(built, {key: item.fingerprint for key, item in opened.items()})
    metadata = result.secret["metadata"]
    if owner_reference is not None and metadata.get("annotations", {}).get(SKIP_OWNER) != "true":
        metadata["ownerReferences"] = [owner_reference]
    return result


def open_items(
    sealed: SealedSecret, ring: "KeyRing", hints: "Mapping[str, Fingerprint] | None" = None
) -> "dict[str, Opened]":
    """The plain values by key, sorted; nothing is rendered.

    Raises: UnsealError that groups the keys by what is wrong with them.
    """
    hints = hints or {}

    def open_one(key: str) -> "Opened | str":
        try:
            return ring.open(decode(sealed.encrypted_data[key]), sealed.label, hints.get(key))
        except (Base64Error, UnsealError) as error:
            return str(error)

    keys = sorted(sealed.encrypted_data)
    results = dict(zip(keys, spread(open_one, keys, from_count=_OPEN_TOGETHER), strict=True))
    opened = {key: result for key, result in results.items() if not isinstance(result, str)}
    if len(opened) < len(keys):
        raise UnsealError.grouped({key: result for key, result in results.items() if isinstance(result, str)})
    return opened


def check_stored(lengths: Mapping[str, int]) -> None:
    """Check, before anything is sealed, what would only show in a cluster. `lengths` are those of the ciphertexts, as
    text, by key; what else is in an object only adds to them.

    Raises: SealError where no API server would store the object.
    """
    total = sum(len(key) + length + len('"":"",') for key, length in lengths.items())
    if total > MOST_STORED_BYTES:
        raise SealError(
            f"sealed, it has {total} bytes, more than the {MOST_STORED_BYTES} of a stored object",
            hint="make several Secrets of it",
        )


def require_kind(raw: Mapping[str, Any], api_version: str, kind: str) -> None:
    """Raises: FormatError when the object is of another kind or version."""
    found = raw.get("kind"), raw.get("apiVersion")
    if found == (kind, api_version):
        return
    if not all(isinstance(word, str) and word for word in found):
        raise FormatError(f"kind and apiVersion are missing; {kind} and {api_version} are expected")
    if found[0] == kind:
        raise FormatError(f"apiVersion is {found[1]}, not {api_version}")
    raise FormatError(f"a {found[0]} is not a {kind}", "it is sealed already" if found[0] == KIND else None)


def _namespace(metadata: Mapping[str, Any], scope: Scope, asked: str | None, default: str) -> str:
    """The namespace to seal for, empty only for a cluster-wide Secret that names none."""
    given = secret.string(metadata.get("namespace"), "metadata.namespace")
    if scope is Scope.CLUSTER:
        chosen = given
    elif asked and given and asked != given:
        raise SealError(f'namespace mismatch: input secret is in namespace "{given}" but "{asked}" was specified')
    else:
        chosen = given or asked or default
    if chosen:
        secret.check_namespace(chosen)
    return chosen


def _seal_items(
    items: Mapping[str, bytes], public_key: "RSAPublicKey", bound_to: bytes, random: box.RandomBytes
) -> dict[str, str]:
    keys = sorted(items)
    sealed = spread(
        lambda key: encode(box.seal(items[key], public_key, bound_to, random=random)), keys, from_count=_SEAL_TOGETHER
    )
    return dict(zip(keys, sealed, strict=True))
