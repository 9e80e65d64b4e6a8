"""From a line to a call: the verb, its flags, and an exit code for whatever goes wrong.

`kseal sops` takes flags anywhere and suggests what may be meant; `sops` reads lines as the original does.
"""

from collections.abc import Mapping, Sequence

from engine.errors import KsealError
from engine.version import VERSION
from sealer.cli import files
from sealer.cli.compat.goflag import Flag, Parsed, TwoForms, Unknown, Wrong, parse, parse_anywhere
from sealer.cli.misuse import Misused
from sealer.cli.sops import flags, verbs
from sealer.cli.sops.call import Call, Failed
from sealer.cli.sops.verbs import SopsVerb
from sealer.cli.sops.voice import Voice

BASELINE = "3.13.3"
DONE, FAILED, MISUSED = 0, 1, 2

_PROGRAM = (*flags.ALONE, *flags.SETTINGS, flags.HELP)
_OWN = (flags.FORCE, *(flag for flag in flags.COMMON if flag.names[0] != "verbose"))
"""What `kseal sops` takes besides; `-v` is the version there, as in the original."""


class _Usage(Exception):
    """A line that cannot be read, or that asks for help; `verb` is the one it is about."""

    def __init__(self, message: str, verb: SopsVerb | None, heading: str) -> None:
        super().__init__(message)
        self.verb = verb
        self.heading = heading


def run(words: Sequence[str], environ: Mapping[str, str], voice: Voice) -> int:
    """Run one line after `sops`; the exit code. How it is read and what is said of it depends on the voice."""
    try:
        return _run(words, environ, voice)
    except _Usage as usage:
        return _refused(usage, voice)
    except BrokenPipeError:
        return FAILED
    except KsealError as error:
        voice.error(error.message, error.hint)
        code = getattr(error, "code", MISUSED if isinstance(error, Misused) else FAILED)
        return code if isinstance(code, int) else FAILED


def _run(words: Sequence[str], environ: Mapping[str, str], voice: Voice) -> int:
    program = _parsed(_PROGRAM, words, environ, voice, None)
    voice.heed(program)
    if program.flag("help"):
        return _help(None, voice)
    if program.words[:1] in {("help",), ("h",)}:
        return _help_with(program.words[1:], voice)
    if program.flag("version"):
        files.write_output(f"sops {BASELINE} (kseal {VERSION})\n", None)
        return DONE
    name = program.words[0] if program.words else ""
    if name not in verbs.TABLE or (voice.is_original and name in verbs.OURS):
        from sealer.cli.sops import alone

        if not voice.is_original:
            _refuse_mistyped(name)
        return alone.run(Call(program, program, environ, voice))
    rest: Sequence[str] = program.words[1:]
    if name not in verbs.WITH_ACTIONS:
        return _run_verb(verbs.verb(name), rest, program, environ, voice)
    verb, rest = _action(name, rest, voice)
    return DONE if verb is None else _run_verb(verb, rest, program, environ, voice)


def _run_verb(verb: SopsVerb, words: Sequence[str], program: Parsed, environ: Mapping[str, str], voice: Voice) -> int:
    known = (*verb.flags, flags.HELP)
    if not voice.is_original:
        taken = {name for flag in known for name in flag.names}
        known += tuple(
            flag for flag in (*verb.own_flags, *flags.SETTINGS, *flags.COMMON) if not taken & set(flag.names)
        )
    parsed = _parsed(known, words, environ, voice, verb)
    if parsed.flag("help"):
        return _help(verb, voice)
    settings = _settings(program, parsed, voice)
    voice.heed(settings)
    call = Call(parsed, settings, environ, voice)
    if voice.is_original:
        return verb.run(call)
    try:
        return verb.run(call)
    except KsealError as error:
        _name_file(error, call)
        raise


def _name_file(error: KsealError, call: Call) -> None:
    """Put the file before what is wrong with it: those who read it know the place inside only."""
    from sealer.sops import errors

    about_the_file = (
        errors.AlreadyEncrypted,
        errors.DocumentRefused,
        errors.EnvelopeRefused,
        errors.MacMismatch,
        errors.NoDataKey,
        errors.NoDocument,
        errors.NotWritable,
        errors.TreeNotDecrypted,
        errors.TreeNotEncrypted,
    )
    file = call.text("file") or next(iter(call.words), "")
    if file and isinstance(error, about_the_file) and not error.message.startswith(file):
        error.message = f"{file}: {error.message}"


def _refuse_mistyped(name: str) -> None:
    """Raises: Failed for a word that is nearly a verb, and no file."""
    import os
    from difflib import get_close_matches

    near = get_close_matches(name, verbs.TABLE, 1)
    if near and not os.path.exists(name):  # noqa: PTH110  # as elsewhere
        raise Failed(f'there is no verb "{name}" and no such file', MISUSED, f"did you mean {near[0]}?")


def _settings(program: Parsed, parsed: Parsed, voice: Voice) -> Parsed:
    """Flags of the program; in our manners they may stand behind the verb too."""
    if voice.is_original:
        return program
    both = Parsed({**parsed.values, **program.values})
    both.given = {**program.given, **parsed.given}
    for name in parsed.given:
        both.values[name] = parsed.values[name]
    return both


def _action(name: str, words: Sequence[str], voice: Voice) -> tuple[SopsVerb | None, Sequence[str]]:
    """The verb that two words name; None after help was shown."""
    known = verbs.actions(name)
    if not words or words[0] in {"-h", "--help", "help", "h"}:
        from sealer.cli.sops.helptext import listing

        files.write_output(listing(name, known, is_original=voice.is_original), None)
        return None, ()
    if words[0] not in known:
        raise Failed(f"No help topic for '{words[0]}'", 3, f"it has {', '.join(known)}")
    return known[words[0]], words[1:]


def _parsed(
    known: Sequence[Flag], words: Sequence[str], environ: Mapping[str, str], voice: Voice, verb: SopsVerb | None
) -> Parsed:
    try:
        if voice.is_original:
            return parse(known, words, environ, follows_verb=verb is not None)
        if verb is None and any(word in verbs.TABLE for word in words):
            return parse((*known, *_OWN), words, environ, follows_verb=False)
        return parse_anywhere(known if verb else (*known, *_OWN), words, environ)
    except Wrong as error:
        heading = f"Incorrect Usage{':' if verb else '.'} {error}"
        if isinstance(error, TwoForms) and verb is None:
            heading = str(error)
        raise _Usage(_with_suggestion(error, known, voice), verb, heading) from None


def _with_suggestion(error: Wrong, known: Sequence[Flag], voice: Voice) -> str:
    if voice.is_original or not isinstance(error, Unknown):
        return str(error)
    from difflib import get_close_matches

    near = get_close_matches(error.name, [name for flag in known for name in flag.names], 1)
    return f"there is no option --{error.name}" + (f"; did you mean --{near[0]}?" if near else "")


def _refused(usage: _Usage, voice: Voice) -> int:
    """The original shows its help on standard output and ends with 1; ours says one line and ends with 2."""
    if not voice.is_original:
        about = f"kseal sops {usage.verb.name}" if usage.verb else "kseal sops"
        voice.error(str(usage), f"see {about} --help")
        return MISUSED
    files.write_output(f"{usage.heading}\n\n", None)
    _help(usage.verb, voice)
    voice.error(str(usage))
    return FAILED


def _help_with(words: Sequence[str], voice: Voice) -> int:
    """What the word `help` asks for. Raises: Failed for a word that is no verb."""
    name = words[0] if words else ""
    if name and name not in verbs.TABLE:
        raise Failed(f"No help topic for '{name}'", 3, f"it has {', '.join(verbs.TABLE)}")
    if name not in verbs.WITH_ACTIONS:
        return _help(verbs.verb(name) if name else None, voice)
    verb, _ = _action(name, words[1:], voice)
    return _help(verb, voice) if verb else DONE


def _help(verb: SopsVerb | None, voice: Voice) -> int:
    from sealer.cli.sops.helptext import of_program, of_verb

    is_original = voice.is_original
    text = of_verb(verb, is_original=is_original) if verb else of_program(is_original=is_original)
    files.write_output(text, None)
    return DONE
