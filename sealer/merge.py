"""Bring a Secret into a SealedSecret that exists: what would change in it, as a patch.

The target decides name, namespace and scope, whatever the Secret says: its values are bound to those already.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sealer import secret
from sealer.errors import FormatError
from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE, Scope, annotate
from sealer.sealedsecret import KIND, SealedSecret, check_stored, parse, require_kind, seal_secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

IsSame = Callable[[SealedSecret, str, bytes], bool]
"""Whether the item of a SealedSecret is known to hold a value."""


def into(
    target: Mapping[str, Any],
    raw: Mapping[str, Any],
    public_key: "RSAPublicKey",
    *,
    default_namespace: str,
    allow_empty: bool = False,
) -> dict[str, Any]:
    """The patch that adds the items of a Secret, its labels and annotations, and replaces those of the same name.

    Raises: FormatError, SealError.
    """
    made = _sealed(target, raw, public_key, default_namespace, allow_empty=allow_empty)["spec"]
    metadata = {
        field: _without_scope(made["template"]["metadata"].get(field) or {}) for field in ("labels", "annotations")
    }
    wanted = {"encryptedData": made["encryptedData"], "template": {"metadata": metadata}}
    return _fitting({"spec": wanted}, target)


def update(
    target: Mapping[str, Any],
    raw: Mapping[str, Any],
    public_key: "RSAPublicKey",
    is_same: IsSame,
    *,
    default_namespace: str,
    allow_empty: bool = False,
) -> dict[str, Any]:
    """The patch that makes the target say what a Secret says: items that it no longer has go, and those whose value
    is the same keep their ciphertext. Templates of values, which no Secret has, stay.

    Raises: FormatError, SealError, and what `is_same` raises.
    """
    made = _sealed(target, raw, public_key, default_namespace, allow_empty=allow_empty)["spec"]
    sealed = parse(target)
    values = secret.values(raw)
    items: dict[str, Any] = dict.fromkeys(sealed.dropped)
    for key in sealed.encrypted_data.keys() | made["encryptedData"].keys():
        if key not in values:
            items[key] = None
        elif key not in sealed.encrypted_data or not is_same(sealed, key, values[key]):
            items[key] = made["encryptedData"][key]
    spec = secret.mapping(target.get("spec"), "spec")
    old, new = secret.mapping(spec.get("template"), "spec.template"), made["template"]
    old_metadata = secret.mapping(old.get("metadata"), "spec.template.metadata")
    template: dict[str, Any] = {
        field: _difference(_without_scope(secret.mapping(old_metadata.get(field), field)), _without_scope(wanted))
        for field in ("labels", "annotations")
        if (wanted := new["metadata"].get(field) or {}) or old_metadata.get(field)
    }
    rest = {field: new.get(field) for field in ("type", "immutable") if old.get(field) != new.get(field)}
    changed = {"encryptedData": dict(sorted(items.items())), "template": {"metadata": template, **rest}}
    return _fitting({"spec": changed}, target)


def one_item(target: Mapping[str, Any], key: str, ciphertext: str) -> dict[str, Any]:
    """The patch that gives one item another ciphertext, or that adds it."""
    return _fitting({"spec": {"encryptedData": {key: ciphertext}}}, target)


def _sealed(
    target: Mapping[str, Any],
    raw: Mapping[str, Any],
    public_key: "RSAPublicKey",
    default_namespace: str,
    *,
    allow_empty: bool,
) -> dict[str, Any]:
    sealed = checked_target(target)
    require_kind(raw, "v1", "Secret")
    metadata = secret.mapping(raw.get("metadata"), "metadata")
    annotations = secret.strings(metadata.get("annotations"), "metadata.annotations")
    placed = {
        **metadata,
        "name": sealed.name,
        "namespace": sealed.namespace or None,
        "annotations": annotate(annotations, sealed.scope),
    }
    return seal_secret(
        {**raw, "metadata": placed}, public_key, default_namespace=default_namespace, allow_empty=allow_empty
    )


def checked_target(target: Mapping[str, Any]) -> SealedSecret:
    """The target, as far as it can take items.

    Raises: FormatError.
    """
    sealed = parse(target)
    if sealed.v1_data is not None:
        raise FormatError(
            f"a {KIND} with the deprecated field spec.data cannot take items", "unseal it and seal it again"
        )
    return sealed


def namespace_of(sealed: SealedSecret, default: str) -> str:
    """What values of this object are bound to; an object without namespace goes where `kubectl apply` puts it."""
    return sealed.namespace or ("" if sealed.scope is Scope.CLUSTER else default)


def _without_scope(annotations: Mapping[str, Any]) -> dict[str, Any]:
    """The target's own scope stands in its template already, and must not be changed from outside."""
    return {key: value for key, value in annotations.items() if key not in (NAMESPACE_WIDE, CLUSTER_WIDE)}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(old.keys() - new.keys()), **new}


def _fitting(change: dict[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """The patch for a change. Raises: SealError where the object would then be too large to be stored."""
    after = {**parse(target).encrypted_data, **change["spec"]["encryptedData"]}
    check_stored({key: len(text) for key, text in after.items() if text is not None})
    return _grown(change, target)


def _grown(change: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a patch that would change something: equal values and empty branches are left out."""
    result: dict[str, Any] = {}
    for key, wanted in change.items():
        present = raw.get(key)
        if isinstance(wanted, dict):
            inner = _grown(wanted, present if isinstance(present, dict) else {})
            if inner or (not wanted and key not in raw and key == "encryptedData"):
                result[key] = inner
        elif wanted != present or (wanted is not None and key not in raw):
            result[key] = wanted
    return result
