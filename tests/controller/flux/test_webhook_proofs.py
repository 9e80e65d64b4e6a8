"""What a webhook of each type has to prove, and that nothing else passes."""

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.api.receiver import TYPES
from controller.flux.proofs import UNSUPPORTED, Denied, admit, needs_token
from controller.runtime.httpwire import Request

TOKEN = b"webhook-token"
BODY = b'{"ref":"refs/heads/main"}'
CDEVENT = b'{"context":{"id":"1","source":"s","timestamp":"t","type":"dev.cdevents.change.merged","version":"0.4.1"}}'


def signature(algorithm: str, body: bytes = BODY, token: bytes = TOKEN) -> str:
    return hmac.new(token, body, algorithm).hexdigest()


def request(body: bytes = BODY, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/hook/x", headers={"content-type": "application/json", **named}, body=body)


GOOD: dict[str, Request] = {
    "generic": request(b""),
    "generic-hmac": request(x_signature=f"sha256={signature('sha256')}"),
    "github": request(x_hub_signature_256=f"sha256={signature('sha256')}", x_github_event="push"),
    "gitlab": request(x_gitlab_token=TOKEN.decode(), x_gitlab_event="Push Hook"),
    "bitbucket": request(x_hub_signature=f"sha256={signature('sha256')}", x_event_key="repo:refs_changed"),
    "harbor": request(authorization=TOKEN.decode()),
    "dockerhub": request(b'{"push_data":{"tag":"1"}}'),
    "quay": request(b'{"docker_url":"registry.example/a/b"}'),
    "acr": request(b'{"action":"push"}'),
    "nexus": request(x_nexus_webhook_signature=signature("sha1")),
    "cdevents": request(CDEVENT, ce_type="dev.cdevents.change.merged"),
}


def test_every_type_of_the_api_has_a_rule_or_is_known_to_have_none() -> None:
    assert {*GOOD} | UNSUPPORTED == {*TYPES}


@pytest.mark.parametrize("kind", GOOD)
def test_the_right_proof_passes(kind: str) -> None:
    admit(kind, GOOD[kind], TOKEN, ())


@pytest.mark.parametrize("kind", [kind for kind in GOOD if needs_token(kind)])
def test_a_proof_by_another_token_does_not(kind: str) -> None:
    with pytest.raises(Denied):
        admit(kind, GOOD[kind], b"another-token", ())


@pytest.mark.parametrize("kind", [kind for kind in GOOD if needs_token(kind)])
def test_an_empty_token_never_passes(kind: str) -> None:
    for wrong in (GOOD[kind], request()):
        with pytest.raises(Denied):
            admit(kind, wrong, b"", ())


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind not in {"generic", "dockerhub", "quay", "acr"}])
def test_no_proof_does_not_pass(kind: str) -> None:
    with pytest.raises(Denied):
        admit(kind, request(), TOKEN, ())


@pytest.mark.parametrize("kind", ["dockerhub", "quay", "acr", "cdevents"])
@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"null"])
def test_a_body_of_another_form_does_not_pass(kind: str, body: bytes) -> None:
    with pytest.raises(Denied):
        admit(kind, request(body), TOKEN, ())


@pytest.mark.parametrize("kind", [*sorted(UNSUPPORTED), "unheard-of", ""])
def test_types_without_a_rule_let_nobody_pass(kind: str) -> None:
    with pytest.raises(Denied):
        admit(kind, request(), TOKEN, ())


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_signature_may_be_by_any_of_three_algorithms(algorithm: str) -> None:
    admit("generic-hmac", request(x_signature=f"{algorithm}={signature(algorithm)}"), TOKEN, ())


def test_a_signature_is_of_this_body_alone() -> None:
    signed = f"sha256={signature('sha256')}"
    with pytest.raises(Denied):
        admit("generic-hmac", request(BODY + b" ", x_signature=signed), TOKEN, ())


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("github", "PUSH"),
        ("gitlab", "push hook"),
        ("bitbucket", "repo:refs_changed"),
        ("cdevents", "dev.CDEvents.change.merged"),
    ],
)
def test_events_are_compared_whatever_the_case_and_others_do_not_pass(kind: str, event: str) -> None:
    admit(kind, GOOD[kind], TOKEN, ["other", event])
    with pytest.raises(Denied):
        admit(kind, GOOD[kind], TOKEN, ["other"])


def test_a_forge_sends_json_or_a_form() -> None:
    good = GOOD["github"]
    for kind, passes in (("application/x-www-form-urlencoded", True), ("text/plain", False), ("", False)):
        sent = Request("POST", "/", headers={**good.headers, "content-type": kind}, body=BODY)
        if passes:
            admit("github", sent, TOKEN, ())
        else:
            with pytest.raises(Denied):
                admit("github", sent, TOKEN, ())


@given(
    kind=st.sampled_from([kind for kind in GOOD if needs_token(kind)]),
    body=st.binary(max_size=64),
    headers=st.dictionaries(
        st.sampled_from(
            ["x-signature", "x-hub-signature", "x-hub-signature-256", "x-gitlab-token", "authorization",
             "x-nexus-webhook-signature", "content-type"]
        ),
        st.one_of(st.text(max_size=80), st.sampled_from(["sha256=", f"sha1={'0' * 40}", "application/json"])),
    ),
)  # fmt: skip
def test_whatever_is_sent_without_the_token_is_denied_and_nothing_breaks(
    kind: str, body: bytes, headers: dict[str, Any]
) -> None:
    with pytest.raises(Denied):
        admit(kind, Request("POST", "/", headers=headers, body=body), b"a-token-that-nobody-guesses", ())
