"""How long a whole process takes, from its start to its end, as a shell would notice it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.quiet import Quiet
from tests.kit.errors import KitError


class Command(NamedTuple):
    """A command line with files for its standard input and output."""

    argv: list[str]
    environment: Mapping[str, str]
    stdin: Path
    stdout: Path

    def seconds(self) -> float:
        """Run it once. Raises: KitError when it fails, because a failure is fast and means nothing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        redirections = [
            (os.POSIX_SPAWN_OPEN, 0, str(self.stdin), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.stdout), flags, 0o600),
        ]
        began = time.perf_counter()
        child = os.posix_spawn(self.argv[0], self.argv, self.environment, file_actions=redirections)
        _, status = os.waitpid(child, 0)
        seconds = time.perf_counter() - began
        if status:
            raise KitError(f"{Path(self.argv[0]).name} failed with code {os.waitstatus_to_exitcode(status)}")
        return seconds


class Repeated(NamedTuple):
    """One command again and again, as a script would call it."""

    command: Command
    times: int

    def seconds(self) -> float:
        """Run all of them, one after the other."""
        return sum(self.command.seconds() for _ in range(self.times))


def interleaved(
    commands: Mapping[str, Command | Repeated], *, times: int, quiet: Quiet, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds of each command by its name. They take turns, so that a busy moment of the machine hits them alike."""
    for _ in range(warm_up):
        for command in commands.values():
            command.seconds()
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        quiet.wait()
        for name, command in commands.items():
            taken[name].append(command.seconds())
    return taken
