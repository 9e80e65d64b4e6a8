"""PGP keys between the real sops and ours, by the real gpg, each in a keyring that is thrown away."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import KsealError
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.pgp import PgpService
from tests.kit import real
from tests.kit.sopsexchange import PLAIN, Exchange

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def keyring() -> Iterator[Path]:
    """A private GnuPG home; its agent's socket needs a short path."""
    real.require("gpg")
    with tempfile.TemporaryDirectory(prefix="kseal-gpg-") as folder:
        yield Path(folder)
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)


@pytest.fixture(scope="module")
def fingerprints(keyring: Path) -> list[str]:
    """A key with one subkey for encryption, and its fingerprints."""
    gpg = ["gpg", "--homedir", keyring, "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
    make = [*gpg, "--quick-generate-key", "somebody@example.com", "future-default", "default", "never"]
    subprocess.run(make, capture_output=True, check=True)
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^fpr:+([0-9A-F]+):", listed, re.MULTILINE)


@pytest.mark.parametrize("exact", [False, True])
def test_both_read_what_the_other_wrote(keyring: Path, fingerprints: list[str], tmp_path: Path, exact: bool) -> None:
    exchange = Exchange(tmp_path, {"GNUPGHOME": str(keyring)})
    services = {"pgp": PgpService(exchange.environ)}
    fingerprint = f"{fingerprints[1]}!" if exact else fingerprints[0]
    assert exchange.we_read(exchange.theirs("--pgp", fingerprint), services) == PLAIN
    data = exchange.ours([[spelling.parse("pgp", fingerprint)]], services)
    assert exchange.they_read(data) == PLAIN
    ((key,),) = exchange.keys_of(data)
    assert (key.identity, key.created_at) == (fingerprint, "2026-01-02T03:04:05Z")
    assert key.enc.endswith("-----END PGP MESSAGE-----")


def test_a_keyring_of_the_callers_own(keyring: Path, fingerprints: list[str]) -> None:
    service = PgpService({}, home=str(keyring))
    key = spelling.parse("pgp", fingerprints[0])
    assert service.unwrap(key.wrapping(service.wrap(key, b"data"), "")) == b"data"


def test_a_key_that_is_not_there_is_named(keyring: Path, tmp_path: Path, fingerprints: list[str]) -> None:
    empty = PgpService({}, home=str(tmp_path))
    with pytest.raises(KsealError, match=r"gpg cannot encrypt: .*[Nn]o public key"):
        empty.wrap(MasterKey("pgp", {"fp": "A" * 40}), b"data")
    wrapped = PgpService({}, home=str(keyring)).wrap(spelling.parse("pgp", fingerprints[0]), b"data")
    with pytest.raises(KsealError, match=r"gpg cannot decrypt: .*[Nn]o secret key"):
        empty.unwrap(MasterKey("pgp", {"fp": fingerprints[0]}, wrapped))
    with pytest.raises(KsealError, match=r"gpg cannot decrypt: "):
        empty.unwrap(MasterKey("pgp", {"fp": fingerprints[0]}, "not a message"))
    subprocess.run(["gpgconf", "--homedir", tmp_path, "--kill", "all"], check=True)
