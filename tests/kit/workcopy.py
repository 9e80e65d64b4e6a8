"""A work copy of a repository that a Git server of the kit serves: files are changed in it, committed and pushed."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from tests.kit import real

_WHO: Final = {
    "GIT_AUTHOR_NAME": "somebody",
    "GIT_AUTHOR_EMAIL": "somebody@kseal.invalid",
    "GIT_COMMITTER_NAME": "somebody",
    "GIT_COMMITTER_EMAIL": "somebody@kseal.invalid",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Host(Protocol):
    """GitServer and SshServer."""

    folder: Path

    def repository(self, name: str, *, branch: str = "main") -> str: ...


class WorkCopy:
    """One branch of a new repository. It is pushed to the server's folder, past the server and its log-in."""

    def __init__(self, host: Host, folder: Path, name: str, *, branch: str = "main") -> None:
        """Make the repository on the server, and a clone of it at `folder`, where there is nothing yet."""
        self.url = host.repository(name, branch=branch)
        self.bare = host.folder / f"{name}.git"
        self.folder = folder
        self.branch = branch
        self._program = real.require("git")
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(folder), **_WHO}
        folder.mkdir(parents=True)
        self.git("init", "--quiet", f"--initial-branch={branch}")

    def git(self, *words: str) -> str:
        """What a git command says, run in the work copy. Raises: CalledProcessError."""
        command: list[str | Path] = [self._program, *words]
        done = subprocess.run(command, cwd=self.folder, env=self._environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Have a file of this content."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write_all(self, files: Mapping[str, str]) -> None:
        """Have these files."""
        for path, text in files.items():
            self.write(path, text)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands in the file exactly once."""
        text = self.read(path)
        assert text.count(old) == 1, f'"{old}" stands {text.count(old)} times in {path}'
        self.write(path, text.replace(old, new))

    def remove(self, path: str) -> None:
        """Have no such file or folder any more."""
        target = self.folder / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()

    def push(self, message: str = "change") -> str:
        """Commit everything that changed and push it; returns the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        self.git("push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{self.branch}")
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        """Tag what was pushed last, and push the tag."""
        self.git("tag", name)
        self.git("push", "--quiet", str(self.bare), f"refs/tags/{name}")

    @property
    def revision(self) -> str:
        """The last commit as Flux's resources report it."""
        return f"{self.branch}@sha1:{self.git('rev-parse', 'HEAD')}"
