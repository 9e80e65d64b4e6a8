"""Read an ordinary command line from a verb's table, or decline.

Declining is always right: click then parses the same words. So everything that is not plain is declined, above all
whatever could be an error, and the two parsers agree on the rest (tests/sealer/test_two_parsers.py).
"""

from collections.abc import Sequence

from sealer.cli.verb import Given, Option, Verb


class _NotPlain(Exception):
    """This line is click's."""


def parse(verb: Verb, words: Sequence[str]) -> Given | None:
    """What the words after the verb say, or None when click has to look at them."""
    try:
        return _parse(verb, words)
    except _NotPlain:
        return None


def _parse(verb: Verb, words: Sequence[str]) -> Given:
    named = {name: option for option in verb.options for name in option.names}
    files: list[str] = []
    values: dict[str, bool | str | tuple[str, ...]] = {}
    rest = iter(words)
    for word in rest:
        if word == "--":
            files.extend(rest)
        elif word == "-" or not word.startswith("-"):
            files.append(word)
        else:
            name, attached = _split(word)
            option = named.get(name)
            if option is None:
                raise _NotPlain
            _store(values, option, attached if attached is not None or option.is_flag else next(rest, None))
    if files and not verb.files:
        raise _NotPlain
    return Given(tuple(files), values)


def _split(word: str) -> tuple[str, str | None]:
    """The name of an option and the value that is attached to it: `--name=value`, `-nvalue`."""
    if word.startswith("--"):
        name, mark, value = word.partition("=")
        return name, value if mark else None
    return word[:2], word[2:] or None


def _store(values: dict[str, bool | str | tuple[str, ...]], option: Option, value: str | None) -> None:
    if option.is_flag:
        if value is not None:  # `--quiet=yes` is an error, `-qv` are two flags
            raise _NotPlain
        values[option.key] = True
        return
    # A missing value is an error, and a value that looks like an option may be one.
    if value is None or (value.startswith("-") and value != "-"):
        raise _NotPlain
    if option.choices:
        value = value.casefold()
        if value not in option.choices:
            raise _NotPlain
    if option.many:
        before = values.get(option.key, ())
        values[option.key] = (*before, value) if isinstance(before, tuple) else (value,)
    else:
        values[option.key] = value
