"""A bare repository that gets its commits without a work tree, each by one call of the real git."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.kit import real

_ENVIRON: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


class Bare:
    """A repository that a server of the kit serves."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url
        self._clock = 1_700_000_000

    def commit(
        self,
        files: Mapping[str, str | bytes] | None = None,
        *,
        branch: str = "main",
        executable: tuple[str, ...] = (),
        links: Mapping[str, str] | None = None,
        gone: tuple[str, ...] = (),
        seconds: int | None = None,
        message: str = "x",
    ) -> str:
        """Add a commit to a branch; returns its id. Its time is a minute after the one before."""
        self._clock = self._clock + 60 if seconds is None else seconds
        ref = f"refs/heads/{branch}"
        parent = self._loose(ref) or self.asks("rev-parse", "--verify", "--quiet", ref)
        said = message.encode()
        head = f"commit {ref}\ncommitter Ann <ann@example.org> {self._clock} +0000\ndata {len(said)}\n".encode()
        lines = [head + said + b"\n"]
        lines += [f"from {parent}\n".encode()] if parent else []
        for path, content in (files or {}).items():
            data = content.encode() if isinstance(content, str) else content
            mode = "100755" if path in executable else "100644"
            lines.append(f"M {mode} inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
        for path, target in (links or {}).items():
            lines.append(f"M 120000 inline {path}\ndata {len(target)}\n{target}\n".encode())
        lines += [f"D {path}\n".encode() for path in gone]
        self.git("fast-import", "--quiet", "--force", given=b"".join(lines))
        return self._loose(ref) or self.at(ref)

    def tag(self, name: str, *, message: str | None = None) -> None:
        """Tag the main branch, with an object of the tag's own when there is a message."""
        self.git("tag", *(["-m", message] if message is not None else []), name, "main")

    def at(self, ref: str) -> str:
        """What a ref is at, as a commit."""
        return self.git("rev-parse", f"{ref}^{{commit}}").decode().strip()

    def _loose(self, ref: str) -> str:
        """The same without a child, where git keeps the ref in a file of its own; else empty."""
        file = self.path / ref
        return file.read_text(encoding="ascii").strip() if file.is_file() else ""

    def git(self, *words: str | Path, given: bytes = b"", **environ: str) -> bytes:
        """Run git inside."""
        done = subprocess.run(
            [real.require("git"), "-C", self.path, *words],
            input=given,
            env={"PATH": os.environ["PATH"], "HOME": str(self.path), **_ENVIRON, **environ},
            capture_output=True,
            check=True,
        )
        return done.stdout

    def asks(self, *words: str) -> str:
        """The same, where a refusal is an answer: an empty one."""
        try:
            return self.git(*words).decode().strip()
        except subprocess.CalledProcessError:
            return ""
