"""The encrypted files that the sops module brings: written by releases from 3.3.1 to 3.13.2, all with a PGP key.

They are read from the module that Go fetches, never copied. What they hold is what the real sops says they hold.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sealer.sops.envelope import Envelope
from sealer.sops.errors import MacMismatch
from sealer.sops.formats.base import by_path, name_for
from tests.kit import real

pytestmark = pytest.mark.interop

FILES = (
    "functional-tests/res/format-2.enc.ini",
    "functional-tests/res/format.enc.env",
    "functional-tests/res/format.enc.ini",
    "functional-tests/res/format.enc.json",
    "functional-tests/res/comments.enc.yaml",
    "functional-tests/res/comments_unencrypted_comments.yaml",
    "functional-tests/res/format.enc.yaml",
    "functional-tests/res/multiple_keys.yaml",
    "example.ini",
    "example.json",
    "example.txt",
    "example.yaml",
)
NEWEST = ("functional-tests/res/format.enc.env", "functional-tests/res/format.enc.ini")
"""Of these, the metadata are written as the newest release writes them."""


class Keys:
    """A throw-away gpg home with the module's key."""

    def __init__(self, home: Path) -> None:
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "GNUPGHOME": str(home)}
        self.gpg = str(real.require("gpg"))
        key = real.require_file("sops", "pgp/sops_functional_tests_key.asc")
        self.run(self.gpg, "--batch", "--quiet", "--import", str(key))

    def run(self, *command: str, data: bytes = b"") -> bytes:
        done = subprocess.run(
            command, input=data, env=self.environment, capture_output=True, timeout=60, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def data_key(self, envelope: Envelope) -> bytes:
        """From the first PGP key that this home can open: some files have another one, too."""
        for key in envelope.metadata.key_groups[0]:
            done = subprocess.run(
                [self.gpg, "--batch", "--quiet", "--decrypt"],
                input=key.enc.encode(),
                env=self.environment,
                capture_output=True,
                timeout=60,
                check=False,
            )
            if key.kind == "pgp" and done.returncode == 0:
                return done.stdout
        pytest.fail("no PGP key opens the file")


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    home = Path(tempfile.mkdtemp(prefix="kseal-gpg-"))  # a short name: sockets have one of at most 108 bytes
    try:
        made = Keys(home)
        yield made
        made.run("gpgconf", "--kill", "all")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_an_older_release_opens_with_its_seal(keys: Keys, file: str) -> None:
    path = real.require_file("sops", file)
    store = by_path(file)
    envelope = store.read_encrypted(path.read_bytes())
    plain = store.write_plain(envelope.decrypt(keys.data_key(envelope)))
    form = name_for(file)
    types = ("--input-type", form, "--output-type", form)
    assert plain == keys.run(str(real.require("sops")), "decrypt", *types, str(path))


@pytest.mark.parametrize("file", FILES)
def test_a_changed_value_breaks_the_seal_of_any_release(keys: Keys, file: str) -> None:
    store = by_path(file)
    envelope = store.read_encrypted(real.require_file("sops", file).read_bytes())
    branch = envelope.branches[0]
    moved = Envelope([type(branch)(item for item in branch if not isinstance(item[0], str))], envelope.metadata)
    with pytest.raises(MacMismatch):
        moved.decrypt(keys.data_key(envelope))


def test_a_file_without_a_seal_opens_only_when_that_is_ignored(keys: Keys) -> None:
    envelope = by_path("x.yaml").read_encrypted(
        real.require_file("sops", "functional-tests/res/no_mac.yaml").read_bytes()
    )
    key = keys.data_key(envelope)
    with pytest.raises(MacMismatch, match="no MAC"):
        envelope.decrypt(key)
    assert envelope.decrypt(key, ignore_mac=True)


@pytest.mark.parametrize("file", NEWEST)
def test_a_file_of_the_newest_form_is_written_back_byte_for_byte(file: str) -> None:
    data = real.require_file("sops", file).read_bytes()
    store = by_path(file)
    assert store.write_encrypted(store.read_encrypted(data)) == data
