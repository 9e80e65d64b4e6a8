"""A clone that somebody works in with the real git, the real sops and ours; plain text is searched for in all of it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pyrage

from tests.kit import real


class Clone:
    """A repository with one age identity in its environment. All programs run in it, and see no other configuration."""

    def __init__(self, folder: Path, *, needs_sops: bool = True) -> None:
        """Skips the test when git, or the real sops where it is needed, cannot be had."""
        self.sops_program = real.require("sops") if needs_sops else None
        self.identity = pyrage.x25519.Identity.generate()
        self.recipient = str(self.identity.to_public())
        self.folder = folder / "a clone"
        self.temporary = folder / "tmp"
        self.home = folder / "home"
        program = folder / "bin" / "kseal"
        for made in (self.folder, self.temporary, self.home, program.parent):
            made.mkdir()
        program.write_text(f"#!{sys.executable}\nfrom sealer.cli.main import main\nmain()\n")
        program.chmod(0o755)
        (self.home / "gitconfig").write_text(
            "[user]\nname = somebody\nemail = somebody@kseal.invalid\n[init]\ndefaultBranch = main\n"
            "[commit]\ngpgSign = false\n[core]\neditor = true\n"
        )
        self.environ = {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "SOPS_AGE_KEY": str(self.identity),
            "SOPS_DISABLE_VERSION_CHECK": "1",
            "LC_ALL": "C.UTF-8",
        }
        self.git("init", "--quiet")

    def run(
        self, *command: str, environ: Mapping[str, str] | None = None, code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """One command; `code` is what it must end with, None for anything."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def git(self, *words: str, code: int | None = 0, environ: Mapping[str, str] | None = None) -> str:
        """Both streams of a git command."""
        done = self.run("git", *words, code=code, environ=environ)
        return done.stdout + done.stderr

    def kseal(self, *words: str, code: int | None = 0, environ: Mapping[str, str] | None = None) -> str:
        """Both streams of a command of ours."""
        done = self.run("kseal", *words, code=code, environ=environ)
        return done.stdout + done.stderr

    def sops(self, *words: str) -> str:
        """Standard output of the real sops."""
        return self.run(str(self.sops_program), *words).stdout

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def encrypted(self, name: str, text: str, *flags: str) -> None:
        """A file of this name, made by the real sops outside of the clone, so that no plain text was ever in it."""
        outside = self.home / Path(name).name
        outside.write_text(text)
        words = ["encrypt", "--age", self.recipient, *flags, "--filename-override", name, str(outside)]
        self.write(name, self.sops(*words))
        outside.unlink()

    def commit(self, message: str = "change", *, code: int | None = 0) -> str:
        """Everything that changed, committed."""
        self.git("add", "--all")
        return self.git("commit", "--quiet", "--message", message, code=code)

    @staticmethod
    def new_recipient() -> str:
        """Somebody else, whose identity nobody has."""
        return str(pyrage.x25519.Identity.generate().to_public())

    def holds(self, text: str) -> list[str]:
        """Where a text stands in the clone or the folder for temporary files: files as they are, and git's objects."""
        found = [
            str(path)
            for top in (self.folder, self.temporary)
            for path in top.rglob("*")
            if path.is_file() and text.encode() in path.read_bytes()
        ]
        objects = subprocess.run(
            ["git", "cat-file", "--batch-all-objects", "--batch"],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            check=True,
        ).stdout
        return found + (["an object"] if text.encode() in objects else [])
