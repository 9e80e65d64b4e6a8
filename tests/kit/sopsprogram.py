"""The real sops with an age identity of its own, and the data keys of files for that identity."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyrage

from sealer.sops.envelope import Envelope
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from tests.kit import real


class Sops:
    """The program, run in a folder that is its home, too: it sees no key and no configuration but ours."""

    def __init__(self, folder: Path) -> None:
        """Skips the test when the program cannot be had."""
        self.program = real.require("sops")
        self.folder = folder
        self.identity = pyrage.x25519.Identity.generate()
        self.recipient = str(self.identity.to_public())

    def run(self, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """One call with the identity in its environment; `data` is written to the file `input` first."""
        if data is not None:
            (self.folder / "input").write_bytes(data)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "SOPS_AGE_KEY": str(self.identity),
            "SOPS_DISABLE_VERSION_CHECK": "true",
        }
        command = [str(self.program), *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=60, check=False)

    def encrypt(self, data: bytes, form: str, *flags: str, before: Sequence[str] = ()) -> bytes:
        """`before` holds the flags that stand before the verb."""
        types = ["--input-type", form, "--output-type", form]
        return _output(self.run(*before, "encrypt", *types, "--age", self.recipient, *flags, "input", data=data))

    def decrypt(self, data: bytes, form: str, *flags: str) -> bytes:
        return _output(self.run("decrypt", "--input-type", form, "--output-type", form, *flags, "input", data=data))

    def data_key(self, envelope: Envelope) -> bytes:
        """What the first age key of the file wraps: the whole key of a file with one group."""
        wrapped = next(key for group in envelope.metadata.key_groups for key in group if key.kind == "age")
        return bytes(pyrage.decrypt(wrapped.enc.encode(), [self.identity]))

    def metadata(self, data_key: bytes, selection: Selection) -> Metadata:
        """For a new file that the program can open."""
        wrapped = pyrage.encrypt(data_key, [self.identity.to_public()], armored=True).decode()
        return Metadata([[MasterKey("age", {"recipient": self.recipient}, wrapped)]], selection=selection)


def _output(done: subprocess.CompletedProcess[bytes]) -> bytes:
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
