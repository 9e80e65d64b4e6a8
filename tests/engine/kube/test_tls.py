"""TLS: whom we trust, what we present, and what the errors say."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.credentials import CertificateFiles, ClientCertificate
from engine.kube.errors import ConfigError, Unreachable
from engine.kube.http import tls
from engine.kube.refs import SECRETS
from tests.kit.peer import Asked, Peer, Script, Wire, answer, play, refused
from tests.kit.pki import Authority, Leaf

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture
def meet(authority: Authority, tmp_path: Path) -> Iterator[Callable[..., tuple[Cluster, Peer]]]:
    """A client and a TLS server; keywords go into the Connection, `names` and `asks` into the server."""
    with ExitStack() as stack:

        def make(
            script: Script, names: tuple[str, ...] = ("127.0.0.1",), asks: Authority | None = None, **connection: Any
        ) -> tuple[Cluster, Peer]:
            leaf = authority.server(*names)
            file = tmp_path / "server.pem"
            file.write_bytes(leaf.certificate + leaf.key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            if asks is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(cadata=asks.certificate.decode())
            peer = stack.enter_context(Peer(script, tls=context))
            connection = {"ca_data": authority.certificate, **connection}
            cluster = Cluster(Connection(peer.url, **connection), timeout_seconds=5)
            stack.callback(cluster.close)
            return cluster, peer

        yield make


Meet = Callable[..., tuple[Cluster, Peer]]


def get(cluster: Cluster) -> dict[str, Any]:
    return cluster.get(SECRETS, "shop", "db")


def test_a_server_of_our_authority_is_trusted_and_its_connection_kept(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)))
    assert get(cluster) == get(cluster) == SECRET
    assert peer.connections == 1


@pytest.mark.parametrize("names", [("api.example.org",), ("127.0.0.2",)])
def test_a_certificate_for_another_name_is_refused(meet: Meet, names: tuple[str, ...]) -> None:
    cluster, peer = meet(play(answer(SECRET)), names=names)
    with pytest.raises(Unreachable, match=r"its certificate is not trusted: .*mismatch") as caught:
        cluster.create(SECRETS, SECRET)
    assert not caught.value.sent
    assert "tls-server-name" in (caught.value.hint or "")
    assert not peer.requests


def test_the_servers_name_can_be_another_than_its_address(meet: Meet) -> None:
    cluster, _ = meet(play(answer(SECRET)), names=("api.example.org",), tls_server_name="api.example.org")
    assert get(cluster) == SECRET


def test_a_server_of_another_authority_is_refused(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)), ca_data=Authority("other").certificate)
    with pytest.raises(Unreachable, match="its certificate is not trusted") as caught:
        get(cluster)
    assert "certificate-authority" in (caught.value.hint or "")
    assert not peer.requests


def test_without_an_authority_the_systems_are_trusted_and_ours_is_not(meet: Meet) -> None:
    cluster, peer = meet(play(answer(SECRET)), ca_data=None)
    with pytest.raises(Unreachable, match="its certificate is not trusted"):
        get(cluster)
    assert not peer.requests


def test_an_insecure_connection_takes_any_server(meet: Meet) -> None:
    cluster, _ = meet(play(answer(SECRET)), names=("elsewhere",), ca_data=None, insecure=True)
    assert get(cluster) == SECRET


def test_https_to_a_server_that_speaks_plain_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:
        cluster = Cluster(Connection(f"https://127.0.0.1:{plain.getsockname()[1]}", insecure=True))
        waiting = pool.submit(get, cluster)
        accepted, _ = plain.accept()
        accepted.recv(4096)
        accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        error = waiting.exception(5)
        accepted.close()
    assert isinstance(error, Unreachable)
    assert "tls: " in str(error)
    assert error.hint == "does the server speak https there?"


def test_old_protocol_versions_are_not_spoken() -> None:
    assert tls.make_context(Connection("https://x"), None).minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("ca_data", [b"", b"nonsense", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_an_authority_that_is_no_certificate(meet: Meet, ca_data: bytes) -> None:
    cluster, _ = meet(play(answer(SECRET)), ca_data=ca_data, origin="kubeconfig /x")
    with pytest.raises(ConfigError, match=r"^kubeconfig /x: the certificate authority is no PEM certificate$"):
        get(cluster)


def files(leaf: Leaf) -> CertificateFiles:
    return CertificateFiles(leaf.certificate, leaf.key, source="test")


def test_a_client_certificate_is_presented(meet: Meet) -> None:
    clients = Authority("clients")
    cluster, _ = meet(play(answer(SECRET)), asks=clients, credentials=files(clients.client("ci")))
    assert get(cluster) == SECRET


@pytest.mark.parametrize("certificate", [None, "stranger's"])
def test_a_client_that_is_not_known_is_told_so(
    meet: Meet, certificate: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.kube.http.retry.FIRST_SECONDS", 0.01)
    clients = Authority("clients")
    options = {} if certificate is None else {"credentials": files(Authority("other").client("ci"))}
    cluster, peer = meet(play(answer(SECRET)), asks=clients, **options)
    with pytest.raises(Unreachable, match=r"no answer from|cannot reach|cannot send"):
        get(cluster)
    assert not peer.requests


def test_a_client_certificate_renewed_on_disk_is_presented_after_a_refusal(meet: Meet, tmp_path: Path) -> None:
    clients = Authority("clients")
    certificate, key = tmp_path / "crt", tmp_path / "key"

    def write(leaf: Leaf) -> None:
        certificate.write_bytes(leaf.certificate)
        key.write_bytes(leaf.key)

    def renew_and_refuse(_: Asked, wire: Wire) -> None:
        write(clients.client("new"))
        wire.send(refused(401, "Unauthorized"))

    seen: list[object] = []

    def look(_: Asked, wire: Wire) -> None:
        seen.append(wire.connection.getpeercert())  # type: ignore[attr-defined]  # a TLS socket here
        wire.send(answer(SECRET))

    write(clients.client("old"))
    credentials = CertificateFiles(certificate, key, source="test")
    cluster, peer = meet(play(look, renew_and_refuse, look), asks=clients, credentials=credentials)
    get(cluster)
    get(cluster)
    assert [dict(pair for part in who["subject"] for pair in part)["commonName"] for who in seen] == ["old", "new"]
    assert [asked.connection for asked in peer.requests] == [1, 1, 2]


def encrypted(leaf: Leaf) -> bytes:
    key = load_pem_private_key(leaf.key, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))


@pytest.mark.parametrize("broken", ["key of another", "encrypted key", "no key", "no certificate"])
def test_a_client_certificate_that_cannot_be_used(broken: str) -> None:
    leaf, other = Authority("clients").client("ci"), Authority("clients").client("ci")
    pair = {
        "key of another": ClientCertificate(leaf.certificate, other.key),
        "encrypted key": ClientCertificate(leaf.certificate, encrypted(leaf)),
        "no key": ClientCertificate(leaf.certificate, b""),
        "no certificate": ClientCertificate(b"", leaf.key),
    }[broken]
    with pytest.raises(ConfigError, match=r"^kubeconfig /x: the client certificate and its key cannot be used$"):
        tls.make_context(Connection("https://x", insecure=True, origin="kubeconfig /x"), pair)


@pytest.mark.parametrize("has_memory_files", [True, False])
def test_a_private_key_leaves_no_file(has_memory_files: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tls.tempfile, "tempdir", str(tmp_path))
    if not has_memory_files:
        monkeypatch.delattr(tls.os, "memfd_create")
    leaf = Authority("clients").client("ci")
    tls.make_context(Connection("https://x", insecure=True), ClientCertificate(leaf.certificate, leaf.key))
    assert list(tmp_path.iterdir()) == []


def test_closing_ends_a_handshake_that_the_other_side_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, ThreadPoolExecutor(1) as pool:
        cluster = Cluster(Connection(f"https://127.0.0.1:{mute.getsockname()[1]}", insecure=True))
        waiting = pool.submit(get, cluster)
        accepted, _ = mute.accept()
        began = time.monotonic()
        cluster.close()
        assert isinstance(waiting.exception(5), Unreachable)
        assert time.monotonic() - began < 3
        accepted.close()
