"""Backups are encrypted with age, when its library is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer import age


def test_each_recipient_decrypts_alone(tmp_path: Path) -> None:
    pyrage = pytest.importorskip("pyrage")
    native = pyrage.x25519.Identity.generate()
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    data = age.encrypt(b"keys", [str(native.to_public()), key.with_suffix(".pub").read_text().strip()])
    assert age.is_encrypted(data)
    assert not age.wants_passphrase(data)
    assert b"keys" not in data
    assert age.decrypt(data, [f"# a comment\n{native}\n".encode()]) == b"keys"
    assert age.decrypt(data, [key.read_bytes()]) == b"keys"


@pytest.mark.slow
def test_a_passphrase_protects_too() -> None:
    pytest.importorskip("pyrage")
    data = age.encrypt_by_passphrase(b"keys", Sensitive(b"correct horse"))
    assert age.wants_passphrase(data)
    assert age.decrypt_by_passphrase(data, Sensitive(b"correct horse")) == b"keys"
    with pytest.raises(KsealError, match="the passphrase does not decrypt"):
        age.decrypt_by_passphrase(data, Sensitive(b"wrong horse"))


def test_what_is_no_recipient_and_no_identity_is_refused_without_being_repeated() -> None:
    pyrage = pytest.importorskip("pyrage")
    with pytest.raises(KsealError, match='"age1x" is no age recipient'):
        age.encrypt(b"keys", ["age1x"])
    data = age.encrypt(b"keys", [str(pyrage.x25519.Identity.generate().to_public())])
    for text in (b"AGE-SECRET-KEY-1NONSENSE", b"-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n"):
        with pytest.raises(KsealError, match="holds no age identity") as caught:
            age.decrypt(data, [text])
        assert "onsense" not in caught.value.message.lower()


def test_without_the_library_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(KsealError, match='"pyrage", which is not installed') as caught:
        age.encrypt(b"keys", ["age1x"])
    assert "[age]" in (caught.value.hint or "")
