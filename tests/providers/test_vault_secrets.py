"""A server of Vault that answers with something else than Vault's answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("hvac")

from providers.errors import Unavailable
from providers.vault.kms import VaultTransit
from providers.vault.kv import VaultSecrets
from sealer.sops.recipients.base import MasterKey

FIELDS = {"vault_kv_mount_name": "kv", "vault_path": "team"}
Answer = tuple[int, bytes]


@contextmanager
def serving(read: Answer, write: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server with one answer for reads and one for writes, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(*read)

        def do_POST(self) -> None:
            self._answer(*write)

        def do_PUT(self) -> None:
            self._answer(*write)

        def _answer(self, status: int, body: bytes) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("read", "write"), [((307, b""), (200, b"{}")), ((404, b"{}"), (307, b""))])
def test_values_that_a_redirection_kept_from_arriving_are_not_published(read: Answer, write: Answer) -> None:
    with serving(read, write) as (url, _):
        place = VaultSecrets({"VAULT_TOKEN": "t"}, {**FIELDS, "vault_address": url})
        with pytest.raises(Unavailable, match="sends its callers elsewhere"):
            place.put("db", {"password": "hunter2"})


@pytest.mark.parametrize("body", [b"[]", b'"text"', b'{"data": []}', b"no JSON"])
def test_an_answer_of_another_shape_holds_no_values(body: bytes) -> None:
    with serving((200, body), (204, b"")) as (url, asked):
        assert VaultSecrets({"VAULT_TOKEN": "t"}, {**FIELDS, "vault_address": url}).put("db", {"password": "hunter2"})
    assert asked[-1] != "GET"


def test_values_that_are_there_are_not_written_again() -> None:
    with serving((200, b'{"data": {"data": {"password": "hunter2"}}}'), (204, b"")) as (url, asked):
        place = VaultSecrets({"VAULT_TOKEN": "t"}, {**FIELDS, "vault_address": url})
        assert not place.put("db", {"password": "hunter2"})
    assert asked == ["GET"]


ODD = [
    *((400, body) for body in (b"[]", b'{"errors": [1]}', b'{"errors": 5}')),
    *((200, body) for body in (b"[" * 100_000, b'{"data": []}', b'{"data": null}', b"5", b"9" * 5000)),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: f"{odd[0]} {odd[1][:20]!r}")
def test_no_answer_of_a_stranger_ends_a_run(odd: Answer) -> None:
    with serving(odd, odd) as (url, _):
        fields = {"vault_address": url, "engine_path": "transit", "key_name": "k"}
        with pytest.raises(Unavailable, match="Vault answers"):
            VaultTransit({"VAULT_TOKEN": "t"}).unwrap(MasterKey("hc_vault", fields, "vault:v1:AAAA"))
    with serving((400, b"[]"), odd) as (url, _), pytest.raises(Unavailable, match="Vault answers"):
        VaultSecrets({"VAULT_TOKEN": "t"}, {**FIELDS, "vault_address": url}).put("db", {"password": "hunter2"})
