"""The same kubeconfigs, flags and environment for kubectl and for us: both must ask the same server the same way."""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.config import load
from engine.kube.impersonate import Impersonate
from tests.kit.peer import Asked, Peer, answer, play
from tests.kit.pki import Authority

pytestmark = pytest.mark.interop

IDENTITY = ("authorization", "impersonate-")


def config(**parts: Any) -> dict[str, Any]:
    """A kubeconfig from `clusters={"a": {...}}` and so on; `current` is its current context."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": parts.pop("current", "")}
    for plural, entries in parts.items():
        trust = {"certificate-authority-data": "AUTHORITY"} if plural == "clusters" else {}
        document[plural] = [{"name": name, plural[:-1]: {**trust, **fields}} for name, fields in entries.items()]
    return document


# SERVER is the peer's address; each of its paths tells which entry was chosen.
ONE = config(
    clusters={"c": {"server": "SERVER/one"}, "only1": {"server": "SERVER/only1/"}},
    users={"u": {"token": "one"}, "file": {"tokenFile": "token", "token": "unused"}},
    contexts={"x": {"cluster": "c", "user": "u"}, "f": {"cluster": "c", "user": "file"}},
    current="x",
)
PLAIN = config(
    clusters={"c": {"server": "PLAIN/plain", "certificate-authority-data": None}},
    users={"u": {"token": "one", "as": "jane"}},
    contexts={"x": {"cluster": "c", "user": "u"}},
    current="x",
)
TWO = config(
    clusters={"c": {"server": "SERVER/two"}, "only2": {"server": "SERVER/only2"}},
    users={
        "u": {"token": "two"},
        "acting": {
            "token": "a",
            "as": "jane",
            "as-groups": ["dev", "ops"],
            "as-uid": "42",
            "as-user-extra": {"acme.org/Scope": ["v", "w"]},
        },
    },
    contexts={
        "x": {"cluster": "only2", "user": "acting"},
        "y": {"cluster": "only2", "user": "u"},
        "z": {"cluster": "only2", "user": "acting"},
    },
    current="y",
)
BRIDGE = config(contexts={"b": {"cluster": "only1", "user": "acting"}}, current="b")
EMPTY = config()


@pytest.mark.parametrize(
    ("documents", "flags"),
    [
        ([ONE], {}),
        ([ONE, TWO], {}),
        ([TWO, ONE], {}),
        ([EMPTY, TWO, ONE], {}),
        ([BRIDGE, TWO, ONE], {}),
        ([ONE, TWO], {"context": "y"}),
        ([ONE, TWO], {"context": "z"}),
        ([ONE, TWO], {"context": "f"}),
        ([ONE, TWO], {"cluster": "only2", "user": "acting"}),
        ([ONE, TWO], {"server": "SERVER/flag"}),
        ([ONE, TWO], {"as": "root", "as-group": "admins"}),
        ([ONE, TWO], {"context": "z", "as": "root"}),
        ([ONE, TWO], {"context": "z", "as": "root", "as-group": "admins"}),
        ([PLAIN], {}),
    ],
)
def test_the_same_request_reaches_the_same_server(
    tmp_path: Path,
    program: Callable[[str], Path],
    server: tuple[Peer, Peer, str],
    documents: list[dict[str, Any]],
    flags: dict[str, str],
) -> None:
    secure, plain, authority = server
    files = []
    for number, document in enumerate(documents):
        file = tmp_path / str(number) / "config"
        file.parent.mkdir()
        text = json.dumps(document).replace("SERVER", secure.url).replace("PLAIN", plain.url)
        file.write_text(text.replace("AUTHORITY", authority))
        (file.parent / "token").write_text("from-the-file\n")
        files.append(str(file))
    flags = {name: value.replace("SERVER", secure.url) for name, value in flags.items()}
    environ = {"KUBECONFIG": os.pathsep.join(files), "HOME": str(tmp_path)}

    command = [str(program("kubectl")), "get", "--raw", "/healthz"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)

    user, group = flags.pop("as", None), flags.pop("as-group", None)
    other = Impersonate(user, (group,) if group else ()) if user else None
    cluster = Cluster(load(environ=environ, impersonate=other, **flags))
    cluster.request("GET", "/healthz")
    cluster.close()
    theirs, ours = secure.requests + plain.requests
    assert ours.target == theirs.target
    assert identity(ours) == identity(theirs)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Peer, Peer, str]]:
    """A TLS server and a plain one that say yes to everything, and the authority of the first in base64."""
    authority = Authority("test")
    leaf = authority.server("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(leaf.certificate + leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    yes = play(answer({"kind": "Status"}))
    with Peer(yes, tls=context) as secure, Peer(yes) as plain:
        yield secure, plain, base64.b64encode(authority.certificate).decode()


def identity(asked: Asked) -> list[tuple[str, str]]:
    return sorted(pair for pair in asked.pairs if pair[0].startswith(IDENTITY))


@pytest.mark.parametrize(
    ("documents", "flags"),
    [
        ([ONE], {"context": "missing"}),
        ([ONE], {"cluster": "missing"}),
        ([ONE], {"user": "missing"}),
        ([config(contexts={"x": {"cluster": "missing"}}, current="x")], {}),
        ([config(clusters={"c": {}}, contexts={"x": {"cluster": "c"}}, current="x")], {}),
        ([{**ONE, "clusters": {}}], {}),
        ([{**ONE, "users": [{"name": "u", "user": {"token": 12345678}}]}], {}),
        ([{**ONE, "users": [{"name": "u", "user": {}}, {"name": "u", "user": {}}]}], {}),
        ([{**ONE, "clusters": [{"name": "c", "cluster": {"insecure-skip-tls-verify": "true"}}]}], {}),
        ([{**ONE, "users": [{"name": "u", "user": {"as-uid": "1"}}]}], {}),
        ([{"kind": "Secret", "apiVersion": "v1"}], {}),
    ],
)  # fmt: skip
def test_what_kubectl_refuses_we_refuse(
    tmp_path: Path,
    program: Callable[[str], Path],
    server: tuple[Peer, Peer, str],
    documents: list[dict[str, Any]],
    flags: dict[str, str],
) -> None:
    secure, plain, authority = server
    file = tmp_path / "config"
    file.write_text(json.dumps(documents[0]).replace("SERVER", secure.url).replace("AUTHORITY", authority))
    command = [str(program("kubectl")), "get", "--raw", "/healthz", f"--kubeconfig={file}"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, check=False, capture_output=True, timeout=60)
    assert done.returncode != 0
    with pytest.raises(KsealError):
        load(kubeconfig=str(file), environ={"HOME": str(tmp_path)}, **flags).headers()
    assert not secure.requests + plain.requests
