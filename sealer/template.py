"""`spec.template`: made from a Secret when it is sealed, read from a SealedSecret, made into a Secret again."""

from collections.abc import Mapping
from typing import Any

from sealer import secret
from sealer.encoding import encode
from sealer.scope import Scope, annotate

LAST_APPLIED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubecfg.ksonnet.io/last-applied-configuration",
)
"""They hold the whole Secret in plain text, so they must never reach the template."""


def sealable_annotations(metadata: Mapping[str, Any], scope: Scope | None) -> dict[str, str]:
    """The annotations of an input Secret that go into its template, declaring a scope wider than strict if asked to.

    Raises: FormatError for a wrong type, SealError for what the API refuses.
    """
    annotations = secret.strings(metadata.get("annotations"), "metadata.annotations")
    for key in LAST_APPLIED:
        annotations.pop(key, None)
    if scope in (Scope.NAMESPACE, Scope.CLUSTER):
        annotations = annotate(annotations, scope)
    secret.check_annotations(annotations)
    return annotations


def of_secret(raw: Mapping[str, Any], identity: Mapping[str, str], annotations: Mapping[str, str]) -> dict[str, Any]:
    """The template of a raw Secret: everything but its values and what only a server writes. `identity` is name and
    namespace, as sealed for; `annotations` are those of `sealable_annotations`.

    Raises: FormatError for a wrong type, SealError for what the API refuses.
    """
    given = secret.mapping(raw.get("metadata"), "metadata")
    labels = secret.strings(given.get("labels"), "metadata.labels")
    secret.check_labels(labels)
    metadata: dict[str, Any] = dict(identity)
    if labels:
        metadata["labels"] = dict(sorted(labels.items()))
    if annotations:
        metadata["annotations"] = dict(sorted(annotations.items()))
    finalizers = secret.string_list(given.get("finalizers"), "metadata.finalizers")
    secret.check_finalizers(finalizers)
    if finalizers:
        metadata["finalizers"] = finalizers
    template: dict[str, Any] = {"metadata": metadata}
    if kind := secret.string(raw.get("type"), "type"):
        template["type"] = kind
    immutable = secret.boolean(raw.get("immutable"), "immutable")
    return template if immutable is None else template | {"immutable": immutable}


def read(raw: object, path: str) -> dict[str, Any]:
    """The known fields of a template (or of the Secret that stands in for one), empty ones left out.

    Raises: FormatError, with the path to what is wrong.
    """
    given = secret.mapping(raw, path)
    metadata = secret.mapping(given.get("metadata"), f"{path}.metadata")
    known: dict[str, Any] = {
        "labels": secret.strings(metadata.get("labels"), f"{path}.metadata.labels"),
        "annotations": secret.strings(metadata.get("annotations"), f"{path}.metadata.annotations"),
        "finalizers": secret.string_list(metadata.get("finalizers"), f"{path}.metadata.finalizers"),
    }
    template: dict[str, Any] = {
        "metadata": {key: value for key, value in known.items() if value},
        "type": secret.string(given.get("type"), f"{path}.type"),
        "immutable": secret.boolean(given.get("immutable"), f"{path}.immutable"),
        "data": secret.strings(given.get("data"), f"{path}.data"),
    }
    return {key: value for key, value in template.items() if value not in ("", {}, None)}


def build_secret(
    template: Mapping[str, Any], values: Mapping[str, bytes], *, name: str, namespace: str
) -> dict[str, Any]:
    """The raw Secret of a template and plain values, in the field order of Go's encoder; name and namespace are the
    SealedSecret's, whatever the template says."""
    metadata = template.get("metadata", {})
    built: dict[str, Any] = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}}
    if namespace:
        built["metadata"]["namespace"] = namespace
    built["metadata"] |= {key: metadata[key] for key in ("labels", "annotations", "finalizers") if key in metadata}
    if "immutable" in template:
        built["immutable"] = template["immutable"]
    if values:
        built["data"] = {key: encode(values[key]) for key in sorted(values)}
    if "type" in template:
        built["type"] = template["type"]
    return built
