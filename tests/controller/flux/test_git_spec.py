"""What a GitRepository asks for, and when its artifact has to be made again."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.flux.gitspec import Include, below_root, is_content_changed, read
from engine.source.base import SourceStalled
from engine.source.git import GitRef


def raw(**spec: Any) -> dict[str, Any]:
    return {"spec": {"url": "https://git.example.com/fleet.git", "interval": "1m", **spec}}


def test_defaults_are_those_of_flux() -> None:
    spec = read(raw())
    assert spec.interval == timedelta(minutes=1)
    assert spec.wanted.ref == GitRef()
    assert spec.wanted.timeout_seconds == 60
    assert (spec.secret, spec.proxy_secret, spec.verify_mode, spec.ignore, spec.includes) == (
        None,
        None,
        None,
        None,
        (),
    )


def test_every_field_is_taken() -> None:
    spec = read(
        raw(
            url="ssh://git@git.example.com/fleet.git",
            interval="1h30m",
            timeout="10s",
            ref={"branch": "main", "commit": "abc"},
            secretRef={"name": "login"},
            proxySecretRef={"name": "proxy"},
            ignore="/*\n",
            sparseCheckout=["./apps", "infra"],
            verify={"mode": "head", "secretRef": {"name": "keys"}},
            include=[
                {"repository": {"name": "a"}},
                {"repository": {"name": "b"}, "fromPath": "./x", "toPath": "../y/"},
            ],
        )
    )
    assert (spec.interval, spec.wanted.timeout_seconds) == (timedelta(minutes=90), 10)
    assert spec.wanted.ref == GitRef(branch="main", commit="abc")
    assert spec.wanted.sparse == ("apps", "infra")
    assert (spec.secret, spec.proxy_secret, spec.ignore) == ("login", "proxy", "/*\n")
    assert (spec.verify_mode, spec.verify_secret) == ("HEAD", "keys")
    assert spec.includes == (Include("a", "", "a"), Include("b", "x", "y"))


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"url": "https://"}, "URLInvalid", "failed to parse url 'https://'"),
        ({"url": "git@host:path"}, "URLInvalid", "failed to parse url 'git@host:path'"),
        ({"url": "https://[::1/x"}, "URLInvalid", "failed to parse url"),
        ({"url": "https://host:99999/x"}, "URLInvalid", "failed to parse url"),
        ({"provider": "aws"}, "InvalidProviderConfiguration", "'aws' is not supported"),
        ({"interval": "soon"}, "GitOperationFailed", "spec.interval: 'soon' is not a duration"),
        ({"interval": None}, "GitOperationFailed", "$.interval"),
        ({"ref": {"branch": 5}}, "GitOperationFailed", "$.ref.branch"),
        ({"recurseSubmodules": True}, "GitOperationFailed", "spec.recurseSubmodules"),
    ],
)
def test_what_can_never_be_fetched_is_refused_with_a_reason(spec: dict[str, Any], reason: str, words: str) -> None:
    with pytest.raises(SourceStalled) as caught:
        read(raw(**spec))
    assert caught.value.reason == reason
    assert words in caught.value.message


def test_an_object_without_a_spec_is_refused() -> None:
    with pytest.raises(SourceStalled):
        read({})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    ["url", "interval", "timeout", "ref", "verify", "include", "secretRef", "sparseCheckout", "ignore", "provider"]
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=4) | ANYTHING)
def test_a_spec_of_any_form_is_taken_or_refused(spec: Any) -> None:
    found = {**raw()["spec"], **spec} if isinstance(spec, dict) else spec
    with suppress(SourceStalled):
        read({"spec": found})


ARTIFACT = {"revision": "main@sha1:a", "digest": "sha256:a", "url": "http://one/x"}
OBSERVED: dict[str, Any] = {
    "observedIgnore": "x",
    "observedSparseCheckout": ["a"],
    "observedInclude": [{"repository": {"name": "b"}}],
    "includedArtifacts": [ARTIFACT],
    "sourceVerificationMode": "HEAD",
}
SPEC: dict[str, Any] = {
    "ignore": "x",
    "sparseCheckout": ["a"],
    "include": [{"repository": {"name": "b"}}],
    "verify": {"mode": "HEAD", "secretRef": {"name": "keys"}},
}


def test_nothing_is_made_again_while_all_is_as_it_was_observed() -> None:
    assert not is_content_changed(SPEC, OBSERVED, [ARTIFACT])
    assert not is_content_changed({}, {}, [])


def test_another_address_of_an_included_artifact_is_no_change() -> None:
    assert not is_content_changed(SPEC, OBSERVED, [{**ARTIFACT, "url": "http://two/x"}])


@pytest.mark.parametrize(
    "change",
    [
        {"ignore": "y"},
        {"ignore": None},
        {"sparseCheckout": []},
        {"include": [{"repository": {"name": "b"}, "toPath": "z"}]},
        {"verify": {"mode": "TagAndHEAD", "secretRef": {"name": "keys"}}},
        {"verify": {"mode": "Tag", "secretRef": {"name": "keys"}}},
    ],
)
def test_a_changed_spec_makes_it_again(change: dict[str, Any]) -> None:
    assert is_content_changed({**SPEC, **change}, OBSERVED, [ARTIFACT])


@pytest.mark.parametrize("change", [{"revision": "main@sha1:b"}, {"digest": "sha256:b"}])
def test_a_changed_include_makes_it_again(change: dict[str, str]) -> None:
    assert is_content_changed(SPEC, OBSERVED, [{**ARTIFACT, **change}])


def test_a_signature_that_covered_both_covers_each() -> None:
    for mode in ("HEAD", "Tag"):
        spec = {"verify": {"mode": mode, "secretRef": {"name": "keys"}}}
        assert not is_content_changed(spec, {"sourceVerificationMode": "TagAndHEAD"}, [])


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b c"]), max_size=12))
def test_no_path_leaves_its_root(parts: list[str]) -> None:
    found = below_root("/".join(parts))
    assert ".." not in found.split("/")
    assert not found.startswith("/")
