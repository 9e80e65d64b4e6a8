"""What `--help` shows, from the tables of verbs and flags. Under the name `sops` it shows what that name takes."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

from sealer.cli.compat.goflag import Flag
from sealer.cli.sops import flags, verbs
from sealer.cli.sops.verbs import SopsVerb

_WIDTH = 100
"""Of a line."""

_PROGRAM = """\
NAME:
   {0} - encrypt, decrypt and edit files, with keys of age, PGP, and key services

USAGE:
   {0} [global options] VERB [options] FILE
   {0} [global options] FILE

   Without a verb the file is opened in an editor, or what the flags say is done: -d, -e, -r, --set.
   Keys for new files come from flags, from variables or from the rules in .sops.yaml.

COMMANDS:
"""


def of_program(*, is_original: bool) -> str:
    """The verbs, and the flags of a line without one."""
    summaries = [
        (f"{name} {action}" if action else name, verb.summary)
        for name in verbs.TABLE
        if not (is_original and name in verbs.OURS)
        for action, verb in (verbs.actions(name).items() if name in verbs.WITH_ACTIONS else [("", verbs.verb(name))])
    ]
    options = _table((*flags.ALONE, *flags.SETTINGS, flags.HELP))
    return f"{_PROGRAM.format(_program(is_original))}{_columns(summaries)}\nGLOBAL OPTIONS:\n{options}"


def of_verb(verb: SopsVerb, *, is_original: bool) -> str:
    """The usage of one verb and its flags; those that only `kseal sops` takes come apart."""
    name = f"{_program(is_original)} {verb.name}"
    usage = f"NAME:\n   {name} - {verb.summary}\n\nUSAGE:\n   {name} [options] {verb.arguments}".rstrip() + "\n"
    if is_original:
        return f"{usage}\nOPTIONS:\n{_table((*verb.flags, flags.HELP))}"
    own = (*verb.own_flags, *flags.SETTINGS, *flags.COMMON, flags.HELP)
    usage += "\nEXAMPLES:\n" + "".join(f"   {example}\n" for example in verb.examples)
    options = f"\nOPTIONS:\n{_table(verb.flags)}" if verb.flags else ""
    return f"{usage}{options}\nOPTIONS OF kseal sops ALONE:\n{_table(own)}"


def listing(name: str, known: Mapping[str, SopsVerb], *, is_original: bool) -> str:
    """What may follow a word."""
    rows = [(action, verb.summary) for action, verb in known.items()]
    return f"NAME:\n   {_program(is_original)} {name}\n\nCOMMANDS:\n{_columns(rows)}"


def _program(is_original: bool) -> str:
    return "sops" if is_original else "kseal sops"


def _table(shown: Sequence[Flag]) -> str:
    return _columns([(_spelled(flag), flag.help + (f" [${flag.environ}]" if flag.environ else "")) for flag in shown])


def _spelled(flag: Flag) -> str:
    names = ", ".join(f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names)
    return f"{names} {flag.metavar}".rstrip()


def _columns(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns. What stands on the right goes on below itself where a line would be too wide."""
    margin = max((len(left) for left, _ in rows), default=0) + 5
    below = "\n" + " " * margin
    return "".join(
        f"   {left:{margin - 3}}{below.join(wrap(right, _WIDTH - margin, break_on_hyphens=False))}\n"
        for left, right in rows
    )
