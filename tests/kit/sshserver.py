"""Git repositories over ssh by the real sshd, on a port of its own, with a host key and users' keys of its own."""

import os
import pwd
import socket
import subprocess
from pathlib import Path
from typing import Final, Self

from tests.kit import real, sandbox
from tests.kit.process import Nest, free_port

_CONFIG: Final = """\
ListenAddress 127.0.0.1
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
LogLevel VERBOSE
"""


class SshServer:
    """Serves the bare repositories of a folder to whoever has a key that was let in, and runs nothing but git."""

    password = ""
    """There is none; tests.kit.rotating asks every server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self._nest = Nest("sshd")
        self.host_key = new_key(self._nest.folder / "host")
        self._allowed = self._nest.folder / "authorized_keys"
        self._allowed.touch()

    @property
    def url(self) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{self.folder}"

    @property
    def known_hosts(self) -> str:
        """The line by which a client knows this server."""
        return self.known_as(self.host_key.with_suffix(".pub").read_text())

    def known_as(self, public_key: str) -> str:
        """The line by which a client would know it, had it that key."""
        return f"[127.0.0.1]:{self.port} {public_key}"

    @property
    def log(self) -> str:
        """What sshd said so far."""
        return (self._nest.folder / "sshd.log").read_text()

    def repository(self, name: str, *, branch: str = "main") -> str:
        """Make an empty repository; returns its URL."""
        command: list[str | Path] = [real.require("git"), "init", "--quiet", "--bare", f"--initial-branch={branch}"]
        subprocess.run([*command, self.folder / f"{name}.git"], check=True)
        return f"{self.url}/{name}.git"

    def let_in(self, public_key: str) -> None:
        """Accept a deploy key, as forges do: for git, and for nothing else."""
        with self._allowed.open("a") as file:
            file.write(f'restrict,command="git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"" {public_key}')

    def __enter__(self) -> Self:
        config = self._nest.folder / "config"
        config.write_text(f"{_CONFIG}Port {self.port}\nHostKey {self.host_key}\nAuthorizedKeysFile {self._allowed}\n")
        self.process = self._nest.start("sshd", self._command(config))
        self.process.wait_ready(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self._nest.close()

    def _command(self, config: Path) -> list[str | Path]:
        """Run by root, sshd wants a user `sshd` and a folder below /run; anyone else it serves as they are."""
        command: list[str | Path] = [real.require("sshd"), "-D", "-e", "-f", config]
        if os.geteuid() != 0:
            return command
        try:
            pwd.getpwnam("sshd")
        except KeyError:
            passwd = self._nest.folder / "passwd"
            separate = "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
            passwd.write_text(Path("/etc/passwd").read_text() + separate)
            wrapped = sandbox.with_separation(passwd, command)
            return list(wrapped)
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        return command

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False


def new_key(path: Path) -> Path:
    """A new key pair without a passphrase, the public half in `PATH.pub`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path
