"""Several kubeconfigs as one, by kubectl's rules; tests/cluster/test_client_kubeconfigs.py asks kubectl itself."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.kube.config import Connection, load
from engine.kube.errors import ConfigError


def config(**parts: Any) -> dict[str, Any]:
    """A kubeconfig from `clusters={"a": {...}}` and so on; `current` is its current context."""
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for plural in ("clusters", "users", "contexts"):
        if plural in parts:
            document[plural] = [{"name": name, plural[:-1]: fields} for name, fields in parts[plural].items()]
    if "current" in parts:
        document["current-context"] = parts["current"]
    return document


def write(folder: Path, *documents: dict[str, Any]) -> dict[str, str]:
    """One file in one folder each; gives the environment that names them all."""
    files = []
    for number, document in enumerate(documents):
        file = folder / str(number) / "config"
        file.parent.mkdir()
        file.write_text(json.dumps(document))
        files.append(str(file))
    return {"KUBECONFIG": os.pathsep.join(files)}


ONE = config(
    clusters={"c": {"server": "https://one:6443"}},
    users={"u": {"token": "one"}},
    contexts={"x": {"cluster": "c", "user": "u", "namespace": "first"}},
    current="x",
)
TWO = config(
    clusters={"c": {"server": "https://two:6443", "tls-server-name": "two"}, "d": {"server": "https://d:6443"}},
    users={"u": {"token": "two", "as": "root"}, "v": {"token": "v"}},
    contexts={"x": {"cluster": "d", "user": "v"}, "y": {"cluster": "d", "user": "u"}},
    current="y",
)


def bearer(connection: Connection) -> str:
    return dict(connection.headers())["Authorization"].removeprefix("Bearer ")


def test_the_first_file_with_an_entry_decides_all_of_it(tmp_path: Path) -> None:
    connection = load(environ=write(tmp_path, ONE, TWO))
    assert (connection.server, connection.tls_server_name, connection.namespace) == ("https://one:6443", None, "first")
    assert connection.headers() == [("Authorization", "Bearer one")]


def test_the_order_of_the_files_counts(tmp_path: Path) -> None:
    connection = load(environ=write(tmp_path, TWO, ONE))
    assert (connection.server, connection.namespace) == ("https://d:6443", "default")
    assert dict(connection.headers()) == {"Authorization": "Bearer two", "Impersonate-User": "root"}


def test_entries_of_later_files_are_reached_from_contexts_of_earlier_ones(tmp_path: Path) -> None:
    bridge = config(contexts={"z": {"cluster": "d", "user": "v"}}, current="z")
    connection = load(environ=write(tmp_path, bridge, ONE, TWO))
    assert (connection.server, bearer(connection)) == ("https://d:6443", "v")


def test_the_first_current_context_that_is_not_empty_counts(tmp_path: Path) -> None:
    assert load(environ=write(tmp_path, config(current=""), config(), TWO, ONE)).server == "https://d:6443"


def test_missing_and_empty_files_of_the_list_are_left_out(tmp_path: Path) -> None:
    environ = write(tmp_path, ONE)
    empty = tmp_path / "empty"
    empty.write_text("# nothing here\n")
    environ["KUBECONFIG"] = f"/nowhere/x::{empty}:{environ['KUBECONFIG']}:"
    assert load(environ=environ).server == "https://one:6443"


def test_a_file_that_is_asked_for_counts_alone(tmp_path: Path) -> None:
    environ = write(tmp_path, ONE, TWO)
    second = environ["KUBECONFIG"].split(os.pathsep)[1]
    assert load(kubeconfig=second, environ=environ).server == "https://d:6443"


def test_a_file_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^kubeconfig /nowhere/x: no such file$"):
        load(kubeconfig="/nowhere/x", environ=write(tmp_path, ONE))


def test_without_a_list_the_file_in_the_home_counts(tmp_path: Path) -> None:
    file = tmp_path / ".kube" / "config"
    file.parent.mkdir()
    file.write_text(json.dumps(ONE))
    assert load(environ={"HOME": str(tmp_path)}).server == "https://one:6443"


def test_flags_replace_single_parts(tmp_path: Path) -> None:
    environ = write(tmp_path, ONE, TWO)
    connection = load(environ=environ, context="y", cluster="c", user="v")
    assert (connection.server, bearer(connection)) == ("https://one:6443", "v")


def test_another_server_keeps_all_but_the_name_on_its_certificate(tmp_path: Path) -> None:
    environ = write(tmp_path, TWO)
    connection = load(environ=environ, cluster="c", server="https://other:1")
    assert (connection.server, connection.tls_server_name, bearer(connection)) == ("https://other:1", None, "two")


def test_a_server_alone_is_enough(tmp_path: Path) -> None:
    connection = load(environ={"HOME": str(tmp_path)}, server="http://127.0.0.1:8001/")
    assert (connection.server, connection.headers()) == ("http://127.0.0.1:8001", [])


def test_files_are_meant_from_where_their_kubeconfig_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = config(
        clusters={"c": {"server": "https://c", "certificate-authority": "ca.crt"}},
        users={"u": {"tokenFile": "t", "client-certificate": "sub/crt", "client-key": str(tmp_path / "0/sub/key")}},
        contexts={"x": {"cluster": "c", "user": "u"}},
        current="x",
    )
    write(tmp_path, document)
    (tmp_path / "0" / "sub").mkdir()
    for name, content in {"ca.crt": "CA", "t": "token\n", "sub/crt": "CRT", "sub/key": "KEY"}.items():
        (tmp_path / "0" / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    connection = load(environ={"KUBECONFIG": "0/config"})
    assert connection.ca_data == b"CA"
    assert bearer(connection) == "token"
    assert connection.client_certificate() == (b"CRT", b"KEY")


def test_data_in_the_file_wins_over_files(tmp_path: Path) -> None:
    document = config(
        clusters={"c": {"server": "https://c", "certificate-authority": "/no", "certificate-authority-data": "Q0E="}},
        users={
            "u": {
                "client-certificate": "/no",
                "client-certificate-data": "Q1JU",
                "client-key": "/no",
                "client-key-data": "S0VZ",
            }
        },
        contexts={"x": {"cluster": "c", "user": "u"}},
        current="x",
    )
    connection = load(environ=write(tmp_path, document))
    assert (connection.ca_data, connection.client_certificate()) == (b"CA", (b"CRT", b"KEY"))
    assert connection.headers() == []


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    document = config(clusters={"c": {"server": "https://c"}}, contexts={"x": {"cluster": "c"}}, current="x")
    assert load(environ=write(tmp_path, document)).headers() == []


def test_yaml_is_read_as_kubectl_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "current-context: x\n"
        "clusters: [{name: c, cluster: {server: 'https://c', insecure-skip-tls-verify: yes}}]\n"
        "contexts: [{name: x, context: {cluster: c, namespace: 'on'}}]\n"
    )
    connection = load(kubeconfig=str(file), environ={})
    assert (connection.insecure, connection.namespace) == (True, "on")


def test_the_origin_names_files_and_context(tmp_path: Path) -> None:
    environ = write(tmp_path, ONE, TWO)
    assert load(environ=environ).origin == f'kubeconfig {environ["KUBECONFIG"]}, context "x"'


def test_a_proxy_of_the_kubeconfig_wins_over_the_environments(tmp_path: Path) -> None:
    document = config(
        clusters={"c": {"server": "https://c", "proxy-url": "http://p:1"}, "d": {"server": "https://d"}},
        contexts={"x": {"cluster": "c"}, "y": {"cluster": "d"}},
        current="x",
    )
    environ = {**write(tmp_path, document), "HTTPS_PROXY": "http://other:2"}
    assert load(environ=environ).proxy_url == "http://p:1"
    assert load(environ=environ, context="y").proxy_url == "http://other:2"


def test_a_plain_server_gets_no_credentials(tmp_path: Path) -> None:
    document = config(
        clusters={"c": {"server": "http://c"}},
        users={"u": {"token": "one", "as": "jane"}},
        contexts={"x": {"cluster": "c", "user": "u"}},
        current="x",
    )
    assert load(environ=write(tmp_path, document)).headers() == [("Impersonate-User", "jane")]
