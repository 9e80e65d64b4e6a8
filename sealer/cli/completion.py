"""`kseal completion`: the script by which a shell completes verbs, options and their values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sealer.cli import files
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, Given, Verb

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

SHELLS = ("bash", "zsh", "fish")


def run(given: Given, terminal: "Terminal", environ: Mapping[str, str]) -> int:
    """Print the script for one shell."""
    del terminal, environ
    if len(given.files) != 1 or given.files[0] not in SHELLS:
        raise Misused(f"name one shell: {', '.join(SHELLS)}", hint="for example: source <(kseal completion bash)")
    from sealer.cli import joined, main, shells

    write = {"bash": shells.bash, "zsh": shells.zsh, "fish": shells.fish}[given.files[0]]
    # Commands of other packages by name alone: importing them could take half a second at each start of a shell.
    verbs = [*map(main.builtin, main.VERBS), *joined.tables()]
    files.write_output(write(verbs, {**main.PROGRAMS, **joined.COMMANDS}), None)
    return 0


VERB = Verb(
    name="completion",
    summary="Print a script by which a shell completes kseal.",
    text="SHELL is bash, zsh or fish.",
    examples=(
        "source <(kseal completion bash)",
        "kseal completion zsh > ~/.zfunc/_kseal",
        "kseal completion fish > ~/.config/fish/completions/kseal.fish",
    ),
    options=COMMON,
    run=run,
    files="SHELL",
    words=SHELLS,
)
