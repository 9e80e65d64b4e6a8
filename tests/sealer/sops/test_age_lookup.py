"""Age identities are found in every place of the original, and a failure says what was found where."""

import hashlib
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops.recipients import agefile, bech32, identities
from sealer.sops.recipients.age import AgeService
from sealer.sops.recipients.agefile import Stanza
from sealer.sops.recipients.base import MasterKey
from sealer.sops.recipients.lookup import Given, Lookup

pyrage = pytest.importorskip("pyrage")
DATA_KEY = bytes(range(32))


class Somebody:
    """Answers each prompt for a secret with one passphrase, and remembers the prompts."""

    def __init__(self, passphrase: bytes | None) -> None:
        self.passphrase = passphrase
        self.prompts: list[str] = []

    def secret(self, prompt: str) -> Sensitive | None:
        self.prompts.append(prompt)
        return None if self.passphrase is None else Sensitive(self.passphrase)

    def text(self, prompt: str) -> str | None:
        raise AssertionError(prompt)

    def confirm(self, prompt: str, yes: str, no: str | None) -> bool | None:
        raise AssertionError(prompt, yes, no)

    def tell(self, message: str) -> None:
        raise AssertionError(message)


@pytest.fixture
def native() -> tuple[str, str]:
    """An identity and its recipient."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


@pytest.fixture
def ssh_key(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, passphrase: str = "") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f", path], check=True)
        return path

    return make


def wrapped(recipient: str) -> MasterKey:
    key = MasterKey("age", {"recipient": recipient})
    return key.wrapping(AgeService(Given({})).wrap(key, DATA_KEY), "")


def under_passphrase(data: bytes, passphrase: bytes) -> str:
    """As age makes it, but with the least work instead of a second's."""

    def wrap(file_key: bytes) -> Stanza:
        salt = bytes(16)
        key = hashlib.scrypt(passphrase, salt=b"age-encryption.org/v1/scrypt" + salt, n=2, r=8, p=1, dklen=32)
        return Stanza("scrypt", [agefile.to_base64(salt), "1"], agefile.seal_key(key, file_key))

    return agefile.encrypt(data, wrap)


def test_every_place_for_age_keys_counts(native: tuple[str, str], tmp_path: Path) -> None:
    identity, recipient = native
    key, text = wrapped(recipient), f"# made by hand\n\n{identity}\r\n"
    file = tmp_path / "keys.txt"
    file.write_text(text)
    usual = tmp_path / ".config/sops/age/keys.txt"
    usual.parent.mkdir(parents=True)
    usual.write_text(text)
    program = tmp_path / "printer.py"
    program.write_text(f"import os; assert os.environ['SOPS_AGE_RECIPIENT'] == {recipient!r}; print({identity!r})")
    for environ in (
        {"SOPS_AGE_KEY": f"{identity} {identity}"},
        {"SOPS_AGE_KEY_FILE": str(file)},
        {"SOPS_AGE_KEY_CMD": f"{sys.executable} '{program}'"},
        {"HOME": str(tmp_path)},
        {"XDG_CONFIG_HOME": str(tmp_path / ".config")},
    ):
        assert AgeService(Lookup(environ)).unwrap(key) == DATA_KEY


def test_every_place_for_ssh_keys_counts(ssh_key: Callable[..., Path], tmp_path: Path) -> None:
    path = ssh_key(".ssh/id_ed25519")
    key = wrapped(path.with_suffix(".pub").read_text().strip())
    for environ in (
        {"HOME": str(tmp_path)},
        {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)},
        {"SOPS_AGE_SSH_PRIVATE_KEY_CMD": f"cat '{path}'"},
    ):
        assert AgeService(Lookup(environ)).unwrap(key) == DATA_KEY


def test_a_guarded_ssh_key_asks_only_when_the_file_is_for_it(ssh_key: Callable[..., Path], tmp_path: Path) -> None:
    path = ssh_key(".ssh/id_ed25519", "a passphrase")
    other = wrapped(ssh_key("other").with_suffix(".pub").read_text())
    person = Somebody(b"a passphrase")
    service = AgeService(Lookup({"HOME": str(tmp_path)}, person=person))
    with pytest.raises(KsealError, match="no identity fits"):
        service.unwrap(other)
    assert person.prompts == []
    mine = wrapped(path.with_suffix(".pub").read_text())
    assert service.unwrap(mine) == service.unwrap(mine) == DATA_KEY
    assert person.prompts == [f"passphrase of {path}: "]


@pytest.mark.parametrize(("passphrase", "said"), [(b"wrong", "another one"), (None, "nobody to ask")])
def test_a_passphrase_that_is_not_given_is_told(
    ssh_key: Callable[..., Path], tmp_path: Path, passphrase: bytes | None, said: str
) -> None:
    path = ssh_key(".ssh/id_ed25519", "a passphrase")
    key = wrapped(path.with_suffix(".pub").read_text())
    service = AgeService(Lookup({"HOME": str(tmp_path)}, person=Somebody(passphrase)))
    with pytest.raises(KsealError, match=said) as caught:
        service.unwrap(key)
    assert "wrong" not in caught.value.message


def test_a_command_must_print_a_key_without_a_passphrase(ssh_key: Callable[..., Path]) -> None:
    path = ssh_key("guarded", "a passphrase")
    environ = {"SOPS_AGE_SSH_PRIVATE_KEY_CMD": f"cat {path}"}
    with pytest.raises(KsealError, match="SOPS_AGE_SSH_PRIVATE_KEY_CMD: it has a passphrase"):
        AgeService(Lookup(environ, person=Somebody(b"a passphrase"))).unwrap(
            wrapped(path.with_suffix(".pub").read_text())
        )


@pytest.mark.parametrize("is_armoured", [True, False])
def test_a_file_of_identities_may_have_a_passphrase(native: tuple[str, str], tmp_path: Path, is_armoured: bool) -> None:
    identity, recipient = native
    file = tmp_path / "keys.age"
    armoured = under_passphrase(f"{identity}\n".encode(), b"a passphrase")
    file.write_bytes(armoured.encode() if is_armoured else b64decode("".join(armoured.splitlines()[1:-1])))
    key, person = wrapped(recipient), Somebody(b"a passphrase")
    service = AgeService(Lookup({"SOPS_AGE_KEY_FILE": str(file)}, person=person))
    assert service.unwrap(key) == service.unwrap(key) == DATA_KEY
    assert person.prompts == [f"passphrase of {file}: "]
    with pytest.raises(KsealError, match="the passphrase does not open it"):
        AgeService(Lookup({"SOPS_AGE_KEY_FILE": str(file)}, person=Somebody(b"another"))).unwrap(key)


def test_a_broken_place_is_told_only_when_no_other_opens_the_file(native: tuple[str, str], tmp_path: Path) -> None:
    identity, recipient = native
    broken = {
        "SOPS_AGE_KEY_FILE": str(tmp_path / "missing"),
        "SOPS_AGE_KEY_CMD": "false",
        "SOPS_AGE_SSH_PRIVATE_KEY_CMD": "echo AGE-SECRET-KEY-1NONSENSE",
        "HOME": str(tmp_path),
    }
    key = wrapped(recipient)
    assert AgeService(Lookup({**broken, "SOPS_AGE_KEY": identity})).unwrap(key) == DATA_KEY
    with pytest.raises(KsealError) as caught:
        AgeService(Lookup({**broken, "SOPS_AGE_KEY": "AGE-SECRET-KEY-1NONSENSE"})).unwrap(key)
    said = caught.value.message
    assert "no age identity found" in said
    assert 'SOPS_AGE_KEY_CMD: "false" ended with exit code 1' in said
    assert "SOPS_AGE_KEY_FILE: no such file" in said
    assert "SOPS_AGE_KEY: line 1: not an age identity" in said
    assert f"nothing in {tmp_path}/.config/sops/age/keys.txt" in said
    assert "NONSENSE" not in said
    assert "SOPS_AGE_KEY" in (caught.value.hint or "")


def test_a_command_is_no_shell(native: tuple[str, str], tmp_path: Path) -> None:
    environ = {"SOPS_AGE_KEY_CMD": f"echo hello > {tmp_path}/made; touch {tmp_path}/made"}
    with pytest.raises(KsealError):
        AgeService(Lookup(environ)).unwrap(wrapped(native[1]))
    assert not (tmp_path / "made").exists()


def test_identities_are_bounded(native: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(KsealError, match="more than 1000 identities"):
        identities.parse(f"{native[0]}\n".encode() * 1001, "keys")
    with pytest.raises(KsealError, match="more than 1048576 bytes"):
        identities.parse(b"#" * (identities.LIMIT_BYTES + 1), "keys")
    endless = {"SOPS_AGE_KEY_FILE": "/dev/zero", "SOPS_AGE_KEY_CMD": "cat /dev/zero"}
    with pytest.raises(KsealError, match="SOPS_AGE_KEY_FILE: /dev/zero: more than"):
        AgeService(Lookup(endless)).unwrap(wrapped(native[1]))


def test_identities_from_a_secret_start_no_program(native: tuple[str, str]) -> None:
    identity, recipient = native
    assert AgeService(Given({"age.agekey": identity.encode()})).unwrap(wrapped(recipient)) == DATA_KEY
    plugin = bech32.encode("age-plugin-x-", b"data").upper()
    with pytest.raises(KsealError, match=r"age\.agekey: line 1: an identity of a plug-in, and plug-ins are off"):
        AgeService(Given({"age.agekey": plugin.encode()})).unwrap(wrapped(recipient))
    key = MasterKey("age", {"recipient": bech32.encode("age1x", b"data")})
    with pytest.raises(KsealError, match="plug-ins are off here"):
        AgeService(Given({}), plugins=False).wrap(key, DATA_KEY)


def test_a_plug_in_that_is_not_there_is_named() -> None:
    name = "age-plugin-nowhere"
    key = MasterKey("age", {"recipient": bech32.encode("age1nowhere", b"data")})
    with pytest.raises(KsealError, match=f"{name} does not start") as caught:
        AgeService(Given({})).wrap(key, DATA_KEY)
    assert caught.value.hint == f"have {name} on the PATH"


def test_without_the_library_age_keys_still_open(native: tuple[str, str]) -> None:
    identity, recipient = native
    script = (
        "import sys; sys.modules['pyrage'] = None\n"
        "from sealer.sops.recipients.age import AgeService\n"
        "from sealer.sops.recipients.base import MasterKey\n"
        "from sealer.sops.recipients.lookup import Lookup\n"
        f"service = AgeService(Lookup({{'SOPS_AGE_KEY': {identity!r}}}))\n"
        f"key = MasterKey('age', {{'recipient': {recipient!r}}})\n"
        "key = key.wrapping(service.wrap(key, b'data'), '')\n"
        "assert service.unwrap(key) == b'data'\n"
        "unwanted = {'ssl', 'dataclasses', 'inspect', 'subprocess', 'pathlib', 'socket', 'shlex', 'grpc', 'boto3'}\n"
        "assert not unwanted & set(sys.modules), unwanted & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_text_is_identities_or_refused_without_being_repeated(data: bytes) -> None:
    data = b"\n" + data  # so that it does not begin as a file under a passphrase does
    skipped = all(
        not line.strip() or line.strip().startswith("#") for line in data.decode(errors="replace").splitlines()
    )
    if skipped:
        assert identities.parse(data, "keys") == []
        return
    with pytest.raises(KsealError, match=r"^keys: line [0-9]+: not an age identity") as caught:
        identities.parse(data, "keys")
    assert caught.value.__cause__ is None


@settings(max_examples=50)
@given(st.text(max_size=300), st.integers(0, 400))
def test_any_change_to_a_wrapped_key_is_refused(noise: str, at: int) -> None:
    key = wrapped(str(_IDENTITY.to_public()))
    changed = key.wrapping(key.enc[:at] + noise + key.enc[at + len(noise) + 1 :], "")
    service = AgeService(Given({"keys": str(_IDENTITY).encode()}))
    if changed.enc.split() != key.enc.split():
        with pytest.raises(KsealError):
            service.unwrap(changed)


_IDENTITY = pyrage.x25519.Identity.generate()
