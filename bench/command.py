"""What a whole process takes, from its start to its end, as a shell would notice it: time, and memory."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from bench.quiet import Quiet
from tests.kit.errors import KitError

# A child of the bench itself would be said to have had what the bench has when it starts it; this has 9 MB.
_WITH_PEAK: Final = """
import os, resource, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


class Taken(NamedTuple):
    """What one run took: time by the clock, and time of all cores together, which other work disturbs less."""

    seconds: float
    cpu_seconds: float


class Timed(Protocol):
    """Something that can be run and timed."""

    def run(self) -> Taken: ...


class Command(NamedTuple):
    """A command line with files for its standard input and output."""

    argv: list[str]
    environment: Mapping[str, str]
    stdin: Path
    stdout: Path

    def run(self) -> Taken:
        """Run it once. Raises: KitError when it fails, because a failure is fast and means nothing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        redirections = [
            (os.POSIX_SPAWN_OPEN, 0, str(self.stdin), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.stdout), flags, 0o600),
        ]
        began = time.perf_counter()
        child = os.posix_spawn(self.argv[0], self.argv, self.environment, file_actions=redirections)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - began
        if status:
            raise self._failed(os.waitstatus_to_exitcode(status))
        return Taken(seconds, usage.ru_utime + usage.ru_stime)

    def peak_megabytes(self) -> float:
        """Run it once; the most memory that it had at a time. Raises: KitError when it fails."""
        with self.stdin.open("rb") as source, self.stdout.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-ISc", _WITH_PEAK, *self.argv],
                env=self.environment,
                stdin=source,
                stdout=output,
                stderr=subprocess.PIPE,
                check=True,
            )
        code, kilobytes = map(int, done.stderr.split()[-2:])
        if code:
            raise self._failed(code)
        return kilobytes / 1024

    def _failed(self, code: int) -> KitError:
        return KitError(f"{Path(self.argv[0]).name} failed with code {code}")


class Repeated(NamedTuple):
    """One command again and again, as a script would call it."""

    command: Command
    times: int

    def run(self) -> Taken:
        """Run all of them, one after the other."""
        return together([self.command] * self.times)


def together(commands: Iterable[Command]) -> Taken:
    """Run some commands, one after the other."""
    taken = [command.run() for command in commands]
    return Taken(sum(one.seconds for one in taken), sum(one.cpu_seconds for one in taken))


def interleaved(commands: Mapping[str, Timed], *, times: int, quiet: Quiet, warm_up: int = 1) -> dict[str, list[float]]:
    """Seconds of each command by its name, by the clock."""
    taken = in_turns(commands, times=times, quiet=quiet, warm_up=warm_up)
    return {name: [one.seconds for one in all_of_it] for name, all_of_it in taken.items()}


def in_turns(commands: Mapping[str, Timed], *, times: int, quiet: Quiet, warm_up: int = 1) -> dict[str, list[Taken]]:
    """What each command took. They take turns, so that a busy moment of the machine hits them alike."""
    for _ in range(warm_up):
        for command in commands.values():
            command.run()
    taken: dict[str, list[Taken]] = {name: [] for name in commands}
    for _ in range(times):
        quiet.wait()
        for name, command in commands.items():
            taken[name].append(command.run())
    return taken
