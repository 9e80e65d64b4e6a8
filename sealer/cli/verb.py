"""What a verb is: a table of its options and a function. One table serves two parsers.

`plain.py` reads ordinary command lines straight from the table, because importing click would double the start-up
time; `commands.py` makes a click command from the same table for everything else: help, errors, unusual spellings.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sealer.cli.terminal import Terminal

ENVIRONMENT_PREFIX = "SEALED_SECRETS_"
# As Go's strconv.ParseBool, which reads the original's variables.
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


class Option(NamedTuple):
    """One option. Without a `metavar` it is a flag; `many` lets it be repeated."""

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    environ: str = ""
    """The name of its environment variable, without `SEALED_SECRETS_`; the command line wins over it."""
    names_input: bool = False
    """Whether it is another way to name a file to read, so that positional files win over its variable too."""

    @property
    def key(self) -> str:
        """The name under which its value is found: its first long name, without dashes."""
        long = next((name for name in self.names if name.startswith("--")), self.names[0])
        return long.lstrip("-")

    @property
    def is_flag(self) -> bool:
        return not self.metavar


class Given:
    """What a command line says: files, flags, and text by option, `None` or empty where nothing is said."""

    __slots__ = ("assumed", "files", "values")

    def __init__(self, files: tuple[str, ...], values: Mapping[str, bool | str | tuple[str, ...]]) -> None:
        """`values` holds only what was said; an option that was not is absent."""
        self.files = files
        self.values = dict(values)
        self.assumed: set[str] = set()
        """Options that only the environment speaks of: they give defaults, and contradict nothing."""

    def flag(self, key: str) -> bool:
        return self.values.get(key) is True

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def said(self, key: str) -> str | None:
        """The text of an option that stands on the command line itself."""
        return None if key in self.assumed else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        return value if isinstance(value, tuple) else ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Given) and (self.files, self.values) == (other.files, other.values)

    __hash__ = None  # type: ignore[assignment]  # it holds a dictionary

    def __repr__(self) -> str:
        return f"Given({self.files!r}, {self.values!r})"


class Verb(NamedTuple):
    """One verb of the command line. `run` gives the exit code."""

    name: str
    summary: str
    """One line for the list of verbs; it begins the help of the verb."""
    text: str
    examples: tuple[str, ...]
    options: tuple[Option, ...]
    run: Callable[[Given, "Terminal", Mapping[str, str]], int]
    files: str = ""
    """What positional arguments are called; empty where there are none."""
    words: tuple[str, ...] = ()
    """What positional arguments may be, where that is a closed set."""


COMMON = (
    Option(("-q", "--quiet"), "Say nothing but errors."),
    Option(("-v", "--verbose"), "Say what is being done."),
    Option(("--color",), "Colours in messages (auto: on a terminal).", "WHEN", choices=("auto", "always", "never")),
)
"""The options of every verb, besides -h/--help and --version."""


def fill_from_environment(given: Given, options: tuple[Option, ...], environ: Mapping[str, str]) -> list[str]:
    """Complete a command line from the environment; the names of variables whose value makes no sense are returned.

    The original ignores such values in silence. They are ignored here too, so that scripts keep working, but said.
    """
    ignored = []
    for option in options:
        name = ENVIRONMENT_PREFIX + option.environ
        text = environ.get(name, "") if option.environ else ""
        if not text or option.key in given.values or (option.names_input and given.files):
            continue
        value = _value(option, text)
        if value is None:
            ignored.append(name)
        else:
            given.values[option.key] = value
            given.assumed.add(option.key)
    return ignored


def _value(option: Option, text: str) -> bool | str | tuple[str, ...] | None:
    if option.is_flag:
        return True if text in _TRUE else False if text in _FALSE else None
    if option.choices:
        text = text.casefold()
        return text if text in option.choices else None
    return (text,) if option.many else text
