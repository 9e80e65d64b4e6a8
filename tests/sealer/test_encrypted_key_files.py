"""`-k FILE` reads what `kseal keys backup` wrote, encrypted or not."""

import io
import json
import sys
from pathlib import Path

import pytest

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer import age
from sealer.cli import keyfiles
from sealer.cli.decrypting import Decryptor
from sealer.cli.main import call_as
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.keys import SealingKey
from sealer.keysecret import raw_secret
from sealer.sealedsecret import seal_secret

PASSPHRASE = "correct horse battery"


@pytest.fixture
def folder(key: SealingKey, tmp_path: Path) -> Path:
    """An encrypted backup of the key, its identity, a file that is encrypted by passphrase, and something sealed."""
    pyrage = pytest.importorskip("pyrage")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"# mine\n{identity}\n")
    secrets = {"apiVersion": "v1", "kind": "List", "items": [raw_secret(key, "key", "kube-system")]}
    backup = json.dumps(secrets).encode()
    (tmp_path / "keys.age").write_bytes(age.encrypt(backup, [str(identity.to_public())]))
    (tmp_path / "keys.json").write_bytes(backup)
    (tmp_path / "keys.pass").write_bytes(b"age-encryption.org/v1\n-> scrypt c2FsdA 18\n")
    metadata = {"name": "db", "namespace": "shop"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": "of the sea"}}
    (tmp_path / "sealed.json").write_text(json.dumps(seal_secret(secret, key.private_key.public_key())))
    return tmp_path


def given(folder: Path, *identities: str) -> Given:
    return Given((), {"identity": tuple(str(folder / name) for name in identities)})


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What comes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize("verb", ["unseal", "verify", "rotate"])
def test_each_verb_takes_an_identity(verb: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        verb,
        f"--private-key={folder}/keys.age",
        f"--identity={folder}/identity.txt",
        str(folder / "sealed.json"),
    ]
    code = call_as("kseal", arguments, {})
    said = capsys.readouterr()
    assert code == 0, said.err
    assert ("b2YgdGhlIHNlYQ==" in said.out) is (verb == "unseal")


def test_the_passphrase_of_several_backups_is_asked_for_once(
    folder: Path, key: SealingKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deciphering itself takes a second by design, and is tested with age's."""
    used: list[bytes] = []

    def decrypt(_: bytes, passphrase: Sensitive) -> bytes:
        used.append(passphrase.reveal())
        return (folder / "keys.json").read_bytes()

    monkeypatch.setattr(age, "decrypt_by_passphrase", decrypt)
    typed(monkeypatch, PASSPHRASE + "\nsomething else\n")
    paths = [str(folder / "keys.pass")] * 2
    found = keyfiles.read(paths, example="", decrypt=Decryptor(given(folder)))
    assert [one.fingerprint for one in found] == [key.fingerprint] * 2
    assert used == [PASSPHRASE.encode()] * 2


def test_an_encrypted_backup_without_identity_says_what_is_missing(folder: Path) -> None:
    with pytest.raises(Misused, match=r"keys\.age: the backup is encrypted") as caught:
        keyfiles.read([str(folder / "keys.age")], example="", decrypt=Decryptor(given(folder)))
    assert "--identity" in (caught.value.hint or "")


def test_where_no_option_could_open_it_other_verbs_are_named(folder: Path) -> None:
    with pytest.raises(KsealError, match="the backup is encrypted") as caught:
        keyfiles.read([str(folder / "keys.age")], example="")
    assert "kseal unseal" in (caught.value.hint or "")


def test_standard_input_does_not_bring_a_passphrase_and_a_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, (folder / "sealed.json").read_text())
    decrypt = Decryptor(given(folder), is_input_taken=True)
    with pytest.raises(Misused, match="standard input cannot give the passphrase"):
        keyfiles.read([str(folder / "keys.pass")], example="", decrypt=decrypt)


def test_without_the_library_the_cure_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(KsealError, match='"pyrage", which is not installed') as caught:
        keyfiles.read([str(folder / "keys.age")], example="", decrypt=Decryptor(given(folder, "identity.txt")))
    assert "[age]" in (caught.value.hint or "")
