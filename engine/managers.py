"""Field managers of a live object: whose fields become the owner's before its apply, and as which patch.

Without this a field that another tool had set stays when the manifest drops it, because its manager still owns it.
Source: fluxcd/pkg ssa/patch.go, PatchReplaceFieldsManagers, PatchRemoveAnnotations, PatchRemoveLabels.
"""

from collections.abc import Mapping
from typing import Any

from engine.ownership import Ownership, metadata_of

Object = dict[str, Any]
Fields = dict[str, Any]
"""A set of fields as a tree. A node is a member when it is empty or has the key `.`."""


def clean_up(live: Object, ownership: Ownership) -> list[Object] | None:
    """The JSON patch that hands the fields of foreign managers to the owner and takes old marks away; None when there
    is nothing to do. It holds for exactly this state of the object: the server refuses it (Conflict) for another one.
    """
    patch: list[Object] = [
        {"op": "remove", "path": f"/metadata/{place}/{_escaped(key)}"}
        for place, keys in (
            ("annotations", ownership.dropped_annotations),
            ("labels", ownership.dropped_labels),
        )
        for key in keys
        if key in metadata_of(live, place)
    ]
    entries = _handed_over(live["metadata"].get("managedFields") or [], ownership)
    if entries is not None:
        patch.append({"op": "replace", "path": "/metadata/managedFields", "value": entries})
    if not patch:
        return None
    return [_for_this_state(live), *patch]


def migrate(live: Object, api_version: str) -> list[Object] | None:
    """The JSON patch after which all fields are noted in one version; None when they are.

    Source: fluxcd/pkg ssa/patch.go, PatchMigrateToVersion.
    """
    entries = live["metadata"].get("managedFields") or []
    if all(entry.get("apiVersion") == api_version for entry in entries):
        return None
    moved = [{**entry, "apiVersion": api_version} for entry in entries]
    return [_for_this_state(live), {"op": "replace", "path": "/metadata/managedFields", "value": moved}]


def _for_this_state(live: Object) -> Object:
    version = live["metadata"]["resourceVersion"]
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": version}


def _handed_over(entries: list[Object], ownership: Ownership) -> list[Object] | None:
    """The entries with those of foreign managers joined into the owner's; None when there is no foreign one."""
    own = next((entry for entry in entries if _is_own(entry, ownership)), None)
    foreign = [entry for entry in entries if entry is not own and _is_foreign(entry, ownership)]
    if not foreign:
        return None
    kept = [entry for entry in entries if entry is not own and entry not in foreign]
    if own is None:
        own = {**foreign[0], "manager": ownership.manager, "operation": "Apply"}
    fields: Fields = own.get("fieldsV1") or {}
    for more in (entry.get("fieldsV1") for entry in foreign):
        fields = _union(fields, more) if fields and more else fields or more or {}
    return [*kept, {**own, "fieldsV1": fields}]


def _is_own(entry: Mapping[str, Any], ownership: Ownership) -> bool:
    named = (entry.get("manager"), entry.get("operation"))
    return named == (ownership.manager, "Apply") and not entry.get("subresource")


def _is_foreign(entry: Mapping[str, Any], ownership: Ownership) -> bool:
    manager = entry.get("manager") or ""
    if entry.get("subresource") or _is_own(entry, ownership):
        return False
    if ownership.kept_manager and manager == ownership.kept_manager:
        return False
    return any(
        manager.startswith(foreign.manager) and foreign.operation in ("", entry.get("operation"))
        for foreign in ownership.foreign
    )


def _union(one: Fields, other: Fields) -> Fields:
    """Both sets of fields. Source: the form is that of structured-merge-diff fieldpath/serialize.go."""
    if not one or not other:
        filled = one or other
        return {".": {}, **filled} if filled and "." not in filled else filled
    merged = dict(one)
    for name, below in other.items():
        merged[name] = _union(merged[name], below) if name in merged and name != "." else below
    return merged


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
