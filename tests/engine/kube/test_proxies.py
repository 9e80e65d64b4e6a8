"""HTTP proxies: which requests go through them, and how."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.kube.client import Cluster
from engine.kube.config import Connection
from engine.kube.errors import ConfigError, Unreachable
from engine.kube.proxy import from_environment
from engine.kube.refs import SECRETS
from tests.kit.peer import Asked, Peer, Script, Wire, answer, play
from tests.kit.pki import Authority

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}}


@pytest.mark.parametrize(
    ("server", "no_proxy", "goes_through"),
    [
        ("https://api.example.org:6443", "", True),
        ("https://api.example.org:6443", "*", False),
        ("https://api.example.org:6443", "example.org", False),
        ("https://api.example.org:6443", ".example.org", False),
        ("https://api.example.org:6443", "*.example.org", False),
        ("https://api.example.org:6443", "API.EXAMPLE.ORG", False),
        ("https://api.example.org:6443", "other.org, example.org", False),
        ("https://api.example.org:6443", "other.org example.org", False),
        ("https://api.example.org:6443", "ample.org", True),
        ("https://example.org:6443", ".example.org", True),
        ("https://api.example.org:6443", "api.example.org:6443", False),
        ("https://api.example.org:6443", "api.example.org:443", True),
        ("https://api.example.org", "api.example.org:443", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", False),
        ("https://10.1.2.3:6443", "10.1.2.4", True),
        ("https://10.1.2.3:6443", "10.0.0.0/99", True),
        ("https://api.example.org:6443", "10.0.0.0/8", True),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        ("https://[fd00::1]:6443", "fd00::1", False),
        ("https://localhost:6443", "", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("unix:///run/x", "", False),
    ],
)
def test_no_proxy_names_who_is_reached_directly(server: str, no_proxy: str, goes_through: bool) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}
    assert from_environment(server, environ) == ("http://proxy:3128" if goes_through else None)


@pytest.mark.parametrize(
    ("server", "environ", "proxy"),
    [
        ("https://a.org", {"https_proxy": "http://low:1"}, "http://low:1"),
        ("https://a.org", {"HTTPS_PROXY": "http://up:1", "https_proxy": "http://low:1"}, "http://up:1"),
        ("https://a.org", {"HTTP_PROXY": "http://plain:1"}, None),
        ("http://a.org", {"HTTP_PROXY": "http://plain:1"}, "http://plain:1"),
        ("https://a.org", {"HTTPS_PROXY": "proxy:1"}, "http://proxy:1"),
        ("https://a.org", {"HTTPS_PROXY": "http://p:1", "no_proxy": "a.org"}, None),
        ("https://a.org", {}, None),
    ],
)
def test_the_variable_follows_the_scheme(server: str, environ: dict[str, str], proxy: str | None) -> None:
    assert from_environment(server, environ) == proxy


@pytest.fixture
def serve() -> Iterator[Callable[..., Peer]]:
    with ExitStack() as stack:
        yield lambda script, **options: stack.enter_context(Peer(script, **options))


def tunnel(port: int) -> Script:
    """A proxy that connects to one port, whatever it is asked for."""

    def act(_: Asked, wire: Wire) -> None:
        wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as onward:
            back = threading.Thread(target=pump, args=(onward, wire.connection))
            back.start()
            pump(wire.connection, onward)
            back.join()
        wire.close()

    return act


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test")


@pytest.fixture(scope="module")
def serving(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    leaf = authority.server("api.example.org")
    file: Path = tmp_path_factory.mktemp("tls") / "pem"
    file.write_bytes(leaf.certificate + leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_https_goes_through_a_tunnel_that_sees_no_request(
    serve: Callable[..., Peer], serving: ssl.SSLContext, authority: Authority
) -> None:
    server = serve(play(answer(SECRET)), tls=serving)
    proxy = serve(tunnel(server.port))
    connection = Connection(
        "https://api.example.org:6443",
        ca_data=authority.certificate,
        proxy_url=f"http://user:p%40ss@127.0.0.1:{proxy.port}",
    )
    cluster = Cluster(connection, timeout_seconds=5)
    assert cluster.get(SECRETS, "shop", "db") == SECRET
    assert cluster.get(SECRETS, "shop", "db") == SECRET
    cluster.close()
    (connect,) = proxy.requests
    assert (connect.method, connect.target) == ("CONNECT", "api.example.org:6443")
    assert connect.headers == {"host": "api.example.org:6443", "proxy-authorization": "Basic dXNlcjpwQHNz"}
    assert "proxy-authorization" not in server.requests[0].headers
    assert server.connections == 1


def test_plain_http_is_asked_of_the_proxy_by_its_whole_address(serve: Callable[..., Peer]) -> None:
    proxy = serve(play(answer(SECRET)))
    connection = Connection("http://api.example.org:8080/x", proxy_url=f"http://user:pass@127.0.0.1:{proxy.port}")
    cluster = Cluster(connection)
    cluster.get(SECRETS, "shop", "db")
    cluster.close()
    (asked,) = proxy.requests
    assert asked.target == "http://api.example.org:8080/x/api/v1/namespaces/shop/secrets/db"
    assert asked.headers["host"] == "api.example.org:8080"
    assert asked.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize("status", [407, 502])
def test_a_proxy_that_refuses_is_named_without_its_password(serve: Callable[..., Peer], status: int) -> None:
    proxy = serve(play(answer(b"no", status)))
    cluster = Cluster(Connection("https://api.example.org", proxy_url=f"http://user:hunter2@127.0.0.1:{proxy.port}"))
    with pytest.raises(Unreachable) as caught:
        cluster.create(SECRETS, SECRET)
    assert f"the proxy 127.0.0.1:{proxy.port} answered {status}" in str(caught.value)
    assert not caught.value.sent
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {cluster.connection!r}"


def test_a_proxy_that_is_no_proxy(serve: Callable[..., Peer]) -> None:
    proxy = serve(play(b"SSH-2.0-x\r\n"))
    cluster = Cluster(Connection("https://api.example.org", proxy_url=proxy.url))
    with pytest.raises(Unreachable, match=r"cannot reach https://api\.example\.org: it is no HTTP"):
        cluster.get(SECRETS, "shop", "db")


@pytest.mark.parametrize(
    "url", ["https://user:hunter2@proxy:1", "socks5://proxy:1", "http://", "http://proxy:x", "http://[", "proxy:1"]
)
def test_a_proxy_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^kubeconfig /x: this proxy cannot be used$") as caught:
        Cluster(Connection("https://api.example.org", proxy_url=url, origin="kubeconfig /x"))
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
