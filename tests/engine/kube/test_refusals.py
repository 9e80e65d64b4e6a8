"""From a server's Status to an error: its class, its words, and what they never say."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NotReady
from engine.kube.client import Cluster
from engine.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotServed,
    ServerTimeout,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unreachable,
    is_outage,
)
from engine.kube.refs import NAMESPACES, SECRETS, Resource
from engine.kube.status import Target, refusal
from tests.kit.peer import Peer, answer, play, refused

CONFIGS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
PLANTED = "hunter2-planted"
CORE = 'in API group ""'
POLICY = "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'no-secrets' with binding 'b' denied request"


def refuse(status: int, reason: str = "", message: str = "", resource: Resource = CONFIGS, **details: Any) -> ApiError:
    details = {"name": "db", **details}
    target = Target.of(resource, "create", "shop", "db")
    answer = {"kind": "Status", "reason": reason, "message": message, "details": details}
    return refusal(target, status, answer, origin="kubeconfig /x")


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "AlreadyExists", AlreadyExists),
        (409, "Conflict", Conflict),
        (409, "", Conflict),
        (410, "Expired", Gone),
        (410, "Gone", Gone),
        (413, "RequestEntityTooLarge", TooLarge),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", Unavailable),
        (500, "ServerTimeout", ServerTimeout),
        (503, "ServiceUnavailable", Unavailable),
        (504, "Timeout", ServerTimeout),
        (405, "MethodNotAllowed", ApiError),
        (418, "", ApiError),
    ],
)
def test_the_class_follows_reason_and_status(status: int, reason: str, kind: type[ApiError]) -> None:
    error = refuse(status, reason)
    assert type(error) is kind
    assert error.status == status
    assert error.reason == (reason or kind.__name__)


@pytest.mark.parametrize("status", [409, 410, 429, 500, 503, 504])
def test_what_may_pass_by_itself_is_not_ready(status: int) -> None:
    assert isinstance(refuse(status), NotReady)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_needs_somebody_is_no_matter_of_waiting(status: int) -> None:
    assert not isinstance(refuse(status), NotReady)


def test_the_servers_words_about_other_kinds_are_kept_on_one_line() -> None:
    error = refuse(422, "Invalid", 'ConfigMap "db" is invalid:\n\tdata[a/b]: Invalid value\x1b[31m')
    assert str(error) == 'ConfigMap/shop/db: invalid: ConfigMap "db" is invalid: data[a/b]: Invalid value [31m'


MISFIT = (
    "failed to create typed patch object (shop/db; {}): {}: expected string, got &value.valueUnstructured{{Value:{}}}"
)
FIELD = '.spec.template.spec.containers[name="web"].env[name="PORT"].value'


def test_a_field_of_the_wrong_type_is_no_outage() -> None:
    said = MISFIT.format("apps/v1, Kind=Deployment", FIELD, 80)
    error = refuse(500, "", said, DEPLOYMENTS)
    assert type(error) is ApiError
    assert str(error) == f"Deployment/shop/db: invalid: {said}"
    assert error.hint is not None
    assert "quotes" in error.hint


@pytest.mark.parametrize("before", ["", "errors:\n  "])
def test_a_field_of_the_wrong_type_in_a_secret_is_named_without_its_value(before: str) -> None:
    error = refuse(500, "", MISFIT.format("/v1, Kind=Secret", f"{before}.stringData.password", PLANTED), SECRETS)
    assert str(error) == "Secret/shop/db: invalid: .stringData.password: expected string"


def test_an_endless_message_is_cut() -> None:
    assert len(str(refuse(500, "", "x" * 100_000))) < 700


def test_causes_carry_paths_and_reasons() -> None:
    error = refuse(
        422, "Invalid", "long", causes=[{"field": "data[a]", "reason": "FieldValueInvalid", "message": "bad"}]
    )
    assert error.causes == (("data[a]", "FieldValueInvalid", "bad"),)


def test_the_time_to_come_back_is_taken_from_the_status() -> None:
    assert refuse(500, "ServerTimeout", retryAfterSeconds=3).retry_after == 3.0


@pytest.mark.parametrize(
    ("said", "resource", "message", "hint"),
    [
        (
            f'secrets "db" is forbidden: User "ci" cannot create resource "secrets" {CORE} in the namespace "shop"',
            SECRETS,
            'Secret/shop/db: forbidden: user "ci" cannot create secrets',
            'RBAC must allow the verb "create" on "secrets" in namespace "shop"',
        ),
        (
            'deployments.apps is forbidden: User "ci" cannot patch resource "deployments/status" in API group "apps"',
            DEPLOYMENTS,
            "Deployment/shop/db: forbidden: {said}",
            'RBAC must allow the verb "patch" on "deployments.apps/status" in namespace "shop"',
        ),
        (
            f'namespaces is forbidden: User "ci" cannot list resource "namespaces" {CORE} at the cluster scope',
            NAMESPACES,
            "Namespace/db: forbidden: {said}",
            'RBAC must allow the verb "list" on "namespaces" in all namespaces',
        ),
        (
            'secrets "db" is forbidden: exceeded quota: object-counts, requested: secrets=1, used: secrets=5',
            SECRETS,
            "Secret/shop/db: forbidden: the quota of the namespace is used up",
            None,
        ),
        (
            f'admission webhook "policy.example.org" denied the request: {PLANTED}',
            SECRETS,
            'Secret/shop/db: forbidden: admission webhook "policy.example.org" denied it',
            None,
        ),
        (
            f"{POLICY}: {PLANTED}",
            SECRETS,
            'Secret/shop/db: forbidden: policy "no-secrets" denied it',
            None,
        ),
    ],
)
def test_a_forbidden_request_names_who_and_what_is_missing(
    said: str, resource: Resource, message: str, hint: str | None
) -> None:
    error = refuse(403, "Forbidden", said, resource)
    assert (str(error), error.hint) == (message.replace("{said}", said), hint)


def test_a_secret_in_a_namespace_that_is_missing_says_so() -> None:
    error = refuse(404, "NotFound", 'namespaces "shop" not found', SECRETS, name="shop", kind="namespaces")
    assert str(error) == 'Secret/shop/db: not found: namespace "shop"'


def test_fields_owned_by_another_manager_name_it() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.password"}
    error = refuse(409, "Conflict", f"Apply failed: {PLANTED}", SECRETS, causes=[cause])
    assert (
        str(error) == 'Secret/shop/db: conflict: .data.password FieldManagerConflict conflict with "kubectl" using v1'
    )


# Each is a way in which a server, a webhook or a policy has put a value into its words.
QUOTES = [
    f'Secret "db" is invalid: data[tls.key]: Invalid value: "{PLANTED}": must be PEM',
    f'admission webhook "a" denied the request: value "{PLANTED}" is weak',
    f'admission webhook denied the request: User "{PLANTED}" cannot create resource "{PLANTED}"',
    f'Secret "db" is invalid: data[a]: Invalid value: "x is forbidden: User \\"{PLANTED}\\" cannot get resource"',
    f'Secret "db" is invalid: data[a]: x is forbidden: User "{PLANTED}" cannot get resource "{PLANTED}"',
    f"json: cannot unmarshal string {PLANTED} into Go value",
    f'secrets "db" is forbidden: {PLANTED}',
    f'secrets "db" is forbidden: something: User "{PLANTED}" cannot x resource "y"',
    f"{PLANTED} and so on",
    PLANTED,
]


def everything_said(error: ApiError) -> str:
    return "\n".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 429, 500, 504])
@pytest.mark.parametrize("said", QUOTES)
@pytest.mark.parametrize("has_causes", [True, False])
@pytest.mark.parametrize(
    "target",
    [Target.of(SECRETS, "create", "shop", "db"), Target.of_path("/api/v1/namespaces/shop/secrets/db", "update")],
)
def test_a_secrets_content_is_in_no_error(status: int, said: str, has_causes: bool, target: Target) -> None:
    causes = [{"reason": "FieldValueInvalid", "field": "data[a]", "message": said}, {"reason": said, "message": said}]
    answer = {"kind": "Status", "reason": said, "message": said, "details": {"causes": causes if has_causes else []}}
    assert PLANTED not in everything_said(refusal(target, status, answer, origin="x"))


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.parametrize("call", ["create", "update", "status", "patch", "apply", "delete", "raw"])
def test_every_call_knows_that_it_is_about_a_secret(
    meet: Callable[..., tuple[Cluster, Peer]], status: int, call: str
) -> None:
    cluster, _ = meet(play(refused(status, "Whatever", QUOTES[0])))
    secret = {"metadata": {"namespace": "shop", "name": "db"}, "data": {"a": PLANTED}}
    calls = {
        "create": lambda: cluster.create(SECRETS, secret),
        "update": lambda: cluster.update(SECRETS, secret),
        "status": lambda: cluster.update_status(SECRETS, secret),
        "patch": lambda: cluster.patch(SECRETS, "shop", "db", {"data": {"a": PLANTED}}),
        "apply": lambda: cluster.apply(SECRETS, secret, field_manager="test"),
        "delete": lambda: cluster.delete(SECRETS, "shop", "db"),
        "raw": lambda: cluster.request("PUT", "/api/v1/namespaces/shop/secrets/db", body=PLANTED.encode()),
    }
    with pytest.raises(ApiError) as caught:
        calls[call]()
    assert PLANTED not in everything_said(caught.value)


@pytest.mark.parametrize(
    "content", [answer(PLANTED.encode()), answer([PLANTED]), b"HTTP/1.1 " + PLANTED.encode() + b"\r\n\r\n"]
)
def test_an_answer_that_makes_no_sense_is_not_quoted(meet: Callable[..., tuple[Cluster, Peer]], content: bytes) -> None:
    cluster, _ = meet(play(content), timeout_seconds=0.2)
    with pytest.raises(ApiError) as caught:
        cluster.get(SECRETS, "shop", "db")
    assert PLANTED not in everything_said(caught.value)


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    start=st.sampled_from(["", 'secrets "db" is forbidden: ', 'admission webhook "a" denied the request: ']),
    status=st.integers(400, 599),
)
def test_no_wording_gets_a_value_through(before: str, after: str, start: str, status: int) -> None:
    error = refuse(status, "", f"{start}{before} {PLANTED} {after}", SECRETS)
    assert PLANTED not in everything_said(error)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["reason", "message", "details", "causes", "field", "retryAfterSeconds", "kind"]), inner
            )
        ),
    ).filter(lambda value: isinstance(value, dict)),
    st.integers(100, 999),
)
def test_a_status_of_any_shape_becomes_an_error(status: dict[str, Any], code: int) -> None:
    assert str(refusal(Target.of(SECRETS, "get", "shop", "db"), code, status, origin="x")).startswith("Secret/shop/db")


def test_a_kind_that_is_not_served_is_told_from_an_object_that_is_missing() -> None:
    target = Target.of(Resource("example.org", "v1", "widgets", "Widget"), "list", "shop", None)
    for status in (None, {"kind": "Status", "reason": "NotFound", "details": {}}):
        assert type(refusal(target, 404, status, origin="x")) is NotServed


def test_a_raw_path_that_is_not_there_says_nothing_about_kinds() -> None:
    error = refusal(Target.of_path("/api/v1/namespaces/a/services/b/proxy/x", "get"), 404, None, origin="x")
    assert type(error) is NotFound


@pytest.mark.parametrize(
    ("error", "is_of_all"),
    [
        (Unavailable("x", status=503, reason="ServiceUnavailable"), True),
        (Unreachable("x"), True),
        (Unavailable("x", status=500, reason="InternalError"), False),
        (Invalid("x", status=422), False),
    ],
)
def test_a_webhook_that_cannot_be_called_is_no_outage_of_the_server(error: ApiError, is_of_all: bool) -> None:
    assert is_outage(error) is is_of_all
