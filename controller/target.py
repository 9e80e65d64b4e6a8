"""A Secret that we write for a custom resource: may we, what would it become, and the write itself.

The decision is pure (`resolve`); the edge (`write`) reads and writes only what the decision needs. A Secret is
remembered as a `SecretRecord`: who owns it and a keyed digest of its content, so that plaintext is dropped at once.
"""

import hashlib
import secrets
from typing import Any, Final, Literal, NamedTuple

import orjson

from controller.errors import Immutable, NotOurs
from engine.kube.client import Cluster
from engine.kube.errors import AlreadyExists, NotFound
from engine.kube.refs import SECRETS

FIELD_MANAGER: Final = "kseal-controller"
MANAGED: Final = "sealedsecrets.bitnami.com/managed"
PATCH: Final = "sealedsecrets.bitnami.com/patch"

_DIGEST_KEY: Final = secrets.token_bytes(32)


def content_digest(secret: dict[str, Any]) -> bytes:
    """What we would overwrite of a Secret (data, type, labels, annotations, owners) as 16 bytes.

    Keyed with bytes of this process, so that a digest in a core dump says nothing about a short password.
    """
    metadata = secret.get("metadata") or {}
    content = [
        secret.get("data") or {},
        secret.get("type") or "Opaque",  # the API server's default
        metadata.get("labels") or {},
        metadata.get("annotations") or {},
        metadata.get("ownerReferences") or [],
    ]
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), key=_DIGEST_KEY, digest_size=16).digest()


class SecretRecord(NamedTuple):
    """What we keep of a Secret that we saw."""

    uid: str
    resource_version: str
    controller_uid: str
    """uid of the owner with `controller: true`, or empty."""
    managed: bool
    patch: bool
    written_by_us: bool
    """Our field manager wrote its data: how a Secret without owner reference is known as ours after a restart."""
    digest: bytes

    def belongs_to(self, owner_uid: str, *, without_reference: bool = False) -> bool:
        """May the owner overwrite it? `without_reference`: its template asks for no owner reference."""
        if self.managed or self.patch or (bool(owner_uid) and self.controller_uid == owner_uid):
            return True
        return without_reference and self.written_by_us and not self.controller_uid


def record(secret: dict[str, Any]) -> SecretRecord:
    """Reduce a Secret as the API server serves it to what we keep."""
    metadata = secret.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    owners = metadata.get("ownerReferences") or []
    return SecretRecord(
        uid=metadata.get("uid", ""),
        resource_version=metadata.get("resourceVersion", ""),
        controller_uid=next((owner.get("uid", "") for owner in owners if owner.get("controller")), ""),
        managed=annotations.get(MANAGED) == "true",
        patch=annotations.get(PATCH) == "true",
        written_by_us=any(
            entry.get("manager") == FIELD_MANAGER and "f:data" in (entry.get("fieldsV1") or {})
            for entry in metadata.get("managedFields") or []
        ),
        digest=content_digest(secret),
    )


class Written(NamedTuple):
    """What a write came to."""

    action: Literal["created", "updated", "unchanged"]
    record: SecretRecord


def resolve(
    live: dict[str, Any],
    desired: dict[str, Any],
    owner_uid: str,
    *,
    without_reference: bool,
    protected_label: str | None = None,
) -> dict[str, Any]:
    """What the live Secret becomes: replaced, or merged where it asks for that; `live` itself stays as it is.

    One with the protected label is never ours, whatever its annotations say.
    Raises: NotOurs; Immutable when data would have to change and may not.
    Source: sealed-secrets.md section 5, rows Ownership check, Replace, Patch, immutable.
    """
    seen = record(live)
    is_protected = protected_label is not None and protected_label in (live["metadata"].get("labels") or {})
    if is_protected or not seen.belongs_to(owner_uid, without_reference=without_reference):
        name = desired["metadata"]["name"]
        raise NotOurs(
            f'Resource "{name}" already exists and is not managed by SealedSecret',
            f'delete that Secret, or annotate it {MANAGED}: "true" to let it be overwritten',
        )
    merged = _patched(live, desired, take_over=seen.managed) if seen.patch else _replaced(live, desired)
    if live.get("immutable") and (merged.get("data") or {}) != (live.get("data") or {}):
        raise Immutable(
            "the target Secret is immutable",
            "delete the Secret: it is made again at once with the new content",
        )
    live_type, new_type = live.get("type") or "Opaque", desired.get("type") or "Opaque"
    if live_type != new_type:
        raise Immutable(
            f"the type of the target Secret cannot change from {live_type} to {new_type}",
            "delete the Secret: it is made again at once with the new type",
        )
    return merged


def _replaced(live: dict[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(live["metadata"])
    for name in ("labels", "annotations", "ownerReferences"):
        _set(metadata, name, desired["metadata"].get(name))
    merged = dict(live, metadata=metadata)
    _set(merged, "data", desired.get("data"))
    return merged


def _patched(live: dict[str, Any], desired: dict[str, Any], *, take_over: bool) -> dict[str, Any]:
    metadata = dict(live["metadata"])
    for name in ("labels", "annotations"):
        _set(metadata, name, {**(metadata.get(name) or {}), **(desired["metadata"].get(name) or {})})
    if take_over:
        _set(metadata, "ownerReferences", desired["metadata"].get("ownerReferences"))
    merged = dict(live, metadata=metadata)
    _set(merged, "data", {**(live.get("data") or {}), **(desired.get("data") or {})})
    return merged


def _set(mapping: dict[str, Any], name: str, value: object) -> None:
    if value:
        mapping[name] = value
    else:
        mapping.pop(name, None)


def write(
    cluster: Cluster,
    desired: dict[str, Any],
    *,
    owner_uid: str,
    exists: bool,
    without_reference: bool = False,
    protected_label: str | None = None,
) -> Written:
    """Bring the Secret of that name to the desired content with as few requests as it takes.

    `exists` is what we last saw: True reads first, False creates first; where the world has moved, the other follows.
    Raises: NotOurs, Immutable, ApiError (Conflict when somebody wrote in between: look again).
    """
    namespace, name = desired["metadata"]["namespace"], desired["metadata"]["name"]
    if not exists:
        try:
            return Written("created", record(_create(cluster, desired)))
        except AlreadyExists:
            pass  # somebody was faster, or a lost answer of our own: the live object decides below
    try:
        live = cluster.get(SECRETS, namespace, name)
    except NotFound:
        return Written("created", record(_create(cluster, desired)))
    merged = resolve(live, desired, owner_uid, without_reference=without_reference, protected_label=protected_label)
    if content_digest(merged) == content_digest(live):
        return Written("unchanged", record(live))
    merged["metadata"].pop("managedFields", None)
    return Written("updated", record(cluster.update(SECRETS, merged, field_manager=FIELD_MANAGER)))


def remove(cluster: Cluster, namespace: str, name: str, *, owner_uid: str) -> bool:
    """Delete the Secret of an owner that is gone, unless it belongs to somebody else by now; True when it is done.

    Raises: ApiError (Conflict when somebody wrote in between: look again).
    """
    try:
        live = cluster.get(SECRETS, namespace, name)
        seen = record(live)
        if seen.controller_uid != owner_uid and not (seen.written_by_us and not seen.controller_uid):
            return False
        cluster.delete(SECRETS, namespace, name, uid=seen.uid, resource_version=seen.resource_version)
    except NotFound:
        return False
    return True


def _create(cluster: Cluster, desired: dict[str, Any]) -> dict[str, Any]:
    return cluster.create(SECRETS, desired, field_manager=FIELD_MANAGER)
