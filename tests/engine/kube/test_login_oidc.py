"""Log-ins by OpenID Connect: tokens from the kubeconfig, renewed by the provider, which is a TLS server on loopback."""

import base64
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from engine.kube.config import Connection, load
from engine.kube.errors import ConfigError, LoginError
from tests.kit.peer import Asked, Peer, Wire, answer
from tests.kit.pki import Authority


def token(seconds: float, name: str = "jane") -> str:
    """A JSON web token that ends so many seconds from now; its signature is nonsense, which only servers mind."""
    parts = [{"alg": "none"}, {"sub": name, "exp": int(time.time() + seconds)}, "signature"]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("provider")


@pytest.fixture
def provider(authority: Authority, tmp_path: Path) -> Iterator[Callable[..., Peer]]:
    """An identity provider that gives the ID token it is made with, and a new refresh token."""
    with ExitStack() as stack:

        def make(id_token: str, *, works: bool = True) -> Peer:
            leaf = authority.server("127.0.0.1")
            (tmp_path / "provider.pem").write_bytes(leaf.certificate + leaf.key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "provider.pem")

            def serve(asked: Asked, wire: Wire) -> None:
                if asked.target.endswith("/openid-configuration"):
                    wire.send(answer({"token_endpoint": f"{peer.url}/token"}))
                elif works:
                    tokens = {"access_token": "a", "token_type": "Bearer", "refresh_token": "r2", "id_token": id_token}
                    wire.send(answer(tokens))
                else:
                    wire.send(answer({"error": "invalid_grant", "error_description": "hunter2"}, 400))

            peer = stack.enter_context(Peer(serve, tls=context))
            return peer

        yield make


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., Path]:
    """Writes a kubeconfig whose user has these settings of auth-provider oidc."""

    def write(**settings: Any) -> Path:
        user = {"auth-provider": {"name": "oidc", "config": {"client-id": "kseal", **settings}}}
        file = tmp_path / "config"
        file.write_text(
            json.dumps(
                {
                    "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
                    "users": [{"name": "other", "user": {"token": "kept"}}, {"name": "u", "user": user}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        file.chmod(0o600)
        return file

    return write


def connect(file: Path) -> Connection:
    return load(kubeconfig=str(file), environ={})


def bearer(connection: Connection) -> str:
    return dict(connection.headers())["Authorization"]


def test_a_token_that_is_valid_is_used_without_asking(kubeconfig: Callable[..., Path]) -> None:
    valid = token(3600)
    file = kubeconfig(**{"id-token": valid, "idp-issuer-url": "https://127.0.0.1:1"})
    before = file.read_text()
    assert bearer(connect(file)) == f"Bearer {valid}"
    assert file.read_text() == before


def test_an_expired_token_is_renewed_and_written_back(
    kubeconfig: Callable[..., Path], provider: Callable[..., Peer], authority: Authority
) -> None:
    renewed = token(3600, "renewed")
    peer = provider(renewed)
    settings = {
        "id-token": token(-10),
        "refresh-token": "r1",
        "idp-issuer-url": peer.url,
        "idp-certificate-authority-data": base64.b64encode(authority.certificate).decode(),
    }
    file = kubeconfig(**settings)
    connection = connect(file)
    assert bearer(connection) == bearer(connection) == f"Bearer {renewed}"
    assert len(peer.requests) == 2
    assert parse_qs(peer.requests[1].body.decode())["refresh_token"] == ["r1"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert bearer(connect(file)) == f"Bearer {renewed}"
    assert len(peer.requests) == 2
    assert "r2" in file.read_text()
    assert dict(load(kubeconfig=str(file), user="other", environ={}).headers()) == {"Authorization": "Bearer kept"}


def test_a_kubeconfig_that_may_not_be_written_serves_all_the_same(
    kubeconfig: Callable[..., Path],
    provider: Callable[..., Peer],
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    renewed = token(3600, "renewed")
    peer = provider(renewed)
    (kubeconfig().parent / "idp.crt").write_bytes(authority.certificate)
    file = kubeconfig(
        **{"id-token": token(-10), "refresh-token": "r1", "idp-issuer-url": peer.url},
        **{"idp-certificate-authority": "idp.crt"},
    )
    before = file.read_text()
    connection = connect(file)
    monkeypatch.setattr("engine.kube.login._replace", refuse)
    assert bearer(connection) == f"Bearer {renewed}"
    assert file.read_text() == before


def test_a_provider_without_a_known_authority_never_sees_the_refresh_token(
    kubeconfig: Callable[..., Path], provider: Callable[..., Peer]
) -> None:
    peer = provider(token(3600))
    file = kubeconfig(**{"id-token": token(-10), "refresh-token": "hunter2", "idp-issuer-url": peer.url})
    with pytest.raises(LoginError, match="did not renew the log-in") as caught:
        connect(file).headers()
    assert not peer.requests
    assert "hunter2" not in str(caught.value)


def test_a_provider_that_refuses_is_named_without_what_it_said(
    kubeconfig: Callable[..., Path], provider: Callable[..., Peer], authority: Authority
) -> None:
    peer = provider("", works=False)
    file = kubeconfig(
        **{"id-token": token(-10), "refresh-token": "r1", "idp-issuer-url": peer.url},
        **{"idp-certificate-authority-data": base64.b64encode(authority.certificate).decode()},
    )
    with pytest.raises(LoginError, match=f'user "u": {peer.url} did not renew the log-in') as caught:
        connect(file).headers()
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"
    assert "log in again" in (caught.value.hint or "")


@pytest.mark.parametrize("missing", ["id-token", "idp-issuer-url", "client-id"])
def test_settings_that_cannot_work_are_refused_at_once(kubeconfig: Callable[..., Path], missing: str) -> None:
    settings = {"id-token": token(1), "idp-issuer-url": "https://x", "client-id": "y", missing: ""}
    with pytest.raises(ConfigError, match=f'user "u": auth-provider oidc needs {missing}'):
        connect(kubeconfig(**settings))
