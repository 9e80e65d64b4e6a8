"""What is decrypted and encrypted in the bench: files for one age identity, which both programs find alike."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import pyrage

from bench.command import Command
from bench.figure import Bench
from tests.kit import programs

FORMATS: Final = ("yaml", "json", "env", "ini")
_SECTION = 100
"""Values under one key, where a format has levels."""


class Ground(NamedTuple):
    """A folder, the two programs, and the environment that both get."""

    folder: Path
    kseal: list[str]
    sops: list[str]
    environment: dict[str, str]
    recipient: str

    def command(self, program: list[str], *words: str) -> Command:
        """A call that reads nothing, and whose output goes to a file."""
        return Command([*program, *words], self.environment, Path("/dev/null"), self.folder / "output")

    def plain(self, form: str, count: int) -> Path:
        """A plain file of so many values."""
        path = self.folder / f"plain.{form}"
        path.write_text(_TEXTS[form](count))
        return path

    def encrypted(self, form: str, count: int) -> Path:
        """The same, encrypted by the real sops."""
        path = self.folder / f"encrypted.{form}"
        self.command(self.sops, *self.encrypting, "--output", str(path), str(self.plain(form, count))).run()
        return path

    @property
    def encrypting(self) -> tuple[str, ...]:
        return ("encrypt", "--age", self.recipient)


def ground(bench: Bench) -> Ground:
    """A fresh identity for a run."""
    identity = pyrage.x25519.Identity.generate()
    environment = {
        **bench.nest.bare_environment(),
        "SOPS_AGE_KEY": str(identity),
        "SOPS_DISABLE_VERSION_CHECK": "true",
    }
    kseal = [str(bench.installed.kseal), "sops"]
    return Ground(bench.nest.folder, kseal, [str(programs.find("sops"))], environment, str(identity.to_public()))


def _pairs(numbers: Iterable[int], line: str) -> str:
    return "".join(line.format(number, f"correct horse {number:06} staple") for number in numbers)


def _sections(count: int, head: str, line: str) -> str:
    starts = range(0, count, _SECTION)
    return "".join(head.format(start) + _pairs(range(start, min(start + _SECTION, count)), line) for start in starts)


def _json(count: int) -> str:
    text = _sections(count, '}},"section{}": {{', '"key{:05}": "{}",')
    return "{" + text.removeprefix("},").replace(",}", "}").removesuffix(",") + "}}\n"


_TEXTS: Final[dict[str, Callable[[int], str]]] = {
    "yaml": lambda count: _sections(count, "section{}:\n", "  key{:05}: {}\n"),
    "json": _json,
    "env": lambda count: _pairs(range(count), "KEY_{:06}={}\n"),
    "ini": lambda count: _sections(count, "[section{}]\n", "key{:05} = {}\n"),
}
