"""A terminal, played by a real bash: what a command sets, exports or leaves running is there for the next one."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.kit.errors import Died
from tests.kit.process import Nest, wait_until

_LIMIT_SECONDS: Final = 120.0
_LOOP: Final = """
set -o pipefail
kseal_number=1
while true; do
    kseal_script="$1/$kseal_number"
    until [ -e "$kseal_script.sh" ]; do sleep 0.02; done
    . "$kseal_script.sh" > "$kseal_script.out" 2>&1 < /dev/null
    echo $? > "$kseal_script.part"
    mv "$kseal_script.part" "$kseal_script.code"
    kseal_number=$((kseal_number + 1))
done
"""
"""Sources one numbered script after the other, and leaves the exit code in a file beside it."""


class Said(NamedTuple):
    """Exit code, and standard output and standard error as a terminal would mix them."""

    code: int
    text: str


class Terminal:
    """A shell in `nest`, whose processes end with it. Commands come through a pipe, one at a time."""

    def __init__(self, nest: Nest, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = nest.folder / f"terminal-{secrets.token_hex(4)}"
        self._folder.mkdir()
        self._count = 0
        self._process = nest.start("bash", ["bash", "-c", _LOOP, "bash", self._folder], env=environ, cwd=folder)

    def run(self, command: str) -> Said:
        """Type a command and wait until the prompt is back. Raises: Died when the shell ended, or it takes too long."""
        self._count += 1
        script = self._folder / f"{self._count}.sh"
        code, output = script.with_suffix(".code"), script.with_suffix(".out")
        waiting = script.with_suffix(".new")
        waiting.write_text(f"{command}\n")
        waiting.rename(script)
        try:
            wait_until(
                lambda: code.exists() or self._process.poll() is not None, "it ends", limit_seconds=_LIMIT_SECONDS
            )
        except TimeoutError as error:
            raise Died(f"`{command}` did not end within {_LIMIT_SECONDS:.0f} s:\n{output.read_text()}") from error
        if not code.exists():
            raise Died(f"`{command}` ended the shell:\n{output.read_text()}")
        return Said(int(code.read_text()), output.read_text(errors="replace"))
