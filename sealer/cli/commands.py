"""The click side of the command line: help, errors with the nearest match, unusual spellings, verbs of other packages.

Built-in verbs become click commands from the same tables that `plain.py` reads.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint

import click
from click.core import ParameterSource

from engine.version import VERSION
from sealer.cli import joined, main
from sealer.cli.misuse import Misused
from sealer.cli.verb import COMMON, ENVIRONMENT_PREFIX, Given, Option, Verb

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_HELP = """Seal Kubernetes Secrets so that they can live in Git.

kseal VERB --help tells more about a verb.
"""


class _Verbs(click.Group):
    """All verbs; each is made when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return [*main.VERBS, *main.PROGRAMS, *sorted(joined.found().keys() - main.VERBS.keys() - main.PROGRAMS.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        if cmd_name in main.VERBS:
            return command_of(main.builtin(cmd_name))
        if cmd_name in main.PROGRAMS:
            return _program(cmd_name)
        found = joined.found().get(cmd_name)
        return _load(found) if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            near = get_close_matches(args[0], known, 1)
            hint = f"did you mean {near[0]}?" if near else f"the verbs are {', '.join(known)}"
            raise Misused(f'there is no verb "{args[0]}"', hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        verbs = [*map(main.builtin, main.VERBS), *joined.tables()]
        summaries = {verb.name: verb.summary for verb in verbs} | main.PROGRAMS | joined.COMMANDS
        with formatter.section("Verbs"):
            formatter.write_dl([(name, summaries.get(name, "")) for name in self.list_commands(ctx)])


def call_by_click(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Parse and run one command line; the exit code.

    Raises: Misused for whatever click refuses, and what the verb raises.
    """
    group = _Verbs(
        name="kseal",
        help=_HELP,
        params=[_version_option()],
        context_settings=_SETTINGS,
        no_args_is_help=False,
        invoke_without_command=True,
        callback=click.pass_context(_no_verb),
    )
    words = _verb_first(list(words))
    return _call(lambda: group.main(words, program_name(), standalone_mode=False, obj=environ), words[:1])


def call_joined(name: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a verb of another package as a program of its own name.

    Raises: Misused, also when the package is not installed, and what the verb raises.
    """
    found = joined.found().get(name)
    if found is None:
        raise Misused(f'"{name}" is no part of this installation')
    return _call(lambda: _load(found).main(list(words), name, standalone_mode=False, obj=environ), [name])


def _call(run: Callable[[], object], verb: list[str]) -> int:
    """The exit code of what click does; `verb` is the one that it is asked for, if any."""
    try:
        code = run()
    except ModuleNotFoundError as error:
        if not verb or verb[0] in main.VERBS:
            raise
        raise _lacking(verb[0], error.name) from error
    except click.exceptions.NoSuchOption as error:
        near = f"did you mean {error.possibilities[0]}?" if error.possibilities else _see_help(error)
        raise Misused(f"there is no option {error.option_name}", near) from error
    except click.UsageError as error:
        raise Misused(_sentence(error), _see_help(error)) from error
    except click.Abort:
        return main.INTERRUPTED
    return code if isinstance(code, int) else main.DONE


def command_of(verb: Verb) -> click.Command:
    """The click command that a verb's table describes."""
    parameters: list[click.Parameter] = [_click_option(option) for option in verb.options]
    if verb.files:
        parameters.append(click.Argument(["files"], nargs=-1, metavar=_metavar(verb.files), type=click.UNPROCESSED))

    @click.pass_context
    def callback(context: click.Context, /, files: tuple[str, ...] = (), **parsed: bool | str | tuple[str, ...]) -> int:
        said = {
            option.key: parsed[_identifier(option)]
            for option in verb.options
            if context.get_parameter_source(_identifier(option)) is ParameterSource.COMMANDLINE
        }
        return main.run(verb, Given(tuple(files), said), context.obj)

    variables = [ENVIRONMENT_PREFIX + option.environ for option in verb.options if option.environ]
    return click.Command(
        verb.name,
        params=[*parameters, _version_option()],
        callback=callback,
        help=f"{verb.summary}\n\n{verb.text}",
        epilog="\b\nExamples:\n" + "\n".join(f"  {line}" for line in verb.examples)
        + ("\n\nVariables that stand for options: " + ", ".join(variables) + "." if variables else ""),
        context_settings=_SETTINGS,
    )  # fmt: skip


def _program(name: str) -> click.Command:
    """A verb that reads its own line. It comes here only when options stand before it."""

    @click.pass_context
    def callback(context: click.Context, /, words: tuple[str, ...]) -> int:
        return main.call([name, *words], context.obj)

    return click.Command(
        name,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        callback=callback,
        help=main.PROGRAMS[name],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )


def program_name() -> str:
    """How the person calls us: `kseal`, or `kubectl kseal` as a plug-in of kubectl."""
    called = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119  # a name, not a path
    return "kubectl kseal" if called.startswith("kubectl") else "kseal"


def _click_option(option: Option) -> click.Option:
    names = [*option.names, _identifier(option)]
    if option.is_flag:
        return click.Option(names, is_flag=True, help=option.help)
    kind = click.Choice(option.choices, case_sensitive=False) if option.choices else click.UNPROCESSED
    metavar = None if option.choices else option.metavar
    return click.Option(names, metavar=metavar, type=kind, multiple=option.many, help=option.help)


def _metavar(files: str) -> str:
    """`FILE KEY` names each word; a single word may come as often as one likes."""
    return files if " " in files else f"[{files}]..."


def _identifier(option: Option) -> str:
    return option.key.replace("-", "_")


def _version_option() -> click.Option:
    def show(context: click.Context, _: click.Parameter, is_asked: bool) -> None:  # click's signature
        if is_asked:
            click.echo(f"kseal {VERSION}")
            context.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )


def _no_verb(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _verb_first(words: list[str]) -> list[str]:
    """Common options may stand before the verb too; they are moved behind it."""
    flags = {name for option in COMMON if option.is_flag for name in option.names}
    end = 0
    while end < len(words):
        if words[end] in flags or words[end].startswith("--color="):
            end += 1
        elif words[end] == "--color" and end + 1 < len(words):
            end += 2
        else:
            break
    return words[end : end + 1] + words[:end] + words[end + 1 :] if end < len(words) else words


def _load(found: EntryPoint) -> click.Command:
    """The command of another package, which may import what it needs now or when it runs."""
    verb = joined.load_table(found)
    if verb is not None:
        return command_of(verb)
    command: click.Command = found.load()
    return command


def _lacking(verb: str, library: str | None) -> Misused:
    """A verb of another package needs a library that is not installed: the error, with the cure."""
    return Misused(
        f'"{verb}" needs the Python package "{library}", which is not installed',
        hint=f"use the container image, or install kseal again from its wheel with the extra [{verb}]: "
        f'uv tool install "./kseal_toolkit-{VERSION}-py3-none-any.whl[{verb}]"',
    )


def _sentence(error: click.UsageError) -> str:
    """click's words in our form: lower case, no full stop."""
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:]


def _see_help(error: click.UsageError) -> str:
    return f"see {error.ctx.command_path if error.ctx else program_name()} --help"
