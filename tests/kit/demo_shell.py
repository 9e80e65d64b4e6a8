"""Runs the demo's command lines by a real shell, exactly as they are shown, away from the person's own settings."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.kit.demo_screen import Screen
from tests.kit.errors import KitError

LIMIT_SECONDS: Final = 120.0
_GIT_CONFIG: Final = """\
[user]
    name = kseal demo
    email = demo@kseal.invalid
[init]
    defaultBranch = main
[commit]
    gpgSign = false
"""
# Variables of the person that would change what the shown commands do.
_FOREIGN: Final = ("GIT_", "SEALED_SECRETS_", "KSEAL_", "KUBECONFIG", "KUBECTL_", "PYTHON")


class CommandFailed(KitError):
    """A shown command did not do what the demo promises; the message carries what it said."""


class Shell:
    """A folder, an environment, and the programs that its command lines mean."""

    def __init__(self, folder: Path, screen: Screen, *, environ: Mapping[str, str], programs: Mapping[str, Path]):
        self.folder = folder
        """Where command lines run."""
        self._screen = screen
        self._binaries = folder / "bin"
        self._binaries.mkdir()
        for name, path in programs.items():
            self.add_program(name, path)
        git_config = folder / "gitconfig"
        git_config.write_text(_GIT_CONFIG)
        self.environ = {name: value for name, value in environ.items() if not name.startswith(_FOREIGN)} | {
            "PATH": f"{self._binaries}{os.pathsep}{environ.get('PATH', os.defpath)}",
            "GIT_CONFIG_GLOBAL": str(git_config),
            "GIT_CONFIG_NOSYSTEM": "1",
            "KUBECACHEDIR": str(folder / "kubectl-cache"),
        }

    def add_program(self, name: str, path: Path) -> None:
        """Let command lines find one more program, before any of that name on the person's PATH."""
        (self._binaries / name).symlink_to(path)

    def export(self, name: str, value: str) -> None:
        """Set a variable for the commands that follow, and show it."""
        self._screen.command(f"export {name}={value}")
        self.environ[name] = value

    def enter(self, folder: str) -> None:
        """Change to a folder below, for the commands that follow, and show it."""
        self._screen.command(f"cd {folder}")
        self.folder = self.folder / folder

    def run(self, line: str, *, is_quiet: bool = False) -> str:
        """Show a command line, run it, show and return what it printed. Raises: CommandFailed."""
        if not is_quiet:
            self._screen.command(line)
        code, output, complaint = self._run(line)
        if not is_quiet:
            self._screen.output(output)
            self._screen.output(complaint)
        if code:
            said = f"\n{complaint.strip()}" if is_quiet else ""
            raise CommandFailed(f"a command ended with exit code {code}: {line}{said}")
        return output

    def _run(self, line: str) -> tuple[int, str, str]:
        """In a process group of its own, so that nothing of a pipeline is left when we are interrupted."""
        process = subprocess.Popen(
            ["/bin/sh", "-euc", line],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            umask=0o077,
        )
        try:
            output, complaint = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"this command did not end within {LIMIT_SECONDS:.0f} s: {line}") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, output, complaint
