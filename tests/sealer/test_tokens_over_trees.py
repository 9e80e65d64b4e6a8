"""A token of Vault goes to no server that only a file of a whole tree names."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("hvac")

from sealer.cli import main

TOKEN = "s3cr3t"


class Vault(NamedTuple):
    url: str
    tokens: list[str | None]


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A server that keeps the tokens that it is shown, and refuses everybody."""
    tokens: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            tokens.append(self.headers.get("X-Vault-Token"))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield Vault(f"http://127.0.0.1:{server.server_port}", tokens)
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vault: Vault) -> Path:
    """A file of a stranger, whose data key this server is to unwrap."""
    key = {"vault_address": vault.url, "engine_path": "transit", "key_name": "k", "enc": "vault:v1:AAAA"}
    value = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db"},
        "stringData": {"password": value},
        "sops": {
            "hc_vault": [{**key, "created_at": "2026-01-01T00:00:00Z"}],
            "lastmodified": "2026-01-01T00:00:00Z",
            "mac": value,
            "version": "3.9.0",
            "encrypted_regex": "^stringData$",
        },
    }
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "db.json").write_text(json.dumps(secret))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def converted(*words: str, **environ: str) -> int:
    return main.call(["convert", "--to", "plain", "--plaintext", "-i", *words], {"VAULT_TOKEN": TOKEN, **environ})


def test_over_a_tree_a_server_that_no_rule_names_gets_no_token(
    folder: Path, vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    assert converted("-r", "tree") == 1
    assert not vault.tokens
    assert "does not name this server" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("-r", "tree"), ("tree/db.json",)], ids=["named by a rule", "a file that is named"])
def test_a_server_that_somebody_chose_gets_it(folder: Path, vault: Vault, words: tuple[str, ...]) -> None:
    if "-r" in words:
        (folder / ".sops.yaml").write_text(f"creation_rules: [{{hc_vault_transit_uri: {vault.url}/v1/transit/keys/k}}]")
    assert converted(*words) == 1
    assert vault.tokens == [TOKEN]


def test_a_list_of_the_persons_own_decides_instead(folder: Path, vault: Vault) -> None:
    assert converted("-r", "tree", SOPS_HC_VAULT_ALLOWLIST=vault.url) == 1
    assert vault.tokens == [TOKEN]


PUBLISHED = "destination_rules: [{vault_path: team, vault_address: 'http://127.0.0.1:1'}]\n"


def published(*words: str) -> int:
    return main.call(["sops", "publish", "--yes", *words], {"VAULT_TOKEN": TOKEN})


def test_publishing_a_tree_sends_no_token_to_a_server_that_no_rule_names(
    folder: Path, vault: Vault, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".sops.yaml").write_text(PUBLISHED)
    assert published("--recursive", "tree") != 0
    assert not vault.tokens
    assert "does not name this server" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--recursive", "tree"), ("tree/db.json",)], ids=["by a rule", "a named file"])
def test_publishing_asks_a_server_that_somebody_chose(folder: Path, vault: Vault, words: tuple[str, ...]) -> None:
    rules = f"creation_rules: [{{hc_vault_transit_uri: {vault.url}/v1/transit/keys/k}}]\n" if len(words) > 1 else ""
    (folder / ".sops.yaml").write_text(PUBLISHED + rules)
    assert published(*words) != 0
    assert vault.tokens == [TOKEN]
