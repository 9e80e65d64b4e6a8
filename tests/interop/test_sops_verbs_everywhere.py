"""Every verb that changes a file, for each kind of key and each store, by the real sops and ours in turn.

After each step both programs open the file, and say the same: each decryption verifies the MAC.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit import real
from tests.kit.moto import REGION, Moto
from tests.kit.openbao import TOKEN, OpenBao
from tests.kit.sopsexchange import Exchange

pytestmark = pytest.mark.interop

PLAIN = {
    "yaml": "a: 1\nb: old\n# note\nc_unencrypted: plain\nl:\n    - 1.5\n    - true\n",
    "json": '{"a": 1, "b": "old", "l": [1.5, true, null]}\n',
    "env": "a=1\nb=old\n",
    "ini": "[s]\na = 1\nb = old\n",
    "txt": "old\n",
}
INDEX = {"ini": '["s"]["{}"]', "txt": '["data"]'}
OTHER = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
"""Nobody's key here, so that the one under test goes on to open the file."""
_OURS = "import sys; from sealer.cli.main import main; sys.argv[0] = 'sops'; main()"


class Holder(NamedTuple):
    flag: str
    rule: str
    """The name of the flag in a creation rule."""
    key: str
    environ: Mapping[str, str]


def age(stack: ExitStack, folder: Path, *flags: str) -> Holder:
    del stack, folder
    done = subprocess.run([real.require("age-keygen"), *flags], capture_output=True, text=True, check=True)
    comment, identity = done.stdout.splitlines()[1:3]
    return Holder("--age", "age", comment.removeprefix("# public key: "), {"SOPS_AGE_KEY": identity})


def hybrid(stack: ExitStack, folder: Path) -> Holder:
    return age(stack, folder, "-pq")


def ssh(stack: ExitStack, folder: Path) -> Holder:
    del stack
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / "key"], check=True)
    public = (folder / "key.pub").read_text().strip()
    return Holder("--age", "age", public, {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(folder / "key")})


def pgp(stack: ExitStack, folder: Path) -> Holder:
    del folder
    real.require("gpg")
    home = stack.enter_context(tempfile.TemporaryDirectory(prefix="kseal-gpg-"))  # its socket needs a short path
    stack.callback(subprocess.run, ["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    gpg = ["gpg", "--homedir", home, "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
    make = [*gpg, "--quick-generate-key", "somebody@example.com", "future-default", "default", "never"]
    subprocess.run(make, capture_output=True, check=True)
    listed = subprocess.run([*gpg, "--list-keys", "--with-colons"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(?m)^fpr:+([0-9A-F]+):", listed)
    assert found
    return Holder("--pgp", "pgp", found[1], {"GNUPGHOME": home})


def kms(stack: ExitStack, folder: Path) -> Holder:
    del folder
    boto3 = pytest.importorskip("boto3")
    server = stack.enter_context(Moto())
    secret = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "testing")
    client = boto3.client("kms", region_name=REGION, endpoint_url=server.address, **secret)
    return Holder("--kms", "kms", client.create_key()["KeyMetadata"]["Arn"], server.environ)


def vault(stack: ExitStack, folder: Path) -> Holder:
    del folder
    uri = stack.enter_context(OpenBao()).transit_key("sops", engine="transit")
    return Holder("--hc-vault-transit", "hc_vault_transit_uri", uri, {"VAULT_TOKEN": TOKEN})


KINDS: tuple[Callable[[ExitStack, Path], Holder], ...] = (age, hybrid, ssh, pgp, kms, vault)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def holder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holder]:
    with ExitStack() as stack:
        yield request.param(stack, tmp_path_factory.mktemp("keys"))


class Both(Exchange):
    """Either program in one folder."""

    def call(self, is_ours: bool, *words: str) -> bytes:
        program = [sys.executable, "-c", _OURS] if is_ours else [str(self.program)]
        done = subprocess.run(
            [*program, *words], cwd=self.folder, env=self.environ, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, (is_ours, words, done.stderr.decode())
        return done.stdout

    def opened(self, name: str) -> str:
        theirs, ours = (self.call(is_ours, "decrypt", name) for is_ours in (False, True))
        assert ours == theirs
        return ours.decode()


@pytest.mark.parametrize("ours_begins", [False, True], ids=["theirs-first", "ours-first"])
@pytest.mark.parametrize("store", PLAIN)
def test_each_verb_in_turn(holder: Holder, tmp_path: Path, store: str, ours_begins: bool) -> None:
    both = Both(tmp_path, {**holder.environ, "EDITOR": "sed -i s/new/edited/"})
    name, index = f"f.{store}", INDEX.get(store, '["{}"]')
    path = tmp_path / name
    path.write_text(PLAIN[store])
    one, other = ours_begins, not ours_begins
    both.call(one, "encrypt", "-i", holder.flag, holder.key, name)
    assert "old" in both.opened(name)
    both.call(other, "set", name, index.format("b"), '"new"')
    after = both.opened(name)
    assert "new" in after
    assert "old" not in after
    if store != "txt":  # which has nothing but its data
        both.call(one, "unset", name, index.format("a"))
        assert "a" not in re.findall(r'(?m)^\W*(\w+)"? ?[:=]', both.opened(name))
    before = both.opened(name)
    both.call(other, "rotate", "-i", name)
    assert both.opened(name) == before
    (tmp_path / ".sops.yaml").write_text(_rules(holder))
    both.call(one, "updatekeys", "-y", name)
    assert OTHER in path.read_text()
    assert both.opened(name) == before
    both.call(other, "edit", name)
    assert both.opened(name) == before.replace("new", "edited")


def _rules(holder: Holder) -> str:
    keys = {"age": [OTHER]}
    keys[holder.rule] = [holder.key, *keys.get(holder.rule, [])]
    return f"creation_rules: [{keys}]"
