"""`kseal VERB ...`: find the verb, run it, turn what went wrong into one line and an exit code.

An ordinary line of a built-in verb is parsed and run without click; see `verb.py`. Verbs of other packages join by the
entry-point group `kseal.commands` and are looked up only when their name, or the list of all, is asked for.
"""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import engine.errors
import sealer.errors
from sealer.cli.misuse import Misused
from sealer.cli.terminal import Terminal

if TYPE_CHECKING:
    from sealer.cli.verb import Given, Verb

VERBS = {
    "seal": "sealer.cli.seal",
    "unseal": "sealer.cli.unseal",
    "set": "sealer.cli.set",
    "unset": "sealer.cli.unset",
    "verify": "sealer.cli.verify",
    "rotate": "sealer.cli.rotate",
    "convert": "sealer.cli.convert",
    "keys": "sealer.cli.keys",
    "cert": "sealer.cli.certificate",
    "git": "sealer.cli.git",
    "shims": "sealer.cli.shims",
    "completion": "sealer.cli.completion",
}
"""The built-in verbs and the modules in which their `VERB` stands."""

PROGRAMS = {"sops": "Encrypt, decrypt and edit SOPS files: kseal sops VERB ..."}
"""Verbs with verbs of their own, which read their lines themselves, and what the list of verbs says about them."""

# 3, "differences found", belongs to verbs that compare.
DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

_COLLECT_AFTER = 20_000
"""New objects before the garbage collector looks at them. What a start makes stays anyway: 2 ms for nothing."""


def main() -> NoReturn:
    """The entry point of `kseal` and `kubectl-kseal`."""
    code = FAILED
    program = os.path.basename(sys.argv[0])  # noqa: PTH119  # a name, not a path
    is_ours = program == "sops" or (sys.argv[1:2] != [] and sys.argv[1] in {*VERBS, *PROGRAMS})
    if is_ours:
        gc.set_threshold(_COLLECT_AFTER)
    try:
        code = reported(lambda: call_as(program, sys.argv[1:], os.environ), Terminal(os.environ))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else FAILED if error.code else DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    _leave(code, at_once=is_ours)


def call_as(program: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line under a name, which may be that of an original program; the exit code."""
    if program == "kubeseal":
        return call(["kubeseal", *words], environ)
    if program == "sops" and _is_one_installation():
        from sealer.cli.compat import sops

        return reported(lambda: sops.call(words, environ), Terminal(environ))
    if program == "controller":
        from sealer.cli.commands import call_joined

        return reported(lambda: call_joined("controller", words, environ), Terminal(environ))
    return call(words, environ)


def call(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; the exit code."""
    if words and words[0] == "kubeseal" and _is_one_installation():
        from sealer.cli.compat import kubeseal

        return reported(lambda: kubeseal.call(words[1:], environ), Terminal(environ))
    if words and words[0] == "sops" and _is_one_installation():
        from sealer.cli.sops import command
        from sealer.cli.sops.voice import Ours

        return reported(lambda: command.run(words[1:], environ, Ours(environ)), Terminal(environ))
    if words and words[0] in VERBS and _is_one_installation():
        from sealer.cli.plain import parse

        verb = builtin(words[0])
        given = parse(verb, words[1:])
        if given is not None:
            return run(verb, given, environ)
    return reported(lambda: _by_click(words, environ), Terminal(environ))


def builtin(name: str) -> "Verb":
    """The table of a built-in verb; its module is imported only now."""
    verb: Verb = import_module(VERBS[name]).VERB
    return verb


def run(verb: "Verb", given: "Given", environ: Mapping[str, str]) -> int:
    """Run a verb on a parsed line, completed from the environment; the exit code."""
    from sealer.cli.verb import fill_from_environment

    ignored = fill_from_environment(given, verb.options, environ)
    terminal = Terminal(
        environ,
        colour=given.text("color") or "auto",
        is_quiet=given.flag("quiet"),
        is_verbose=given.flag("verbose"),
    )
    for name in ignored:
        terminal.warning(f"{name} is ignored: its value makes no sense there")
    return reported(lambda: verb.run(given, terminal, environ), terminal)


def reported(work: Callable[[], int], terminal: Terminal) -> int:
    """The exit code of some work; whatever it raises is said in one line."""
    try:
        return work()
    except Misused as error:
        terminal.error(error.message, error.hint)
        return MISUSED
    except engine.errors.KsealError as error:
        terminal.error(error.message.replace("\n", "; "), error.hint)
        return FAILED
    except BrokenPipeError:
        return FAILED  # whoever read our output has seen enough, and needs no message
    except Exception as error:  # noqa: BLE001  # the last line of defence: a traceback may show plaintext
        # Only an ImportError is known to quote nothing but names.
        what = str(error) if isinstance(error, ImportError) else type(error).__name__
        terminal.error(f"internal error: {what} at {_place(error)}", "please report this line")
        return FAILED


def _by_click(words: Sequence[str], environ: Mapping[str, str]) -> int:
    if not _is_one_installation():
        raise engine.errors.KsealError(
            f"two installations are mixed: {_home(engine)} and {_home(sealer)}",
            hint="another package named engine or sealer is in the way; install kseal into an environment of its own",
        )
    if words and words[0] not in VERBS and words[0] not in PROGRAMS:
        from sealer.cli import joined
        from sealer.cli.plain import parse

        verb = joined.table(words[0])
        given = parse(verb, words[1:]) if verb else None
        if verb is not None and given is not None:
            return run(verb, given, environ)
    from sealer.cli.commands import call_by_click

    return call_by_click(words, environ)


def _is_one_installation() -> bool:
    return _home(engine) == _home(sealer)


def _home(package: object) -> str:
    return os.path.dirname(os.path.dirname(str(getattr(package, "__file__", ""))))  # noqa: PTH120  # see files.py


def _place(error: BaseException) -> str:
    """Where the code gave up: file and line, without any value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"


def _leave(code: int, *, at_once: bool) -> NoReturn:
    """End the process. A built-in verb leaves nothing to be tidied up, and ends at once: Python's own way out takes its
    modules apart one by one, which costs 3 ms of 30."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = code or FAILED
            at_once = True  # the other way out would try again, and complain
    if at_once:
        os._exit(code)
    sys.exit(code)
