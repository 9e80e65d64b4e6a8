"""Tokens and accounts that change while we run, and acting as somebody else."""

import json
from pathlib import Path

import pytest

from engine.kube.config import Connection, in_cluster, load
from engine.kube.credentials import Credentials, TokenFile
from engine.kube.errors import ConfigError
from engine.kube.impersonate import ActingAs, Impersonate

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def bearer(credentials: Credentials | Connection) -> str:
    return dict(credentials.headers())["Authorization"]


def test_a_token_file_is_read_again_each_minute(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("one\n")
    token = TokenFile(file, source="test", clock=clock)
    assert bearer(token) == "Bearer one"
    file.write_text("two\n")
    clock.now += 59
    assert bearer(token) == "Bearer one"
    clock.now += 1
    assert bearer(token) == "Bearer two"


def test_a_refusal_has_the_token_file_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    token = TokenFile(file, source="test", clock=Clock())
    bearer(token)
    file.write_text("two")
    token.renew()
    assert bearer(token) == "Bearer two"


@pytest.mark.parametrize("content", [None, "", " \n", "bad\ntoken", "ü"])
def test_a_token_file_that_turns_bad_leaves_the_last_token(tmp_path: Path, content: str | None) -> None:
    file, clock = tmp_path / "token", Clock()
    file.write_text("one")
    token = TokenFile(file, source="test", clock=clock)
    bearer(token)
    file.unlink() if content is None else file.write_text(content)
    clock.now += 60
    assert bearer(token) == "Bearer one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "^user x: cannot read .*/token: No such file or directory$"),
        ("", "^user x: the token is empty$"),
        ("hunter2\nhunter2", "^user x: the token has characters that no token can have$"),
    ],
)
def test_a_token_file_that_never_had_one_is_an_error(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        TokenFile(tmp_path / "token", source="user x").headers()
    assert "hunter2" not in str(caught.value)


def test_a_token_beside_a_token_file_serves_until_the_file_can_be_read(tmp_path: Path) -> None:
    clock = Clock()
    token = TokenFile(tmp_path / "token", source="test", fallback="spare", clock=clock)
    assert bearer(token) == "Bearer spare"
    (tmp_path / "token").write_text("own")
    clock.now += 60
    assert bearer(token) == "Bearer own"


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """A service account as the kubelet mounts it: links to a folder that is replaced as a whole."""
    for name, content in {"token": "pod", "ca.crt": "CA", "namespace": "shop\n"}.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_pod_speaks_as_its_account(account: Path) -> None:
    connection = load(environ=POD, service_account=account)
    assert connection.server == "https://10.0.0.1:443"
    assert (connection.ca_data, connection.namespace) == (b"CA", "shop")
    assert bearer(connection) == "Bearer pod"
    assert connection.origin == f"service account {account}"


def test_a_pod_on_ipv6(account: Path) -> None:
    assert in_cluster({**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}, account).server == "https://[fd00::1]:443"


def test_a_pod_may_be_told_its_namespace(account: Path) -> None:
    assert load(environ={**POD, "POD_NAMESPACE": "told"}, service_account=account).namespace == "told"


def test_a_kubeconfig_wins_over_the_account(account: Path) -> None:
    file = account / "config"
    file.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c"}}],
                "current-context": "x",
            }
        )
    )
    assert load(environ={**POD, "KUBECONFIG": str(file)}, service_account=account).server == "https://c"


def test_a_pod_acts_as_somebody_else_when_told(account: Path) -> None:
    connection = load(environ=POD, service_account=account, impersonate=Impersonate("jane"))
    assert connection.headers() == [("Authorization", "Bearer pod"), ("Impersonate-User", "jane")]


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_an_account_that_is_not_mounted_is_found_at_start(account: Path, missing: str) -> None:
    (account / missing).unlink()
    with pytest.raises(ConfigError, match=f"^service account .*: cannot read .*/{missing}: No such file"):
        load(environ=POD, service_account=account)


def test_outside_of_a_pod_there_is_no_account(account: Path) -> None:
    with pytest.raises(ConfigError, match=r"this is no pod: KUBERNETES_SERVICE_HOST"):
        in_cluster({}, account)


def test_every_part_of_the_other_is_a_header() -> None:
    other = Impersonate("jane", ("dev", "ops"), "42", (("acme.org/Scope", "a"), ("acme.org/Scope", "b")))
    assert other.headers() == [
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Uid", "42"),
        ("Impersonate-Extra-acme.org%2Fscope", "a"),
        ("Impersonate-Extra-acme.org%2Fscope", "b"),
    ]


@pytest.mark.parametrize("value", ["", "a\r\nX: y", "jürgen", "\0"])
def test_what_no_header_can_carry_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="cannot be sent in a header"):
        Impersonate(value).headers()


def test_impersonation_of_the_kubeconfig_is_replaced_in_parts(tmp_path: Path) -> None:
    user = {"token": "t", "as": "a", "as-groups": ["g"], "as-uid": "1", "as-user-extra": {"k": ["v", "w"]}}
    file = tmp_path / "config"
    file.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    own = load(kubeconfig=str(file), environ={})
    assert own.headers()[1:] == [
        ("Impersonate-User", "a"),
        ("Impersonate-Group", "g"),
        ("Impersonate-Uid", "1"),
        ("Impersonate-Extra-k", "v"),
        ("Impersonate-Extra-k", "w"),
    ]
    told = load(kubeconfig=str(file), environ={}, impersonate=Impersonate("b", ("h",)))
    assert told.headers()[1:] == [
        ("Impersonate-User", "b"),
        ("Impersonate-Group", "h"),
        ("Impersonate-Uid", "1"),
        ("Impersonate-Extra-k", "v"),
        ("Impersonate-Extra-k", "w"),
    ]


def test_acting_as_another_renews_ones_own_credentials(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    acting = ActingAs(TokenFile(file, source="test"), Impersonate("jane"))
    assert bearer(acting) == "Bearer one"
    file.write_text("two")
    acting.renew()
    assert bearer(acting) == "Bearer two"
