"""`sops completion SHELL`: the script by which a shell completes `sops`.

It is static, like that of `kseal completion`: completing a word starts no process.
"""

from typing import NamedTuple

from sealer.cli import files
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags, verbs
from sealer.cli.sops.call import Call
from sealer.cli.sops.verbs import SopsVerb
from sealer.cli.verb import Option

SHELLS = ("bash", "zsh", "fish")


class _Completed(NamedTuple):
    name: str
    summary: str
    options: tuple[Option, ...]
    files: str
    words: tuple[str, ...] = ()


def _write(shell: str) -> None:
    from sealer.cli import shells

    write = {"bash": shells.bash, "zsh": shells.zsh, "fish": shells.fish}[shell]
    files.write_output(write([_completed(name) for name in verbs.TABLE], {}, ("sops",)), None)


def _completed(name: str) -> _Completed:
    if name == "completion":
        return _Completed(name, "Print a script by which a shell completes sops.", (), "SHELL", SHELLS)
    if name in verbs.WITH_ACTIONS:
        known = verbs.actions(name)
        shown = dict.fromkeys(flag for verb in known.values() for flag in verb.flags)
        summary = " ".join(verb.summary for verb in known.values())
        return _Completed(name, summary, tuple(map(_option, shown)), "ACTION", tuple(known))
    verb = verbs.verb(name)
    return _Completed(name, verb.summary, tuple(map(_option, verb.flags)), verb.arguments.strip("[]"))


def _option(flag: Flag) -> Option:
    names = tuple(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
    choices = ("binary", "dotenv", "ini", "json", "yaml") if flag in flags.TYPES else ()
    return Option(names, flag.help, flag.metavar, choices, flag.many)


def _verb(shell: str) -> SopsVerb:
    def run(call: Call) -> int:
        del call
        _write(shell)
        return 0

    return SopsVerb(f"completion {shell}", f"Print a script by which {shell} completes sops.", "", (), run)


VERBS = {shell: _verb(shell) for shell in SHELLS}
