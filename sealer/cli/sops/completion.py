"""`sops completion SHELL`: the script by which a shell completes `sops`.

It is static, like that of `kseal completion`: completing a word starts no process. The original's script, which people
have installed, calls the program with a last flag of its own; `offer` answers it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sealer.cli import files
from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags, verbs
from sealer.cli.sops.call import Call
from sealer.cli.sops.verbs import SopsVerb
from sealer.cli.verb import Option

SHELLS = ("bash", "zsh", "fish")


_WITH_SUMMARIES = "_CLI_ZSH_AUTOCOMPLETE_HACK"


class _Completed(NamedTuple):
    name: str
    summary: str
    options: tuple[Option, ...]
    files: str
    words: tuple[str, ...] = ()


def offer(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Print what may come next, one a line; nothing where it is a file."""
    name = next((word for word in words if word in verbs.TABLE and word not in verbs.OURS), "")
    last = words[-1] if words else ""
    if last.startswith("-"):
        offered = [
            (spelled, "") for flag in _flags(name, words) for spelled in _spelled(flag) if spelled.startswith(last)
        ]
    elif not name:
        offered = [(known, _completed(known).summary) for known in verbs.TABLE if known not in verbs.OURS]
    elif name in verbs.WITH_ACTIONS and last == name:
        offered = [(action, verb.summary) for action, verb in verbs.actions(name).items()]
    else:
        offered = []
    with_summaries = environ.get(_WITH_SUMMARIES) == "1"
    lines = [f"{word}:{summary}" if with_summaries and summary else word for word, summary in offered]
    files.write_output("".join(f"{line}\n" for line in lines), None)


def _flags(name: str, words: Sequence[str]) -> tuple[Flag, ...]:
    if not name:
        return (*flags.ALONE, *flags.SETTINGS)
    if name not in verbs.WITH_ACTIONS:
        return verbs.verb(name).flags
    known = verbs.actions(name)
    return next((known[word].flags for word in words if word in known), ())


def _spelled(flag: Flag) -> tuple[str, ...]:
    return tuple(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)


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
    choices = ("binary", "dotenv", "ini", "json", "yaml") if flag in flags.TYPES else ()
    return Option(_spelled(flag), flag.help, flag.metavar, choices, flag.many)


def _verb(shell: str) -> SopsVerb:
    def run(call: Call) -> int:
        del call
        _write(shell)
        return 0

    summary = f"Print a script by which {shell} completes sops."
    return SopsVerb(f"completion {shell}", summary, "", (), run, examples=(f"kseal sops completion {shell}",))


VERBS = {shell: _verb(shell) for shell in SHELLS}
