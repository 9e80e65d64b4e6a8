"""References to kinds and objects, and the paths that serve them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kube.refs import EVENTS, NAMESPACES, SECRETS, SERVICES, ObjectRef, Resource

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")


@pytest.mark.parametrize(
    ("resource", "arguments", "path"),
    [
        (SECRETS, {}, "/api/v1/secrets"),
        (SECRETS, {"namespace": "shop"}, "/api/v1/namespaces/shop/secrets"),
        (SECRETS, {"namespace": "shop", "name": "db"}, "/api/v1/namespaces/shop/secrets/db"),
        (SERVICES, {"namespace": "a", "name": "b", "subresource": "status"}, "/api/v1/namespaces/a/services/b/status"),
        (DEPLOYMENTS, {}, "/apis/apps/v1/deployments"),
        (
            DEPLOYMENTS,
            {"namespace": "shop", "name": "web", "subresource": "scale"},
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        ),
        (NAMESPACES, {"name": "shop"}, "/api/v1/namespaces/shop"),
        (NAMESPACES, {"namespace": "shop", "name": "shop"}, "/api/v1/namespaces/shop"),
        (SECRETS, {"namespace": "a", "name": "system:x.y-z"}, "/api/v1/namespaces/a/secrets/system:x.y-z"),
    ],
)
def test_a_path_names_collection_object_and_subresource(
    resource: Resource, arguments: dict[str, str], path: str
) -> None:
    assert resource.path(**arguments) == path


@pytest.mark.parametrize(
    "segment", ["", ".", "..", "a/b", "../secrets", "a%2fb", "a?watch=1", "a#b", "a b", "a\nb", "\0"]
)
@pytest.mark.parametrize("place", ["namespace", "name"])
def test_what_would_leave_its_place_in_the_path_is_refused(segment: str, place: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of an API path"):
        SECRETS.path(**{"namespace": "shop", "name": "db", place: segment})


@given(st.text(), st.text())
def test_a_path_has_as_many_segments_as_were_given_or_there_is_none(namespace: str, name: str) -> None:
    try:
        path = SECRETS.path(namespace, name)
    except ValueError:
        return
    assert path.split("/") == ["", "api", "v1", "namespaces", namespace, "secrets", name]


def test_the_api_version_has_a_group_only_where_there_is_one() -> None:
    assert EVENTS.api_version == "v1"
    assert DEPLOYMENTS.api_version == "apps/v1"


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (ObjectRef("", "Secret", "shop", "db"), "Secret/shop/db"),
        (ObjectRef("", "Namespace", "", "shop"), "Namespace/shop"),
        (ObjectRef("apps", "Deployment", "shop", "web"), "Deployment/shop/web"),
    ],
)
def test_a_reference_prints_as_people_write_it(ref: ObjectRef, text: str) -> None:
    assert str(ref) == text
    assert f"{ref}" == text


def test_references_are_the_same_across_equal_parts_and_differ_by_group() -> None:
    assert len({ObjectRef("", "Ingress", "a", "b"), ObjectRef("", "Ingress", "a", "b")}) == 1
    assert ObjectRef("", "Ingress", "a", "b") != ObjectRef("networking.k8s.io", "Ingress", "a", "b")
