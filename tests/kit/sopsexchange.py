"""One small file handed to and fro between the real sops and ours, for any kind of master key."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sealer.sops.formats.base import by_name
from sealer.sops.groups import Services, unwrap_data_key
from sealer.sops.operations import Keys, encrypt_file
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from tests.kit import real

PLAIN = b'{\n\t"secret": "value"\n}\n'
_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Exchange:
    """The real sops in a folder that is its home, with just the environment that it is given, and PATH."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        """Skips the test when the program cannot be had."""
        self.program = real.require("sops")
        self.folder = folder
        self.environ = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "SOPS_DISABLE_VERSION_CHECK": "true",
            **(environ or {}),
        }

    def run(self, *arguments: str, given: bytes = PLAIN) -> subprocess.CompletedProcess[bytes]:
        """One call; `given` is in the file `input.json` of its folder."""
        (self.folder / "input.json").write_bytes(given)
        command = [str(self.program), *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, timeout=60, check=False)

    def theirs(self, *flags: str) -> bytes:
        """A file that the real sops encrypts, with the flags that say for whom."""
        return _output(self.run("encrypt", *flags, "input.json"))

    def they_read(self, data: bytes, *flags: str) -> bytes:
        """What the real sops decrypts from a file."""
        return _output(self.run("decrypt", *flags, "input.json", given=data))

    def ours(self, groups: Sequence[Sequence[MasterKey]], services: Services, *, threshold: int = 0) -> bytes:
        """A file that we encrypt."""
        form = by_name("json")
        selection, keys = Selection(unencrypted_suffix="_unencrypted"), Keys(services)
        return encrypt_file(
            PLAIN, form, form, keys, groups=groups, shamir_threshold=threshold, selection=selection, now=_NOW
        )

    @staticmethod
    def we_read(data: bytes, services: Services) -> bytes:
        """What we decrypt from a file, its MAC verified."""
        form = by_name("json")
        envelope = form.read_encrypted(data)
        return form.write_plain(envelope.decrypt(unwrap_data_key(envelope.metadata, services).reveal()))

    @staticmethod
    def keys_of(data: bytes) -> list[list[MasterKey]]:
        """The master keys of a file."""
        return by_name("json").read_encrypted(data).metadata.key_groups


def _output(done: subprocess.CompletedProcess[bytes]) -> bytes:
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
