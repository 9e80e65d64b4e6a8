"""Keys of Vault's transit engine, on a real OpenBao, between the real sops and ours."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers import catalog
from providers.errors import Denied, Misconfigured, NotFound, Unavailable
from providers.testing import exercise_key_service
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import MasterKey
from tests.kit.cloudkms import TOKEN as LOOPBACK_TOKEN
from tests.kit.cloudkms import Loopback
from tests.kit.openbao import TOKEN, OpenBao
from tests.kit.pki import Authority
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def bao() -> Iterator[OpenBao]:
    with OpenBao() as server:
        yield server


def key(uri: str, enc: str = "") -> MasterKey:
    return MasterKey("hc_vault", spelling.parse("hc_vault", uri).fields, enc)


@pytest.mark.parametrize("engine", ["transit", "teams/one/transit"])
def test_both_read_what_the_other_wrote(bao: OpenBao, tmp_path: Path, engine: str) -> None:
    uri = bao.transit_key("sops", engine=engine)
    exchange = Exchange(tmp_path, {"VAULT_TOKEN": TOKEN})
    services = {"hc_vault": catalog.key_service("hc_vault", exchange.environ)}
    assert exchange.we_read(exchange.theirs("--hc-vault-transit", uri), services) == PLAIN
    data = exchange.ours([[spelling.parse("hc_vault", uri)]], services)
    assert exchange.they_read(data) == PLAIN
    assert exchange.keys_of(data)[0][0].enc.startswith("vault:v1:")


def test_it_passes_the_exam(bao: OpenBao) -> None:
    there, missing = bao.transit_key("exam"), f"{bao.address}/v1/elsewhere/keys/exam"
    service = catalog.key_service("hc_vault", {"VAULT_TOKEN": TOKEN})
    exercise_key_service(service, lambda enc: key(there, enc), lambda enc: key(missing, enc))


def test_the_token_may_be_in_the_home_folder_and_nowhere_else(
    bao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = bao.transit_key("home")
    (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
    service = catalog.key_service("hc_vault", {"HOME": str(tmp_path)})
    assert service.unwrap(key(uri, service.wrap(key(uri), b"data"))) == b"data"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Denied) as caught:
        catalog.key_service("hc_vault", {}).wrap(key(uri), b"data")
    assert "VAULT_TOKEN" in (caught.value.hint or "")


def test_a_token_that_may_not_is_told(bao: OpenBao) -> None:
    uri = bao.transit_key("policy")
    weak = bao.write("auth/token/create", {"policies": ["default"]})["auth"]["client_token"]
    with pytest.raises(Denied, match="permission denied") as caught:
        catalog.key_service("hc_vault", {"VAULT_TOKEN": weak}).wrap(key(uri), b"data")
    assert weak not in f"{caught.value} {caught.value.hint}"


def test_only_servers_on_the_list_get_the_token(bao: OpenBao) -> None:
    uri = bao.transit_key("listed")
    for listed in (bao.address, f"https://other, {bao.address}/", "all", ""):
        service = catalog.key_service("hc_vault", {"VAULT_TOKEN": TOKEN, "SOPS_HC_VAULT_ALLOWLIST": listed})
        assert service.wrap(key(uri), b"data")
    for listed in ("none", "https://other", f"{bao.address}0", ","):
        service = catalog.key_service("hc_vault", {"VAULT_TOKEN": TOKEN, "SOPS_HC_VAULT_ALLOWLIST": listed})
        with pytest.raises(Denied, match="this Vault server is not allowed"):
            service.wrap(key(uri), b"data")


def test_missing_engines_and_a_server_that_is_away_are_told_apart(bao: OpenBao) -> None:
    service = catalog.key_service("hc_vault", {"VAULT_TOKEN": TOKEN})
    with pytest.raises(NotFound):
        service.wrap(key(f"{bao.address}/v1/nowhere/keys/x"), b"data")
    with pytest.raises(Unavailable, match="Vault does not answer") as caught:
        service.wrap(key("http://127.0.0.1:1/v1/transit/keys/x"), b"data")
    assert "can be reached from here" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("address", "engine", "name"),
    [
        ("http://127.0.0.1:1", "transit/../sys", "x"),
        ("http://127.0.0.1:1", "transit", ".."),
        ("http://127.0.0.1:1", "transit", "a/b"),
        ("http://127.0.0.1:1", "transit", "x?y"),
        ("http://127.0.0.1:1", "transit", "%2e%2e"),
        ("http://127.0.0.1:1", "", "x"),
        ("http://user@127.0.0.1:1", "transit", "x"),
        ("file:///etc", "transit", "x"),
    ],
)
def test_a_file_cannot_lead_the_token_elsewhere(address: str, engine: str, name: str) -> None:
    fields = {"vault_address": address, "engine_path": engine, "key_name": name}
    with pytest.raises(Misconfigured):
        catalog.key_service("hc_vault", {"VAULT_TOKEN": TOKEN}).unwrap(MasterKey("hc_vault", fields, "vault:v1:x"))


def test_a_server_is_trusted_by_the_authority_that_the_environment_names(tmp_path: Path) -> None:
    authority = Authority("vault")
    leaf = authority.server("localhost")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    (tmp_path / "server.pem").write_bytes(leaf.certificate + leaf.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = Loopback(lambda *_: (200, {"data": {"ciphertext": "vault:v1:x"}}), context=context)
    uri, environ = f"https://localhost:{server.port}/v1/transit/keys/x", {"VAULT_TOKEN": LOOPBACK_TOKEN}
    trusting = {**environ, "VAULT_CACERT": str(tmp_path / "ca.crt")}
    assert catalog.key_service("hc_vault", trusting).wrap(key(uri), b"data") == "vault:v1:x"
    careless = {**environ, "VAULT_SKIP_VERIFY": "true"}
    with pytest.warns(match="Unverified HTTPS request"):
        assert catalog.key_service("hc_vault", careless).wrap(key(uri), b"data") == "vault:v1:x"
    with pytest.raises(Unavailable, match="SSLError") as caught:
        catalog.key_service("hc_vault", environ).wrap(key(uri), b"data")
    assert "VAULT_CACERT" in (caught.value.hint or "")
    server.close()
