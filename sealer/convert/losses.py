"""What an object says that another form has no place for.

What only a server writes (uid, status and the like) is nobody's to carry and is not counted. A form that cannot say
what an object means is an error; what may be left out if somebody insists is listed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sealer import secret
from sealer.errors import FormatError
from sealer.scope import CLUSTER_WIDE, NAMESPACE_WIDE, Scope, of
from sealer.template import LAST_APPLIED

_SERVERS: Final = frozenset(
    {"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields"}
    | {"resourceVersion", "selfLink", "uid"}
)
_IDENTITY: Final = frozenset({"name", "namespace"})
_SHARED: Final = frozenset({"labels", "annotations", "finalizers"})
_TEMPLATE: Final = frozenset({"metadata", "type", "immutable", "data"})
_SPEC: Final = frozenset({"encryptedData", "template", "data"})
_SEALED: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})


def check_sealed(raw: Mapping[str, Any]) -> None:
    """Raises: FormatError for a SealedSecret that makes values out of values, as nothing but its controller can."""
    if _mapping(_template(raw), "data"):
        raise FormatError(
            "spec.template.data makes values when the object is unsealed, and neither SOPS nor a Secret can do that",
            "unseal it and keep what came out, or leave the object sealed",
        )


def of_sealed(raw: Mapping[str, Any]) -> list[str]:
    """What a Secret made from a SealedSecret would not say any more."""
    metadata, template = _mapping(raw, "metadata"), _template(raw)
    inner = _mapping(template, "metadata")
    scope = of(_mapping(metadata, "annotations"))
    found = [f"{name}" for name in _others(raw, _SEALED)]
    found += [f"metadata.{name}" for name in _others(metadata, _IDENTITY | _SHARED | _SERVERS)]
    found += [f'label "{key}"' for key in _own(metadata, inner, "labels")]
    known = {NAMESPACE_WIDE, CLUSTER_WIDE, *LAST_APPLIED}
    found += [f'annotation "{key}"' for key in _own(metadata, inner, "annotations") if key not in known]
    found += ["metadata.finalizers"] if metadata.get("finalizers") else []
    if scope is not Scope.STRICT and of(_mapping(inner, "annotations")) is not scope:
        found.append(f"scope {scope.flag}")
    found += [f"spec.{name}" for name in _others(_mapping(raw, "spec"), _SPEC)]
    found += [f"spec.template.{name}" for name in _others(template, _TEMPLATE)]
    found += [f"spec.template.metadata.{name}" for name in _others(inner, _IDENTITY | _SHARED | _SERVERS)]
    items = _mapping(_mapping(raw, "spec"), "encryptedData")
    return found + [f'item "{key}", which is no text' for key, text in items.items() if not isinstance(text, str)]


def of_secret(raw: Mapping[str, Any]) -> list[str]:
    """What a SealedSecret made from a Secret would not say any more."""
    metadata = _mapping(raw, "metadata")
    found = [f"{name}" for name in _others(raw, secret.FIELDS | {"status"})]
    return found + [f"metadata.{name}" for name in _others(metadata, _IDENTITY | _SHARED | _SERVERS)]


def applied(raw: Mapping[str, Any]) -> list[str]:
    """The annotations in which kubectl and its like keep the whole Secret in plain text."""
    annotations = _mapping(_mapping(raw, "metadata"), "annotations")
    return [key for key in LAST_APPLIED if key in annotations]


def _template(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(raw, "spec"), "template")


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part that is a mapping, else nothing: wrong types are refused by whoever seals or unseals."""
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _others(given: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    return sorted(name for name, value in given.items() if name not in known and value not in (None, "", {}, []))


def _own(outer: Mapping[str, Any], inner: Mapping[str, Any], name: str) -> Iterator[str]:
    """The entries that the template does not have as well."""
    carried = _mapping(inner, name)
    for key, value in sorted(_mapping(outer, name).items()):
        if key not in carried or carried[key] != value:
            yield key
