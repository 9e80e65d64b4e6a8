"""desired: built objects as they are applied: with their owner's labels, in the form that the server compares best.

Pure. What comes in is not changed; parts that stay the same are shared with what goes out.
Source of the rules: fluxcd/pkg ssa/normalize/normalize.go, ssa/utils/{meta,cert_validation}.go;
fluxcd/kustomize-controller internal/controller/kustomization_controller.go, apply.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.errors import Stalled
from engine.kube.refs import ObjectRef
from engine.ownership import Ownership

Object = dict[str, Any]

IsNamespaced = Callable[[str, str], bool | None]
"""(group, kind) -> whether it lives in namespaces; None when nobody knows."""

_POD_SPECS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("v1", "Pod"): ("spec",),
    ("apps/v1", "Deployment"): ("spec", "template", "spec"),
    ("apps/v1", "StatefulSet"): ("spec", "template", "spec"),
    ("apps/v1", "DaemonSet"): ("spec", "template", "spec"),
    ("apps/v1", "ReplicaSet"): ("spec", "template", "spec"),
    ("batch/v1", "Job"): ("spec", "template", "spec"),
    ("batch/v1", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
_SOPS_VALUE = b"ENC[AES256_GCM,"
_SOPS_MARKERS = (b"sops_mac=ENC[", b"mac: ENC[", b'"mac": "ENC[', b'"mac":"ENC[')
"""What a document encrypted by SOPS has in it. Source: kustomize-controller internal/decryptor/decryptor.go."""
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\s*", re.DOTALL)
_BOOKKEEPING = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Metadata of the server, as exported manifests have them: in an apply they would only make it fail."""
_NAMELESS_KINDS = frozenset({"Namespace", "Node", "PersistentVolume"})  # of the core group: they have no namespace
_WITHOUT_NAMESPACES: Mapping[str, frozenset[str]] = {
    "": _NAMELESS_KINDS,
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "networking.k8s.io": frozenset({"IngressClass", "IPAddress", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}),
}


class DesiredError(Stalled):
    """An object cannot be applied as it was built."""


def desired(
    objects: Iterable[Mapping[str, Any]],
    ownership: Ownership,
    *,
    default_namespace: str | None = None,
    is_namespaced: IsNamespaced | None = None,
) -> list[Object]:
    """The objects to apply, in the order given.

    Owner labels win over common metadata, and common metadata over the manifest. `default_namespace` is for objects
    of namespaced kinds that name none; without it they stay as they are, and the server refuses them. Which kinds
    those are says `is_namespaced`; what it does not know, the table of built-in kinds decides.

    Raises: DesiredError for what is no object, an object that is there twice, and one that is still encrypted.
    """
    found: dict[ObjectRef, Object] = {}
    for obj in objects:
        made = _one(obj, ownership)
        ref = ref_of(made)
        if default_namespace and not ref.namespace and _lives_in_namespace(ref, is_namespaced):
            made["metadata"]["namespace"] = default_namespace
            ref = ref._replace(namespace=default_namespace)
        if ref in found:
            raise DesiredError(f"{ref}: it is there twice", "one file defines it already; remove one of the two")
        found[ref] = made
    return list(found.values())


def ref_of(obj: Mapping[str, Any]) -> ObjectRef:
    """The identity of an object that `desired` has let through, or of a live one."""
    group, _, _ = obj["apiVersion"].rpartition("/")
    metadata = obj["metadata"]
    return ObjectRef(group, obj["kind"], metadata.get("namespace") or "", metadata["name"])


def version_of(obj: Mapping[str, Any]) -> str:
    """The version of the API that an object is written in, without its group."""
    version: str = obj["apiVersion"].rpartition("/")[2]
    return version


def has_no_namespace(group: str, kind: str) -> bool:
    """Whether a built-in kind stands above namespaces."""
    return kind in _WITHOUT_NAMESPACES.get(group, ())


def _one(obj: Mapping[str, Any], ownership: Ownership) -> Object:
    ref = _checked(obj)
    made = dict(obj)
    metadata = made["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    _refuse_encrypted(made, ref, ownership)
    labels = {**_texts(metadata, "labels", ref), **ownership.common_labels, **ownership.labels}
    annotations = {**_texts(metadata, "annotations", ref), **ownership.common_annotations}
    for place, texts in (("labels", labels), ("annotations", annotations)):
        if texts:
            metadata[place] = texts
        else:
            metadata.pop(place, None)
    group, _, _ = made["apiVersion"].rpartition("/")
    if (group, made["kind"]) == ("apiextensions.k8s.io", "CustomResourceDefinition"):
        _without_broken_authority(made)
    else:
        made.pop("status", None)
    _normalise(made, ref)
    return made


def _checked(obj: Mapping[str, Any]) -> ObjectRef:
    """The identity of what a build made. Raises: DesiredError when it is no Kubernetes object."""
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    namespace = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    parts = {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata.name": name}
    for field, value in parts.items():
        if not isinstance(value, str) or not value:
            shown = "/".join(str(part)[:253] for part in (parts["kind"], name) if isinstance(part, str) and part)
            raise DesiredError(f"{shown or 'an object'}: {field} is missing or no text")
    if namespace is not None and not isinstance(namespace, str):
        raise DesiredError(f"{parts['kind']}/{name}: metadata.namespace is no text", "put it into quotes")
    return ref_of(obj)


def _texts(holder: Mapping[str, Any], field: str, ref: ObjectRef) -> dict[str, str]:
    """A map of texts. What is null counts as empty, as the server reads it. Raises: DesiredError."""
    found = holder.get(field) or {}
    if not isinstance(found, Mapping):
        raise DesiredError(f"{ref}: {field} is no map")
    texts = {}
    for key, value in found.items():
        if not isinstance(key, str) or not (value is None or isinstance(value, str)):
            raise DesiredError(
                f'{ref}: {field} "{key}" is {_kind_of(value)}, where only texts are allowed', "put it into quotes"
            )
        texts[key] = value or ""
    return texts


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if isinstance(value, int | float) else "a list" if isinstance(value, list) else "a map"


def _refuse_encrypted(obj: Object, ref: ObjectRef, ownership: Ownership) -> None:
    """An object that SOPS encrypted is never applied, unless it says that it is meant to stay so: then without the
    envelope, which the server does not know."""
    is_secret = (obj["apiVersion"], obj["kind"]) == ("v1", "Secret")
    envelope = obj.get("sops")
    is_encrypted = "sops" in obj if is_secret else isinstance(envelope, Mapping) and "mac" in envelope
    if not is_encrypted and not (is_secret and _holds_encrypted(obj)):
        return
    if not ownership.says("decrypt", "disabled", obj):
        raise DesiredError(
            f"{ref} is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
            f"name the keys that open it, or annotate it with {ownership.control}/decrypt: disabled to apply it as is",
        )
    obj.pop("sops", None)


def _holds_encrypted(secret: Mapping[str, Any]) -> bool:
    """Whether one of a Secret's values is a value or a document that SOPS encrypted."""
    for field in ("data", "stringData"):
        values = secret.get(field)
        for value in values.values() if isinstance(values, Mapping) else ():
            if not isinstance(value, str):
                continue
            text = value.encode(errors="replace")
            plain = _decoded(text) if field == "data" else text
            if text.startswith(_SOPS_VALUE) or (plain is not None and _is_marked(plain)):
                return True
    return False


def _is_marked(plain: bytes) -> bool:
    return plain.startswith(_SOPS_VALUE) or (b"sops" in plain and any(marker in plain for marker in _SOPS_MARKERS))


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return None


def _normalise(obj: Object, ref: ObjectRef) -> None:
    """The forms in which server-side apply has trouble, made plain. `obj` is ours; what is in it is shared."""
    kind = (obj["apiVersion"], obj["kind"])
    if kind == ("v1", "Secret"):
        _join_string_data(obj, ref)
    elif kind == ("v1", "Service"):
        _replaced(obj, ("spec", "ports"), _with_protocols)
    elif path := _POD_SPECS.get(kind):
        for containers in ("containers", "initContainers"):
            _replaced(obj, (*path, containers), _containers_with_protocols)


def _join_string_data(secret: Object, ref: ObjectRef) -> None:
    """`stringData` becomes `data`. Under server-side apply the two contradict each other: kubernetes#108008."""
    plain = _texts(secret, "stringData", ref)
    secret.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        secret["data"] = {**_texts(secret, "data", ref), **encoded}


def _with_protocols(ports: list[Any]) -> list[Any]:
    """Ports are told apart by their protocol too, and what is left out counts as missing: kubernetes#98576."""
    return [
        {**port, "protocol": "TCP"} if isinstance(port, dict) and not port.get("protocol") else port for port in ports
    ]


def _containers_with_protocols(containers: list[Any]) -> list[Any]:
    return [
        {**container, "ports": _with_protocols(container["ports"])}
        if isinstance(container, dict) and isinstance(container.get("ports"), list)
        else container
        for container in containers
    ]


def _replaced(obj: Object, path: tuple[str, ...], change: Callable[[list[Any]], list[Any]]) -> None:
    """Change the list at a path, where there is one, with new maps on the way to it."""
    here: Any = obj
    for name in path[:-1]:
        if not isinstance(here.get(name), dict):
            return
        here[name] = dict(here[name])
        here = here[name]
    if isinstance(here.get(path[-1]), list):
        here[path[-1]] = change(here[path[-1]])


def _without_broken_authority(crd: Object) -> None:
    """A conversion webhook's authority that is no certificate is a placeholder for somebody else to fill; the server
    refuses it since 1.31."""
    path = ("spec", "conversion", "webhook", "clientConfig")
    here: Any = crd
    for name in path:
        here = here.get(name) if isinstance(here, dict) else None
    bundle = here.get("caBundle") if isinstance(here, dict) else None
    if not isinstance(bundle, str) or not bundle or _is_authority(bundle):
        return
    here = crd
    for name in path:
        here[name] = dict(here[name])
        here = here[name]
    del here["caBundle"]


def _is_authority(bundle: str) -> bool:
    """Whether a text is base64 of PEM with at least one certificate, as Go's AppendCertsFromPEM asks for."""
    from cryptography.x509 import load_pem_x509_certificate

    plain = _decoded(bundle.encode(errors="replace")) or b""
    for found in _CERTIFICATE.findall(plain):
        try:
            load_pem_x509_certificate(found)
        except ValueError:
            continue
        return True
    return False


def _lives_in_namespace(ref: ObjectRef, is_namespaced: IsNamespaced | None) -> bool:
    known = is_namespaced(ref.group, ref.kind) if is_namespaced else None
    return not has_no_namespace(ref.group, ref.kind) if known is None else known
