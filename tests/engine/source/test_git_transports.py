"""Whole ways to a repository, ours for the refs and git's for the rest: ssh, TLS of a private authority, proxies."""

import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_ssh_private_key,
)

from engine.source.base import SourceError
from engine.source.git import GitCredentials, GitRef, GitSource, GitWanted
from engine.source.guard import Guard
from tests.engine.git.bare import Bare
from tests.kit.gitserver import GitServer
from tests.kit.pki import Authority
from tests.kit.sshserver import SshServer, new_key


def read(source: GitSource, wanted: GitWanted, credentials: GitCredentials | None) -> list[str]:
    return [path for path, _, _ in source.files(wanted, source.resolve(wanted, credentials), credentials)]


class Served(NamedTuple):
    server: SshServer
    wanted: GitWanted
    identity: bytes


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ssh")
    key = new_key(folder / "deploy")
    with SshServer(folder) as server:
        server.let_in(key.with_suffix(".pub").read_text())
        url = server.repository("apps")
        bare = Bare(folder / "apps.git", url)
        bare.commit({"a.yaml": "a"})
        bare.tag("v1.0.0", message="annotated")
        yield Served(server, GitWanted(url, GitRef(branch="main"), timeout_seconds=20), key.read_bytes())


@pytest.mark.interop
def test_a_deploy_key_reads_over_ssh(ssh: Served, source: GitSource) -> None:
    secret = {"identity": ssh.identity, "known_hosts": ssh.server.known_hosts.encode()}
    credentials = GitCredentials.of(secret, ssh.wanted.url)
    assert read(source, ssh.wanted, credentials) == ["a.yaml"]
    tagged = ssh.wanted._replace(ref=GitRef(semver="1.x"))
    assert source.resolve(tagged, credentials).commit == source.resolve(ssh.wanted, credentials).commit
    with pytest.raises(SourceError, match="couldn't find remote ref 'refs/heads/x'"):
        source.resolve(ssh.wanted._replace(ref=GitRef(branch="x")), credentials)
    assert list(source._scratch.iterdir()) == []


@pytest.mark.interop
def test_a_deploy_key_under_a_passphrase_reads_over_ssh(ssh: Served, source: GitSource) -> None:
    key = load_ssh_private_key(ssh.identity, None)
    closed = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"hunter2"))
    secret = {"identity": closed, "password": b"hunter2", "known_hosts": ssh.server.known_hosts.encode()}
    assert source.resolve(ssh.wanted, GitCredentials.of(secret, ssh.wanted.url)).commit


@pytest.mark.interop
@pytest.mark.parametrize("of", ["host", "user"])
def test_a_key_that_is_not_the_right_one_opens_nothing(ssh: Served, source: GitSource, tmp_path: Path, of: str) -> None:
    other = new_key(tmp_path / "other")
    host = (
        other.with_suffix(".pub").read_text() if of == "host" else ssh.server.host_key.with_suffix(".pub").read_text()
    )
    secret = {
        "identity": other.read_bytes() if of == "user" else ssh.identity,
        "known_hosts": ssh.server.known_as(host).encode(),
    }
    with pytest.raises(SourceError, match="unable to list remote") as caught:
        source.resolve(ssh.wanted, GitCredentials.of(secret, ssh.wanted.url))
    assert caught.value.hint


@pytest.mark.interop
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_ssh_goes_through_a_proxy(ssh: Served, source: GitSource, scheme: str) -> None:
    secret = {"identity": ssh.identity, "known_hosts": ssh.server.known_hosts.encode()}
    with ProxyServer() as proxy:
        address = f"{scheme}://127.0.0.1:{proxy.port}".encode()
        through = {"address": address, "username": b"ann", "password": b"s:3/c@ret"}
        assert source.resolve(ssh.wanted, GitCredentials.of(secret, ssh.wanted.url, through)).commit
        assert proxy.served == 1
        wrong = GitCredentials.of(secret, ssh.wanted.url, through | {"password": b"wrong"})
        with pytest.raises(SourceError, match="unable to list remote") as caught:
            source.resolve(ssh.wanted, wrong)
        assert "wrong" not in str(caught.value)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test")


class Front(NamedTuple):
    """What stands before the server of a test."""

    server: GitServer
    authority: Authority
    folder: Path

    @contextmanager
    def under_tls(self, *, asks: bool = False) -> Iterator[str]:
        """A port that ends TLS, and may ask for a client certificate; gives the URL."""
        leaf = self.authority.server("localhost", "127.0.0.1")
        (self.folder / "server.pem").write_bytes(leaf.certificate + leaf.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.authority.certificate.decode())
        context.load_cert_chain(self.folder / "server.pem")
        context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        with Relay(self.server._server.server_port, context) as relay:
            yield f"https://127.0.0.1:{relay.port}"


@pytest.fixture
def front(open_server: GitServer, authority: Authority, tmp_path: Path) -> Front:
    return Front(open_server, authority, tmp_path)


@pytest.mark.parametrize("asks", [False, True], ids=["authority", "client certificate"])
def test_a_private_authority_and_a_client_certificate_are_taken(
    repository: Bare, source: GitSource, front: Front, asks: bool
) -> None:
    repository.commit({"a.yaml": "a"})
    client = front.authority.client("ann")
    secret = {"ca.crt": front.authority.certificate}
    secret |= {"tls.crt": client.certificate, "tls.key": client.key} if asks else {}
    with front.under_tls(asks=asks) as base:
        url = f"{base}/{repository.path.name}"
        wanted = GitWanted(url, GitRef(branch="main"), timeout_seconds=20)
        assert read(source, wanted, GitCredentials.of(secret, url)) == ["a.yaml"]
        for less in [{}, {"ca.crt": front.authority.certificate}] if asks else [{}]:
            with pytest.raises(SourceError, match=r"not trusted|tls|broke off|reset") as caught:
                source.resolve(wanted, GitCredentials.of(less, url))
            assert caught.value.reason == "GitOperationFailed"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_a_proxy_with_a_password_is_gone_through(
    repository: Bare, source: GitSource, front: Front, scheme: str, is_tls: bool
) -> None:
    repository.commit({"a.yaml": "a"})
    secret = {"ca.crt": front.authority.certificate}
    with front.under_tls() as base, ProxyServer() as proxy:
        url = f"{base}/{repository.path.name}" if is_tls else repository.url
        wanted = GitWanted(url, GitRef(branch="main"), timeout_seconds=20)
        address = f"{scheme}://127.0.0.1:{proxy.port}".encode()
        through = {"address": address, "username": b"ann", "password": b"s:3/c@ret"}
        assert read(source, wanted, GitCredentials.of(secret, url, through)) == ["a.yaml"]
        assert proxy.served >= 3
        with pytest.raises(SourceError, match=r"proxy|answered 407") as caught:
            source.resolve(wanted, GitCredentials.of(secret, url, through | {"password": b"wrong"}))
        assert "wrong" not in str(caught.value)


def test_the_proxy_of_the_environment_is_gone_through_by_both(
    open_server: GitServer, repository: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.yaml": "a"})
    monkeypatch.setattr("engine.git.access._goes_straight", lambda *_: False)  # loopback otherwise does
    with ProxyServer() as proxy:
        environ = {"PATH": os.environ["PATH"], "http_proxy": f"http://ann:s%3A3%2Fc%40ret@127.0.0.1:{proxy.port}"}
        source = GitSource(tmp_path / "proxied", environ=environ, guard=Guard())
        assert read(source, GitWanted(repository.url, GitRef(branch="main")), None) == ["a.yaml"]
        assert proxy.served >= 3


def test_the_guard_stands_before_refs_and_files(repository: Bare, tmp_path: Path) -> None:
    repository.commit({"a.yaml": "a"})
    wanted = GitWanted(repository.url, GitRef(branch="main"))
    locked = GitSource(tmp_path / "locked", environ=os.environ, guard=Guard(lockdown=True))
    free = GitSource(tmp_path / "free", environ=os.environ, guard=Guard())
    resolved = free.resolve(wanted)
    for use in (lambda: locked.resolve(wanted), lambda: locked.files(wanted, resolved)):
        with pytest.raises(SourceError, match="may not be dialled"):
            use()


class Relay:
    """Ends TLS before a port on loopback."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._target, self._context = port, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> "Relay":
        threading.Thread(target=_accept, args=(self._listener, self._one), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _one(self, plain: socket.socket) -> None:
        with self._context.wrap_socket(plain, server_side=True) as inner:
            _join(inner, self._target)


class ProxyServer:
    """HTTP (with CONNECT and without) and SOCKS 5 on one port, for one user."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.served = 0

    def __enter__(self) -> "ProxyServer":
        threading.Thread(target=_accept, args=(self._listener, self._one), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _one(self, client: socket.socket) -> None:
        if client.recv(1, socket.MSG_PEEK) == b"\x05":
            self._socks(client)
        else:
            self._http(client)

    def _socks(self, client: socket.socket) -> None:
        client.recv(2 + client.recv(2, socket.MSG_PEEK)[1])
        client.sendall(b"\x05\x02")
        if client.recv(512) != b"\x01\x03ann\x09s:3/c@ret":
            client.sendall(b"\x01\x01")
            return
        client.sendall(b"\x01\x00")
        asked = client.recv(512)
        self.served += 1
        client.sendall(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        _join(client, int.from_bytes(asked[-2:], "big"))

    def _http(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        if b"proxy-authorization: basic yw5uonm6my9jqhjldA==".lower() not in head.lower():
            client.sendall(b"HTTP/1.1 407 Password\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
            return
        self.served += 1
        method, target, *_ = head.split()
        if method == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _join(client, int(target.rpartition(b":")[2]))
        else:
            host, _, path = target.removeprefix(b"http://").partition(b"/")
            lines = head.replace(target, b"/" + path, 1).split(b"\r\n")
            lines = [line for line in lines if not line.lower().startswith((b"proxy-", b"connection:"))]
            first = b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + rest
            _join(client, int(host.rpartition(b":")[2]), first)


def _accept(listener: socket.socket, one: Callable[[socket.socket], None]) -> None:
    def safely(client: socket.socket) -> None:
        with client:
            try:
                one(client)
            except (OSError, ValueError, IndexError):
                return  # the client went away, as it should

    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=safely, args=(client,), daemon=True).start()


def _join(one: socket.socket, port: int, first: bytes = b"") -> None:
    with socket.create_connection(("127.0.0.1", port)) as other:
        other.sendall(first)
        while True:
            pending = one.pending() if isinstance(one, ssl.SSLSocket) else 0
            ready = [one] if pending else select.select([one, other], [], [], 20)[0]
            if not ready:
                return
            for each in ready:
                if not (data := each.recv(65536)):
                    return
                (other if each is one else one).sendall(data)
