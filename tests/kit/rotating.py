"""A repository of SealedSecrets, served and cloned, with a key backup beside it: where `kseal rotate` is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import yaml

from sealer.ring import KeyRing
from tests.kit import real
from tests.kit.gitserver import USER

Raw = dict[str, Any]
Done = subprocess.CompletedProcess[str]


class Server(Protocol):
    """What serves repositories: tests/kit/gitserver.py or sshserver.py."""

    folder: Path
    password: str

    def repository(self, name: str, *, branch: str = "main") -> str:
        """Make an empty repository; returns its URL."""
        ...


class Ground:
    """A folder with a key backup, a repository and a server, and what is typed there."""

    def __init__(self, folder: Path, keys: KeyRing, server: Server, *, name: str = "clusters") -> None:
        self.folder, self.server = folder, server
        self.bare = server.folder / f"{name}.git"
        self.clone = folder / "clone"
        self.git_program = real.require("git")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        (folder / "gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
        (folder / "keys.json").write_text(json.dumps(key_list(keys)))
        self.url = server.repository(name)
        secrets = folder / "credentials"
        secrets.mkdir()
        (secrets / "username").write_text(USER)
        (secrets / "password").write_text(f"{server.password}\n")
        subprocess.run([self.git_program, "init", "--quiet", "--initial-branch=main", self.clone], check=True)
        self.git("remote", "add", "origin", self.url)

    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.temporary),
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def git(self, *words: str, where: Path | None = None) -> str:
        done = subprocess.run(
            [self.git_program, *words], cwd=where or self.clone, env=self.environ(), capture_output=True, check=True
        )
        return done.stdout.decode()

    def commit(self, **files: str) -> None:
        """Commit files; `__` stands for the folder separator, and the ending is .yaml."""
        for name, text in files.items():
            path = self.clone / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "before")

    def publish(self) -> None:
        self.git("push", "--quiet", str(self.bare), "HEAD:main")

    def argv(self, *words: str) -> list[str]:
        entry = "from sealer.cli.main import main; main()"
        return [sys.executable, "-c", entry, "rotate", "-k", str(self.folder / "keys.json"), *words]

    def rotate(self, *words: str, where: Path | None = None, **environ: str) -> Done:
        command = self.argv(*words)
        return subprocess.run(
            command, cwd=where or self.clone, env=self.environ() | environ, capture_output=True, text=True, check=False
        )

    def count(self, revision: str = "HEAD", where: Path | None = None) -> int:
        return int(self.git("rev-list", "--count", revision, where=where))


def key_list(keys: KeyRing) -> Raw:
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"key-{number}"},
            "stringData": {
                "tls.key": key.private_pem().reveal().decode(),
                "tls.crt": key.certificate.pem.decode() if key.certificate else "",
            },
        }
        for number, key in enumerate(keys)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def text(raw: Raw, comment: str = "# keep\n") -> str:
    """A file with one SealedSecret."""
    return comment + yaml.safe_dump(raw)
