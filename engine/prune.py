"""Delete what is stale, and nothing else: ownership and protection are looked at on the live object, right before.

Source of the rules: fluxcd/pkg ssa/manager_delete.go; fluxcd/kustomize-controller, deleteObjects.
"""

from collections.abc import Collection
from typing import Any

from engine.changes import Action, Change
from engine.errors import KsealError
from engine.inventory import Member
from engine.kube.errors import ApiError, Conflict, Invalid, NotFound, NotServed
from engine.kube.message import parse
from engine.kube.refs import ObjectRef, Resource
from engine.kube.status import Target
from engine.live import Live
from engine.ownership import Ownership

_TRIES = 4
"""How often an object is looked at again that changes between our reading and our deleting."""
_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class PruneError(KsealError):
    """An object was not deleted, so it stays a member."""


def prune(
    member: Member,
    live: Live,
    ownership: Ownership,
    *,
    kept: Collection[ObjectRef] = (),
    kept_uids: Collection[str] = (),
) -> Change:
    """Delete one object, with what depends on it in the background.

    DELETED: it is gone, or on its way. SKIPPED: it is not ours to delete: other or no owner labels, protected, or one
    of `kept` under another name (a namespace that the kind does not have, another API group). FAILED: try again.
    """
    ref = member.ref
    try:
        try:
            action = _prune(member, live, ownership, kept, kept_uids)
        except NotServed:  # it was, when the server was asked for its kinds; the error has made us ask again
            action = _prune(member, live, ownership, kept, kept_uids)
    except PruneError as error:
        return _change(member, Action.FAILED, error)
    except ApiError as error:
        found = PruneError(f"{member.ref} delete failed: {_words(error, ref)}", error.hint)
        found.__cause__ = error
        return _change(member, Action.FAILED, found)
    return _change(member, action)


def _prune(
    member: Member, live: Live, ownership: Ownership, kept: Collection[ObjectRef], kept_uids: Collection[str]
) -> Action:
    """Raises: PruneError, ApiError."""
    ref = member.ref
    resource = live.resource(ref, member.version) or live.resource(ref, None)
    if resource is None:
        _check_that_none_is_left(live, ref)
        return Action.DELETED
    if ref.namespace and not resource.namespaced:
        ref = ref._replace(namespace="")
    if ref in kept:
        return Action.SKIPPED
    try:
        return _delete(ref, resource, live, ownership, kept_uids)
    except NotServed:
        live.forget(resource)
        raise


def _change(member: Member, action: Action, error: PruneError | None = None) -> Change:
    return Change(member.ref, action, error, member.version, is_prune=True)


def _delete(ref: ObjectRef, resource: Resource, live: Live, ownership: Ownership, kept_uids: Collection[str]) -> Action:
    """Raises: ApiError."""
    if resource.namespaced and not ref.namespace:
        return Action.DELETED  # no such object can be
    for tries_left in reversed(range(_TRIES)):
        obj = live.find(resource, ref)
        if obj is None:
            return Action.DELETED
        metadata = obj["metadata"]
        if not ownership.owns(obj) or ownership.is_protected(obj) or metadata["uid"] in kept_uids:
            return Action.SKIPPED
        if metadata.get("deletionTimestamp"):
            return Action.DELETED
        try:
            live.cluster.delete(
                resource,
                ref.namespace or None,
                ref.name,
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
                propagation="Background",
            )
        except NotServed:
            raise
        except NotFound:
            return Action.DELETED
        except (Conflict, Invalid):
            if not tries_left:
                raise
            continue  # somebody wrote to it: perhaps its new owner
        return Action.DELETED
    raise AssertionError("unreachable")


def _check_that_none_is_left(live: Live, ref: ObjectRef) -> None:
    """Of a kind that is not served there are no objects, when it is gone for good: without a definition, and without a
    server of its own that is merely away. Raises: PruneError; ApiError when nobody can tell."""
    root = f"/apis/{ref.group}" if ref.group else "/api"
    versions = _versions(live, root)
    for version in versions:
        path = f"{root}/{version}"
        listed = _answer(live, path)
        if any(found.get("kind") == ref.kind for found in (listed or {}).get("resources") or ()):
            raise PruneError(f"{ref} delete failed: the server has just begun to serve this kind", "it is tried again")
    if ref.group and _is_defined(live, ref):
        raise PruneError(
            f"{ref} delete failed: its kind is defined, but not served",
            "look at the conditions of its CustomResourceDefinition",
        )


def _versions(live: Live, root: str) -> list[str]:
    answer = _answer(live, root) or {}
    if root == "/api":
        return [version for version in answer.get("versions") or () if isinstance(version, str)]
    return [found["version"] for found in answer.get("versions") or ()]


def _answer(live: Live, path: str) -> dict[str, Any] | None:
    """What the server says there; None for 404. Raises: ApiError, as for a server behind it that is away."""
    target = Target.of_path(path, "get")
    try:
        return parse(live.cluster.request("GET", path, target=target), target)
    except NotFound:
        return None


def _is_defined(live: Live, ref: ObjectRef) -> bool:
    """Whether some definition has this kind. The names of definitions end in their group."""
    try:
        names = [
            item["metadata"]["name"]
            for page in live.cluster.list_pages(_DEFINITIONS, accept=_METADATA)
            for item in page["items"]
            if item["metadata"]["name"].endswith(f".{ref.group}")
        ]
        found = (live.find(_DEFINITIONS, ObjectRef(_DEFINITIONS.group, _DEFINITIONS.kind, "", name)) for name in names)
        return any(crd is not None and crd["spec"]["names"].get("kind") == ref.kind for crd in found)
    except NotServed:
        return False


def _words(error: ApiError, ref: ObjectRef) -> str:
    """The refusal without its object, which stands before it already."""
    return error.message.removeprefix(f"{ref}: ")
