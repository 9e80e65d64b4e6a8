"""A team with two age identities, a folder of files and the rules for it, in which `kseal sops` is typed."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyrage
import pytest

from sealer.cli import main
from sealer.sops.envelope import Envelope
from sealer.sops.formats.base import by_path

SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    password: hunter2\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: db\ndata:\n  level: debug\n"


class Said(NamedTuple):
    code: int
    output: str
    error: str


class Team:
    """`ann` may open everything at first, and so may `bob`; who types has the identities of `holders`."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self._identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
        self.ann, self.bob = (str(identity.to_public()) for identity in self._identities)
        self.holders: tuple[int, ...] = (0, 1)

    def rules(self, *rules: str) -> None:
        """Write `.sops.yaml`: a rule in each text, with ANN and BOB for the recipients."""
        text = "\n".join(f"- {rule}" for rule in rules).replace("ANN", self.ann).replace("BOB", self.bob)
        self.write(".sops.yaml", f"creation_rules:\n{text}\n")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def environ(self) -> dict[str, str]:
        keys = " ".join(str(self._identities[number]) for number in self.holders)
        return {"HOME": str(self.folder / "home"), "SOPS_AGE_KEY": keys}

    def kseal(self, *words: str) -> Said:
        """One call in this process, in the present folder."""
        self._capture.readouterr()
        code = main.call(words, self.environ)
        return Said(code, *self._capture.readouterr())

    def sops(self, *words: str) -> Said:
        return self.kseal("sops", *words)

    def encrypted(self, name: str, text: str) -> Path:
        """A file that was encrypted by its rule."""
        path = self.write(name, text)
        done = self.sops("encrypt", "--in-place", str(path))
        assert done.code == 0, done.error
        return path

    def envelope(self, name: str) -> Envelope:
        path = self.folder / name
        return by_path(str(path)).read_encrypted(path.read_bytes())

    def recipients(self, name: str) -> list[str]:
        return [key.identity for group in self.envelope(name).metadata.key_groups for key in group]

    def plain(self, name: str) -> str:
        done = self.sops("decrypt", str(self.folder / name))
        assert done.code == 0, done.error
        return done.output

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> Sequence[str]:
    """The names of files that came or changed."""
    return sorted(name for name, data in after.items() if before.get(name) != data)
