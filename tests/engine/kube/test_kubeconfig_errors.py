"""A kubeconfig that cannot be used: one line with file, entry and cure, and never anything of the credentials."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.kube.config import Connection, load
from engine.kube.documents import DEFAULT
from engine.kube.errors import ConfigError

PLANTED = "hunter2-planted"
CLUSTER = {"server": "https://c:6443"}
USER = 'kubeconfig FILE: user "u"'
BASIC = "user name and password are no longer accepted by API servers (since Kubernetes 1.19)"


def document(cluster: Any = CLUSTER, user: Any = None, context: Any = None, **top: Any) -> dict[str, Any]:
    return {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": context or {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **top,
    }


def refusal(tmp_path: Path, content: Any, **flags: str) -> tuple[str, str | None]:
    """Message, with the file's path as FILE, and hint."""
    file = tmp_path / "config"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(KsealError) as caught:
        load(kubeconfig=str(file), environ={}, **flags).headers()
    return str(caught.value).replace(str(file), "FILE"), caught.value.hint


def test_a_file_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.kube.yaml.DEFAULT", DEFAULT._replace(bytes=1000))
    with pytest.raises(ConfigError, match="kubeconfig /dev/zero: more than the 1000 bytes that are read"):
        load(kubeconfig="/dev/zero", environ={})


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (document(), {"context": "a"}, 'kubeconfig FILE: context "a" not found (has: x)'),
        (document(contexts=[]), {}, 'kubeconfig FILE: context "x" not found (has: none)'),
        (document(), {"cluster": "d"}, 'kubeconfig FILE: cluster "d" not found (has: c)'),
        (document(), {"user": "v"}, 'kubeconfig FILE: user "v" not found (has: u)'),
        (document(context={"cluster": "d"}), {}, 'kubeconfig FILE: cluster "d" not found (has: c)'),
        (document(context={"user": "u"}), {}, 'kubeconfig FILE: context "x": names no cluster'),
        (document(**{"current-context": ""}), {}, "kubeconfig FILE: no current context"),
        (document(), {"context": "a\nb"}, "kubeconfig FILE: context 'a\\nb' not found (has: x)"),
        ({}, {}, "no kubeconfig found (looked at FILE)"),
        (document(kind="Secret"), {}, "kubeconfig FILE: this is no kubeconfig"),
        ([], {}, "kubeconfig FILE: this is no kubeconfig"),
        ("just text", {}, "kubeconfig FILE: this is no kubeconfig"),
        (document(clusters={}), {}, "kubeconfig FILE: clusters must be a list"),
        (document(users=["u"]), {}, "kubeconfig FILE: users[0] must have a name and a user"),
        (document(users=[{"name": "u", "user": 3}]), {}, "kubeconfig FILE: users[0] must have a name and a user"),
        (document(users=[{"name": 3}]), {}, "kubeconfig FILE: users[0] must have a name and a user"),
        (document(users=[{"name": "u"}, {"name": "u"}]), {}, 'kubeconfig FILE: user "u" is there twice'),
        (document(cluster={}), {}, 'kubeconfig FILE: cluster "c": has no server'),
        (document(cluster={"server": 3}), {}, 'kubeconfig FILE: cluster "c": server is no text'),
        (
            document(cluster={"server": "c:6443"}),
            {},
            "kubeconfig FILE: cluster \"c\": 'c:6443' is no address of a server",
        ),
        (document(), {"server": "https://"}, "--server: 'https:' is no address of a server"),
        (
            document(cluster={**CLUSTER, "insecure-skip-tls-verify": "yes"}),
            {},
            'kubeconfig FILE: cluster "c": insecure-skip-tls-verify must be true or false',
        ),
        (
            document(cluster={**CLUSTER, "insecure-skip-tls-verify": True, "certificate-authority-data": "Q0E="}),
            {},
            'kubeconfig FILE: cluster "c": has a certificate authority and insecure-skip-tls-verify',
        ),
        (
            document(cluster={**CLUSTER, "certificate-authority": "/nowhere/ca"}),
            {},
            'kubeconfig FILE: cluster "c": cannot read /nowhere/ca: No such file or directory',
        ),
        (
            document(cluster={**CLUSTER, "certificate-authority-data": "§"}),
            {},
            'kubeconfig FILE: cluster "c": certificate-authority-data is no base64',
        ),
        (
            document(user={"tokenFile": "/nowhere/t"}),
            {},
            'kubeconfig FILE: user "u": cannot read /nowhere/t: No such file or directory',
        ),
        (
            document(user={"client-certificate-data": "QQ=="}),
            {},
            'kubeconfig FILE: user "u": has no client-key to go with the other half',
        ),
        (
            document(user={"client-key-data": "QQ=="}),
            {},
            'kubeconfig FILE: user "u": has no client-certificate to go with the other half',
        ),
        (document(user={"username": "root", "password": PLANTED}), {}, f'{USER}: {BASIC}'),
        (document(user={"exec": "aws"}), {}, 'kubeconfig FILE: user "u": exec must be a mapping'),
        (document(user={"as-groups": ["a"]}), {}, f'{USER}: groups, uid and extra to act as need a user in "as"'),
        (document(user={"as": "a", "as-groups": "b"}), {}, f"{USER}: as-groups must be a list of names"),
        (
            document(user={"as": "a", "as-user-extra": {"x": "y"}}),
            {},
            'kubeconfig FILE: user "u": as-user-extra must be a mapping to lists of texts',
        ),
        (document(user={"as": "a\r\nX: y"}), {}, "impersonation: 'a\\r\\nX: y' cannot be sent in a header"),
    ],
)  # fmt: skip
def test_one_line_says_where_and_what(tmp_path: Path, content: Any, flags: dict[str, str], message: str) -> None:
    said, _ = refusal(tmp_path, content, **flags)
    assert said == message


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (document(**{"current-context": ""}), "choose one by --context (has: x)"),
        ({}, "name one by --kubeconfig or KUBECONFIG"),
        (document(cluster={"server": "c:6443"}), "write it as https://HOST:PORT"),
        (document(user={"token": 12345678}), "quote it"),
        (document(user={"username": "root"}), "use a token or a client certificate"),
    ],
)
def test_the_cure_stands_beside_it(tmp_path: Path, content: Any, hint: str) -> None:
    assert refusal(tmp_path, content)[1] == hint


@pytest.mark.parametrize(
    "user",
    [
        {"token": f"{PLANTED}\r\nX: y"},
        {"token": f"{PLANTED}ü"},
        {"token": [PLANTED]},
        {"token": {PLANTED: 1}},
        {"client-key-data": f"{PLANTED}!", "client-certificate-data": "QQ=="},
        {"client-key-data": 3, "client-certificate-data": f"{PLANTED}!"},
        {"username": "x", "password": PLANTED},
        {"exec": {"command": "x", "apiVersion": "v1", "env": [{"name": "TOKEN", "value": 3, "x": PLANTED}]}},
        {"auth-provider": {"name": "oidc", "config": {"id-token": PLANTED, "refresh-token": PLANTED}}},
        {"auth-provider": {"name": "gcp", "config": {"access-token": PLANTED}}},
    ],
)
def test_credentials_are_in_no_error(tmp_path: Path, user: dict[str, Any]) -> None:
    said, hint = refusal(tmp_path, document(user=user))
    assert 'user "u"' in said
    assert PLANTED not in f"{said} {hint}"


def test_a_password_in_the_servers_address_is_refused_unseen(tmp_path: Path) -> None:
    said, _ = refusal(tmp_path, document(cluster={"server": f"https://u:{PLANTED}@c"}))
    assert PLANTED not in said
    assert 'cluster "c"' in said


@pytest.mark.parametrize(
    "line", [f"token: {PLANTED}: x", f'token: "{PLANTED}', f"token: &{PLANTED}", f"{PLANTED}\t: [", f"? {PLANTED} ["]
)
def test_a_broken_file_is_named_without_its_content(tmp_path: Path, line: str) -> None:
    said, hint = refusal(tmp_path, f"users:\n- name: u\n  user:\n    {line}\n    token: x: y\n")
    assert said.startswith("kubeconfig FILE: line ")
    assert PLANTED not in f"{said} {hint}"


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with pytest.raises(KsealError, match=r"^kubeconfig \S+/config: Is a directory$"):
        load(environ={"KUBECONFIG": str(tmp_path / "config")})


def test_printing_a_connection_shows_no_credentials(tmp_path: Path) -> None:
    user = {"token": PLANTED, "client-certificate-data": "QQ==", "client-key-data": "aHVudGVyMg=="}
    file = tmp_path / "config"
    file.write_text(json.dumps(document(cluster={**CLUSTER, "proxy-url": f"http://u:{PLANTED}@p:1"}, user=user)))
    connection = load(kubeconfig=str(file), environ={})
    assert isinstance(connection, Connection)
    shown = f"{connection!r} {connection.client_certificate()!r} {connection.credentials!r}"
    assert PLANTED not in shown
    assert "hunter2" not in shown


FIELDS = st.sampled_from(
    [
        "name",
        "clusters",
        "cluster",
        "users",
        "user",
        "contexts",
        "context",
        "current-context",
        "kind",
        "server",
        "token",
        "tokenFile",
        "username",
        "as",
        "certificate-authority-data",
        "client-key-data",
        "client-certificate-data",
        "as-groups",
        "as-user-extra",
        "namespace",
        "insecure-skip-tls-verify",
        "proxy-url",
        "tls-server-name",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["c", "u", "x", "https://c", "QQ==", "", "a\nb", "ü"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(FIELDS, VALUES, max_size=6), VALUES, VALUES, VALUES)
def test_any_document_gives_a_connection_or_an_error_of_ours(
    tmp_path: Path, top: dict[str, Any], cluster: Any, user: Any, context: Any
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps({**document(cluster, user, context), **top}))
    try:
        connection = load(kubeconfig=str(file), environ={})
        connection.headers()
        connection.client_certificate()
    except KsealError as error:
        assert "\n" not in str(error)  # noqa: PT017  either end is right, and this one has to be checked as well
