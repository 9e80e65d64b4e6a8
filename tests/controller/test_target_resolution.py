"""May a Secret be overwritten, and what does it become: the decisions of `controller.target`, as data."""

import copy
from typing import Any

import pytest

from controller.errors import Immutable, NotOurs
from controller.target import FIELD_MANAGER, content_digest, record, resolve

OWNER = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db", "uid": "u-1", "controller": True}


def a_secret(data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "db", "namespace": "shop", "uid": "s-1", "resourceVersion": "7", **metadata},
        "data": {"password": "b2xk"} if data is None else data,
    }


def desired(data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    metadata.setdefault("ownerReferences", [OWNER])
    return {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db", "namespace": "shop", **metadata},
        "data": {"password": "bmV3"} if data is None else data,
    }


def owned(**more: Any) -> dict[str, Any]:
    return a_secret(ownerReferences=[OWNER], **more)


def test_a_secret_of_somebody_else_is_refused_in_the_originals_words() -> None:
    with pytest.raises(NotOurs) as caught:
        resolve(a_secret(), desired(), "u-1", without_reference=False)
    assert caught.value.message == 'Resource "db" already exists and is not managed by SealedSecret'
    assert caught.value.hint is not None
    assert 'sealedsecrets.bitnami.com/managed: "true"' in caught.value.hint


@pytest.mark.parametrize(
    "owners",
    [
        pytest.param([{**OWNER, "uid": "u-2"}], id="an earlier SealedSecret of the same name"),
        pytest.param([{**OWNER, "controller": False}], id="an owner that does not control"),
        pytest.param(
            [{key: OWNER[key] for key in ("kind", "name", "uid")}], id="an owner that says nothing of control"
        ),
    ],
)
def test_only_the_controlling_owner_with_the_same_uid_counts(owners: list[dict[str, Any]]) -> None:
    with pytest.raises(NotOurs):
        resolve(a_secret(ownerReferences=owners), desired(), "u-1", without_reference=False)


def test_replacing_drops_what_the_template_does_not_have() -> None:
    live = owned(labels={"old": "1"}, annotations={"note": "x"}, finalizers=["keep/me"])
    merged = resolve(live, desired(labels={"new": "1"}), "u-1", without_reference=False)
    assert merged["data"] == {"password": "bmV3"}
    assert merged["metadata"]["labels"] == {"new": "1"}
    assert "annotations" not in merged["metadata"]
    assert merged["metadata"]["finalizers"] == ["keep/me"]
    assert merged["metadata"]["resourceVersion"] == "7"


def test_a_managed_secret_is_taken_over_and_loses_the_annotation() -> None:
    live = a_secret(annotations={"sealedsecrets.bitnami.com/managed": "true"})
    merged = resolve(live, desired(), "u-1", without_reference=False)
    assert merged["metadata"]["ownerReferences"] == [OWNER]
    assert "annotations" not in merged["metadata"]


@pytest.mark.parametrize("value", ["True", "1", "yes", ""])
def test_only_the_word_true_lets_a_secret_be_taken_over(value: str) -> None:
    live = a_secret(annotations={"sealedsecrets.bitnami.com/managed": value})
    with pytest.raises(NotOurs):
        resolve(live, desired(), "u-1", without_reference=False)


def test_a_patched_secret_keeps_what_it_has_and_stays_without_owner() -> None:
    live = a_secret(
        {"user": "YQ==", "password": "b2xk"},
        labels={"old": "1"},
        annotations={"sealedsecrets.bitnami.com/patch": "true"},
    )
    merged = resolve(live, desired(labels={"new": "1"}), "u-1", without_reference=False)
    assert merged["data"] == {"user": "YQ==", "password": "bmV3"}
    assert merged["metadata"]["labels"] == {"old": "1", "new": "1"}
    assert merged["metadata"]["annotations"] == {"sealedsecrets.bitnami.com/patch": "true"}
    assert "ownerReferences" not in merged["metadata"]


def test_a_patched_and_managed_secret_gets_the_owner() -> None:
    both = {"sealedsecrets.bitnami.com/patch": "true", "sealedsecrets.bitnami.com/managed": "true"}
    merged = resolve(a_secret(annotations=both), desired(), "u-1", without_reference=False)
    assert merged["metadata"]["ownerReferences"] == [OWNER]


def test_an_immutable_secret_whose_data_would_change_is_refused() -> None:
    with pytest.raises(Immutable, match="the target Secret is immutable"):
        resolve({**owned(), "immutable": True}, desired(), "u-1", without_reference=False)


def test_labels_of_an_immutable_secret_may_change_and_immutable_itself_does_not() -> None:
    live = {**owned(), "immutable": True}
    merged = resolve(live, desired({"password": "b2xk"}, labels={"a": "b"}), "u-1", without_reference=False)
    assert merged["metadata"]["labels"] == {"a": "b"}
    assert merged["immutable"] is True


def test_a_type_that_would_change_is_refused_with_both_names() -> None:
    with pytest.raises(Immutable, match=r"from Opaque to kubernetes\.io/basic-auth"):
        resolve(owned(), {**desired(), "type": "kubernetes.io/basic-auth"}, "u-1", without_reference=False)


def test_no_type_means_opaque() -> None:
    assert resolve(owned(), desired(), "u-1", without_reference=False)["type"] == "Opaque"


def test_what_we_wrote_without_owner_reference_is_ours_again_after_a_restart() -> None:
    ours = [{"manager": FIELD_MANAGER, "operation": "Update", "fieldsV1": {"f:data": {}}}]
    live = a_secret(managedFields=ours)
    bare = desired(ownerReferences=[])
    assert resolve(live, bare, "u-1", without_reference=True)["data"] == {"password": "bmV3"}
    with pytest.raises(NotOurs):
        resolve(live, desired(), "u-1", without_reference=False)
    with pytest.raises(NotOurs):
        resolve(a_secret(), bare, "u-1", without_reference=True)


def test_what_another_controller_owns_is_not_ours_even_if_we_once_wrote_it() -> None:
    ours = [{"manager": FIELD_MANAGER, "operation": "Update", "fieldsV1": {"f:data": {}}}]
    live = a_secret(managedFields=ours, ownerReferences=[{**OWNER, "uid": "other"}])
    with pytest.raises(NotOurs):
        resolve(live, desired(ownerReferences=[]), "u-1", without_reference=True)


def test_an_empty_owner_uid_owns_nothing() -> None:
    assert not record(a_secret()).belongs_to("")


def test_resolving_leaves_the_live_object_as_it_is() -> None:
    live = owned(labels={"old": "1"})
    before = copy.deepcopy(live)
    resolve(live, desired(labels={"new": "1"}), "u-1", without_reference=False)
    assert live == before


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"password": "b3RoZXI="}},
        {"data": None},
        {"type": "kubernetes.io/tls"},
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {"ownerReferences": [OWNER]}},
    ],
)
def test_the_digest_sees_everything_that_we_would_overwrite(change: dict[str, Any]) -> None:
    assert content_digest({**a_secret(), **change}) != content_digest(a_secret())


def test_the_digest_does_not_see_what_only_the_server_writes() -> None:
    assert content_digest(a_secret(resourceVersion="8", uid="x")) == content_digest(a_secret())
    assert content_digest({**a_secret(), "type": None}) == content_digest(a_secret())


def test_a_record_holds_no_plaintext() -> None:
    assert "b2xk" not in repr(record(a_secret()))


@pytest.mark.parametrize("mark", ["managed", "patch"])
def test_no_annotation_opens_a_secret_with_the_protected_label(mark: str) -> None:
    annotations = {f"sealedsecrets.bitnami.com/{mark}": "true"}
    live = owned(annotations=annotations, labels={"key": "retired"})
    with pytest.raises(NotOurs):
        resolve(live, desired(), "u-1", without_reference=False, protected_label="key")
