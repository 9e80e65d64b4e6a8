"""Over many files, a token goes only to servers of Vault that the rule of a file names."""

import pytest

from engine.errors import KsealError
from sealer.sops.config import loads
from sealer.sops.operations import Keys
from sealer.sops.recipients.base import MasterKey
from sealer.sops.vaultservers import limited

RULES = b"creation_rules: [{path_regex: enc, hc_vault_transit_uri: 'https://vault.example.org/v1/transit/keys/team'}]"
RULE = loads(RULES, "/repository/.sops.yaml").rule_for("/repository/enc")


class Service:
    def wrap(self, key: MasterKey, data: bytes) -> str:
        return f"{key.identity} {len(data)}"

    def unwrap(self, key: MasterKey) -> bytes:
        return key.identity.encode()


def key(server: str) -> MasterKey:
    return MasterKey("hc_vault", {"vault_address": server, "engine_path": "transit", "key_name": "team"}, "vault:v1:a")


KEYS = Keys({"hc_vault": Service(), "pgp": Service()}, ("pgp",))


def test_the_server_of_the_rule_is_asked_and_no_other() -> None:
    keys = limited(KEYS, RULE, {})
    assert keys.services["hc_vault"].unwrap(key("https://vault.example.org/")).startswith(b"https://vault.example.org/")
    with pytest.raises(KsealError, match="does not name this server"):
        keys.services["hc_vault"].unwrap(key("https://vault.example.org.evil.example"))
    assert keys.services["hc_vault"].wrap(key("https://new.example.org"), b"x")
    assert keys.services["pgp"] is KEYS.services["pgp"]
    assert (list(keys.services), len(keys.services), keys.order) == (["hc_vault", "pgp"], 2, ("pgp",))


def test_without_a_rule_no_server_is_asked() -> None:
    with pytest.raises(KsealError, match="does not name this server"):
        limited(KEYS, None, {}).services["hc_vault"].unwrap(key("https://vault.example.org"))


def test_a_list_of_the_persons_own_decides_instead() -> None:
    assert limited(KEYS, None, {"SOPS_HC_VAULT_ALLOWLIST": "https://a"}) is KEYS
