"""Log-in programs of a kubeconfig, by real programs."""

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.errors import KsealError
from engine.kube.client import Cluster
from engine.kube.config import Connection, load
from engine.kube.credentials import Headers
from engine.kube.errors import LoginError, Unauthorized
from engine.kube.login import EARLY_SECONDS, RENEW_SECONDS, Grant, Login
from engine.kube.refs import SECRETS
from tests.kit.peer import Peer, answer, play, refused

VERSION = "client.authentication.k8s.io/v1"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "shop", "name": "db"}}

LoggedIn = Callable[..., Connection]


def credential(**status: Any) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}


@pytest.fixture
def logged_in(tmp_path: Path) -> LoggedIn:
    """A connection whose user logs in by a program that runs `code` in Python; it counts its runs in `runs`."""

    def make(code: str, **settings: Any) -> Connection:
        script = tmp_path / "login"
        script.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"path = {str(tmp_path / 'runs')!r}\nopen(path, 'a').write('x')\nruns = os.path.getsize(path)\n{code}\n"
        )
        script.chmod(0o700)
        program = {"command": str(script), "apiVersion": VERSION, **settings}
        file = tmp_path / "config"
        file.write_text(
            json.dumps(
                {
                    "clusters": [{"name": "c", "cluster": {"server": "https://c"}}],
                    "users": [{"name": "u", "user": {"exec": program}}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )
        return load(kubeconfig=str(file), environ={})

    return make


def gives(value: Any) -> str:
    return f"print({json.dumps(json.dumps(value))})"


def runs(tmp_path: Path) -> int:
    file = tmp_path / "runs"
    return file.stat().st_size if file.exists() else 0


def bearer(connection: Connection) -> str:
    return dict(connection.headers())["Authorization"]


def test_the_program_runs_when_its_credentials_are_needed_and_then_once(logged_in: LoggedIn, tmp_path: Path) -> None:
    connection = logged_in(gives(credential(token="t0k3n")))
    assert runs(tmp_path) == 0
    assert [bearer(connection) for _ in range(3)] == ["Bearer t0k3n"] * 3
    assert connection.client_certificate() is None
    assert runs(tmp_path) == 1


def test_the_program_gets_its_arguments_its_environment_and_the_cluster(logged_in: LoggedIn) -> None:
    code = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "token = '-'.join([*sys.argv[1:], os.environ['REGION'], info['spec']['cluster']['server'].split('/')[-1]])\n"
        f"print(json.dumps({{'apiVersion': '{VERSION}', 'kind': 'ExecCredential', 'status': {{'token': token}}}}))"
    )
    env = [{"name": "REGION", "value": "eu"}]
    connection = logged_in(code, args=["get", "token"], env=env, provideClusterInfo=True)
    assert bearer(connection) == "Bearer get-token-eu-c"


def test_a_program_named_by_a_relative_path_is_beside_the_kubeconfig(logged_in: LoggedIn) -> None:
    connection = logged_in(gives(credential(token="t")), command="./login")
    assert bearer(connection) == "Bearer t"


def test_a_client_certificate_may_be_what_it_gives(logged_in: LoggedIn) -> None:
    connection = logged_in(gives(credential(clientCertificateData="CRT", clientKeyData="KEY")))
    assert connection.headers() == []
    assert connection.client_certificate() == (b"CRT", b"KEY")


def test_credentials_that_expire_are_renewed_before(logged_in: LoggedIn, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=EARLY_SECONDS / 2)).isoformat().replace("+00:00", "Z")
    connection = logged_in(gives(credential(token="t", expirationTimestamp=soon)))
    bearer(connection)
    bearer(connection)
    assert runs(tmp_path) == 2


def test_credentials_far_from_their_end_are_kept(logged_in: LoggedIn, tmp_path: Path) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    connection = logged_in(gives(credential(token="t", expirationTimestamp=later)))
    bearer(connection)
    bearer(connection)
    assert runs(tmp_path) == 1


def test_a_refused_token_is_renewed_and_the_request_goes_again(logged_in: LoggedIn, tmp_path: Path) -> None:
    code = f"value = {credential(token='t')!r}; value['status']['token'] = f't{{runs}}'; print(json.dumps(value))"
    with Peer(play(refused(401, "Unauthorized"), answer(SECRET))) as peer:
        connection = replace(logged_in(code), server=peer.url)
        connection.headers()
        connection.credentials._granted_at -= RENEW_SECONDS  # credentials of some age
        cluster = Cluster(connection)
        assert cluster.create(SECRETS, SECRET) == SECRET
        cluster.close()
    assert [asked.headers["authorization"] for asked in peer.requests] == ["Bearer t1", "Bearer t2"]


def test_a_token_that_was_just_renewed_is_not_renewed_again(logged_in: LoggedIn, tmp_path: Path) -> None:
    with Peer(play(refused(401, "Unauthorized"))) as peer:
        cluster = Cluster(replace(logged_in(gives(credential(token="t"))), server=peer.url))
        for _ in range(3):
            with pytest.raises(Unauthorized):
                cluster.get(SECRETS, "shop", "db")
        cluster.close()
    assert runs(tmp_path) == 1
    assert len(peer.requests) == 3


def test_threads_that_need_credentials_together_log_in_once() -> None:
    count: list[int] = []
    together = threading.Barrier(8)

    def log_in() -> Grant:
        count.append(1)
        return Grant(f"t{len(count)}", None, None)

    def ask(_: int) -> Headers:
        together.wait(5)
        return login.headers()

    login = Login(log_in)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [[("Authorization", "Bearer t1")]] * 8


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.stderr.write('session expired:\\nrun x login\\n'); sys.exit(3)", "session expired: run x login"),
        ("print('no JSON')", "failed to decode"),
        ("print('[]')", "missing key"),
        ("print('3')", "no ExecCredential"),
        (gives({"apiVersion": VERSION, "kind": "ExecCredential"}), "missing key 'status'"),
        (gives({**credential(token="t"), "apiVersion": "v9"}), "v9"),
        (gives({**credential(), "status": 3}), "gave no status"),
        (gives(credential()), "gave neither a token nor a certificate"),
        (gives(credential(token=["hunter2"])), "no texts"),
        (gives(credential(token="hunter2\nX: y")), "characters that no token can have"),
        (gives(credential(clientCertificateData="hunter2")), "gave neither"),
        (gives(credential(token="hunter2", expirationTimestamp="never")), "'never' is no time"),
    ],
)
def test_a_program_that_gives_no_credentials_is_named(logged_in: LoggedIn, code: str, message: str) -> None:
    connection = logged_in(code)
    with pytest.raises(KsealError) as caught:
        connection.headers()
    said = str(caught.value)
    assert 'user "u"' in said
    assert message in said
    assert "\n" not in said
    assert "hunter2" not in said


def test_a_program_that_is_not_there_says_how_to_get_it(logged_in: LoggedIn) -> None:
    connection = logged_in("", command="kseal-no-such-program", installHint="install it from example.org")
    with pytest.raises(LoginError, match=r"cannot run 'kseal-no-such-program': No such file") as caught:
        connection.headers()
    assert caught.value.hint == "install it from example.org"


@pytest.mark.parametrize(
    "settings", [{"command": None}, {"apiVersion": None}, {"args": [3]}, {"env": [{"name": "x"}]}, {"env": ["x"]}]
)
def test_an_entry_that_cannot_work_is_refused_at_once(logged_in: LoggedIn, settings: dict[str, Any]) -> None:
    with pytest.raises(KsealError, match=r"exec"):
        logged_in("", **settings)
