"""Which field managers are relieved, and what becomes of their fields. Cases as in fluxcd/pkg ssa/patch.go."""

from typing import Any

from engine.managers import clean_up
from engine.ownership import Foreign, Ownership

Object = dict[str, Any]


def ownership(*foreign: Foreign, **more: Any) -> Ownership:
    return Ownership(manager="us", labels={"o": "x"}, control="c", foreign=foreign, **more)


def entry(manager: str, operation: str = "Apply", fields: Object | None = None, **more: Any) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": fields or {"f:data": {"f:k": {}}}, **more}


def live(*entries: Object, **metadata: Any) -> Object:
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries), **metadata}}


def handed(patch: list[Object] | None) -> list[tuple[str, str, Object]]:
    assert patch is not None
    (found,) = (one["value"] for one in patch if one["path"] == "/metadata/managedFields")
    return [(one["manager"], one["operation"], one["fieldsV1"]) for one in found]


def test_nothing_foreign_is_nothing_to_do() -> None:
    assert clean_up(live(entry("us"), entry("other", "Update")), ownership(Foreign("kubectl"))) is None


def test_managers_are_known_by_how_their_name_begins_and_by_what_they_did() -> None:
    found = clean_up(
        live(entry("kubectl-client-side-apply", "Update"), entry("kubectl", "Apply"), entry("my-kubectl", "Update")),
        ownership(Foreign("kubectl", "Update")),
    )
    assert [manager for manager, _, _ in handed(found)] == ["kubectl", "my-kubectl", "us"]


def test_the_first_foreign_entry_becomes_ours_when_we_have_none() -> None:
    found = clean_up(live(entry("kubectl", "Update", apiVersion="v1")), ownership(Foreign("kubectl")))
    assert handed(found) == [("us", "Apply", {"f:data": {"f:k": {}}})]


def test_the_fields_of_all_are_joined() -> None:
    found = clean_up(
        live(
            entry("us", fields={"f:data": {"f:a": {}}, "f:spec": {"f:x": {}}}),
            entry("kubectl", fields={"f:data": {".": {}, "f:b": {}}}),
            entry("kubectl", "Update", fields={"f:spec": {"f:x": {"f:y": {}}}}),
        ),
        ownership(Foreign("kubectl")),
    )
    fields = {"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:spec": {"f:x": {".": {}, "f:y": {}}}}
    assert handed(found) == [("us", "Apply", fields)]


def test_what_a_manager_wrote_to_a_subresource_stays_its_own() -> None:
    assert clean_up(live(entry("kubectl", "Update", subresource="status")), ownership(Foreign("kubectl"))) is None


def test_the_kept_manager_is_kept() -> None:
    assert clean_up(live(entry("kubectl-x")), ownership(Foreign("kubectl"), kept_manager="kubectl-x")) is None


def test_our_own_updates_become_applies() -> None:
    found = clean_up(live(entry("us", "Update")), ownership(Foreign("us", "Update")))
    assert handed(found) == [("us", "Apply", {"f:data": {"f:k": {}}})]


def test_old_marks_are_taken_away() -> None:
    found = clean_up(
        live(annotations={"a/b~c": "1", "kept": "2"}, labels={"old": "3"}),
        ownership(dropped_annotations=("a/b~c", "gone"), dropped_labels=("old",)),
    )
    assert found is not None
    assert found[1:] == [
        {"op": "remove", "path": "/metadata/annotations/a~1b~0c"},
        {"op": "remove", "path": "/metadata/labels/old"},
    ]


def test_a_patch_holds_for_the_state_that_was_read() -> None:
    found = clean_up(live(entry("kubectl")), ownership(Foreign("kubectl")))
    assert found is not None
    assert found[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
