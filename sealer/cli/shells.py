"""Completion scripts for bash, zsh and fish, written out from the tables of the verbs.

They are static: completing a word starts no process of ours. `others` are verbs that only their name is known of;
`programs` are the names of the program, of which the first names the function.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sealer.cli.verb import Option

PROGRAMS = ("kseal", "kubectl-kseal")


class Completed(Protocol):
    """What is asked of a verb."""

    @property
    def name(self) -> str:
        """How it is typed."""

    @property
    def summary(self) -> str:
        """One line."""

    @property
    def options(self) -> tuple[Option, ...]:
        """Its options."""

    @property
    def files(self) -> str:
        """What positional arguments are called; empty where there are none."""

    @property
    def words(self) -> tuple[str, ...]:
        """What positional arguments may be, where that is a closed set."""


_FILE_WORDS = ("FILE", "PATH")
_ALWAYS = (Option(("-h", "--help"), "Show the help."), Option(("--version",), "Show the version."))


def bash(verbs: Sequence[Completed], others: Mapping[str, str], programs: Sequence[str] = PROGRAMS) -> str:
    """For bash 3.2 and newer, without the bash-completion package. Where nothing is offered, bash offers files."""
    names = [verb.name for verb in verbs] + list(others)
    cases = "\n".join(f"    {verb.name})\n{_bash_case(verb)}\n      ;;" for verb in verbs)
    return _BASH.format(verbs=" ".join(names), cases=cases, first=programs[0], programs=" ".join(programs))


def zsh(verbs: Sequence[Completed], others: Mapping[str, str], programs: Sequence[str] = PROGRAMS) -> str:
    """For zsh with compinit; works sourced, and as a file `_kseal` in `fpath`."""
    listed = {verb.name: verb.summary for verb in verbs} | dict(others)
    described = "\n".join(f"    {_quoted(f'{name}:{summary}')}" for name, summary in listed.items())
    cases = "\n".join(f"    {verb.name})\n{_zsh_case(verb)}\n      ;;" for verb in verbs)
    return _ZSH.format(verbs=described, cases=cases, first=programs[0], programs=" ".join(programs))


def fish(verbs: Sequence[Completed], others: Mapping[str, str], programs: Sequence[str] = PROGRAMS) -> str:
    """For fish 3 and newer."""
    listed = {verb.name: verb.summary for verb in verbs} | dict(others)
    complete = f"complete -c {programs[0]}"
    lines = [f"# fish completion for {programs[0]}", f"{complete} -f"]
    lines += [f"{complete} -n __fish_use_subcommand -a {name} -d {_fish(text)}" for name, text in listed.items()]
    for verb in verbs:
        verb_is_given = f"{complete} -n '__fish_seen_subcommand_from {verb.name}'"
        if verb.files:
            lines.append(verb_is_given + (f" -a {_fish(' '.join(verb.words))}" if verb.words else " -F"))
        lines += [f"{verb_is_given} {_fish_option(option)}" for option in _options(verb)]
    return "\n".join(lines) + "\n"


def _options(verb: Completed) -> tuple[Option, ...]:
    return verb.options + _ALWAYS


def _bash_case(verb: Completed) -> str:
    names = " ".join(name for option in _options(verb) for name in option.names)
    values = [(option.names, option.choices) for option in _options(verb) if not option.is_flag]
    lines = ["      case $prev in"]
    lines += [f"        {'|'.join(said)}) {_offer(choices)}return ;;" for said, choices in values]
    lines += ["      esac", "      case $cur in", f"        -*) {_offer(names.split())};;"]
    if verb.words:
        lines.append(f"        *) {_offer(verb.words)};;")
    return "\n".join([*lines, "      esac"])


def _offer(words: Sequence[str]) -> str:
    return f'COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$cur")); ' if words else ""


def _zsh_case(verb: Completed) -> str:
    specs = [_zsh_spec(option) for option in _options(verb)]
    if verb.words:
        specs.append(f"'1:{verb.files.lower()}:({' '.join(verb.words)})'")
    elif verb.files:
        specs.append(f"'*:{verb.files.lower()}:_files'")
    return "      _arguments -s \\\n        " + " \\\n        ".join(specs)


def _zsh_spec(option: Option) -> str:
    """One specification of zsh's `_arguments`: `(names that it excludes){its names}[help]:value:how to complete`."""
    value = ""
    if not option.is_flag:
        action = f"({' '.join(option.choices)})" if option.choices else "_files" if _wants_file(option) else " "
        value = f":{option.metavar.lower().replace(':', ' ')}:{action}"
    text = _quoted("[" + option.help.translate(str.maketrans("[]:", "() ")) + "]" + value)
    marks = ["" if option.is_flag else "=" if name.startswith("--") else "+" for name in option.names]
    repeats = "*" if option.many else ""
    names = [_quoted(repeats + name + mark) for name, mark in zip(option.names, marks, strict=True)]
    excluded = "" if option.many else _quoted(f"({' '.join(option.names)})")
    return excluded + ("{" + ",".join(names) + "}" if len(names) > 1 else names[0]) + text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_option(option: Option) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.choices:
        names.append(f"-x -a {_fish(' '.join(option.choices))}")
    elif not option.is_flag:
        names.append("-r -F" if _wants_file(option) else "-x")
    return " ".join(names) + f" -d {_fish(option.help)}"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _wants_file(option: Option) -> bool:
    return option.metavar.startswith(_FILE_WORDS)


_BASH = """\
# bash completion for {first}
_{first}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  # bash splits --option=value at the equals sign
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=${{COMP_WORDS[COMP_CWORD-2]}}; fi
  local IFS=$' \\t\\n'
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W "{verbs} --help --version" -- "$cur"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
}}
complete -o default -F _{first} {programs}
"""

_ZSH = """\
#compdef {programs}
_{first}() {{
  local -a verbs
  verbs=(
{verbs}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
{cases}
  esac
}}
if [[ $funcstack[1] == _{first} ]]; then
  _{first} "$@"
else
  compdef _{first} {programs}
fi
"""
