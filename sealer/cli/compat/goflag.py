"""Command lines as urfave/cli reads them with Go's flag package, which is how scripts write for `sops`.

`-flag` is `--flag`; `--flag=v` or `--flag v`; a boolean takes a value only after `=`; one-letter flags do not combine.
After a verb its flags may stand anywhere; without one the first word that is no flag ends them.
Source: Go flag.go, github.com/urfave/cli v1.22 command.go and the flag types beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

Value = str | bool | int | tuple[str, ...]

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


class Flag(NamedTuple):
    """One flag. Without a `metavar` it is a boolean."""

    names: tuple[str, ...]
    """Without dashes; the first is the one under which its value is found."""
    help: str
    metavar: str = ""
    environ: str = ""
    many: bool = False
    is_number: bool = False
    default: Value = ""

    @property
    def initial(self) -> Value:
        if self.default or not self.metavar:
            return bool(self.default) if not self.metavar else self.default
        return () if self.many else 0 if self.is_number else ""


class Wrong(Exception):
    """A line that cannot be read; the text is Go's."""


class Unknown(Wrong):
    """A flag that does not exist; `name` has no dashes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"flag provided but not defined: -{name}")
        self.name = name


class TwoForms(Wrong):
    """One flag under two of its names."""


class Parsed:
    """Values by the first name of each flag, and the words that are no flags."""

    __slots__ = ("given", "values", "words")

    def __init__(self, values: dict[str, Value], words: tuple[str, ...] = ()) -> None:
        self.values = values
        self.words = words
        self.given: dict[str, str] = {}
        """What the line itself sets, with the name by which it does."""

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        value = self.values.get(name)
        return value if isinstance(value, int) else 0

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        return value if isinstance(value, tuple) else ()


def parse(flags: Sequence[Flag], words: Sequence[str], environ: Mapping[str, str], *, follows_verb: bool) -> Parsed:
    """Read a line over the environment, as the original does. Raises: Wrong."""
    named = {name: flag for flag in flags for name in flag.names}
    parsed = _initial(flags, environ)
    remaining = iter(_reordered(named, words) if follows_verb else words)
    for word in remaining:
        if word == "--" or len(word) < 2 or word[0] != "-":
            parsed.words = (*(() if word == "--" else (word,)), *remaining)
            break
        _read(parsed, named, word, remaining)
    return parsed


def parse_anywhere(flags: Sequence[Flag], words: Sequence[str], environ: Mapping[str, str]) -> Parsed:
    """Read a line whose flags stand wherever they like; negative numbers are no flags. Raises: Wrong."""
    named = {name: flag for flag in flags for name in flag.names}
    parsed = _initial(flags, environ)
    remaining = iter(words)
    for word in remaining:
        if word == "--":
            parsed.words += tuple(remaining)
        elif len(word) < 2 or word[0] != "-" or word[1].isdigit():
            parsed.words += (word,)
        else:
            _read(parsed, named, word, remaining)
    return parsed


def _initial(flags: Sequence[Flag], environ: Mapping[str, str]) -> Parsed:
    parsed = Parsed({flag.names[0]: flag.initial for flag in flags})
    for flag in flags:
        _from_environment(parsed, flag, environ)
    return parsed


def _reordered(named: Mapping[str, Flag], words: Sequence[str]) -> list[str]:
    """Flags to the front, each with the word after it, even where it is a boolean: then that word ends them."""
    flags: list[str] = []
    rest: list[str] = []
    may_be_value = False
    for at, word in enumerate(words):
        is_flag = word.startswith("-") and word.lstrip("-").partition("=")[0] in named
        if may_be_value and not is_flag:
            may_be_value = False
            flags.append(word)
        elif word == "--":
            return [*flags, "--", *rest, *words[at + 1 :]]
        elif is_flag:
            flags.append(word)
            may_be_value = "=" not in word
        else:
            rest.append(word)
    return [*flags, *rest]


def _read(parsed: Parsed, named: Mapping[str, Flag], word: str, rest: Iterator[str]) -> None:
    name, mark, value = word.removeprefix("-").removeprefix("-").partition("=")
    if not name or name[0] in "-=":
        raise Wrong(f"bad flag syntax: {word}")
    flag = named.get(name)
    if flag is None:
        raise Unknown(name)
    before = parsed.given.setdefault(flag.names[0], name)
    if before != name:
        raise TwoForms(f"Cannot use two forms of the same flag: {before} {name}")
    if not flag.metavar:
        parsed.values[flag.names[0]] = _boolean(value, name) if mark else True
        return
    if not mark:
        following = next(rest, None)
        if following is None:
            raise Wrong(f"flag needs an argument: -{name}")
        value = following
    _store(parsed, flag, name, value)


def _store(parsed: Parsed, flag: Flag, name: str, text: str) -> None:
    key = flag.names[0]
    if flag.many:
        parsed.values[key] = (*parsed.texts(key), text)
    elif flag.is_number:
        number = _integer(text)
        if number is None:
            raise Wrong(f'invalid value "{text}" for flag -{name}: parse error')
        parsed.values[key] = number
    else:
        parsed.values[key] = text


def _boolean(text: str, name: str) -> bool:
    if text not in _TRUE and text not in _FALSE:
        raise Wrong(f'invalid boolean value "{text}" for -{name}: parse error')
    return text in _TRUE


def _integer(text: str) -> int | None:
    """A number as `strconv.ParseInt(text, 0, 64)` reads it."""
    body = text.lstrip("+-").replace("_", "")
    if len(text) > 40 or not body or not body[0].isdigit():
        return None
    try:
        number = int(text, 8) if body[0] == "0" and body[1:].isdigit() else int(text, 0)
    except ValueError:
        return None
    return number if -(1 << 63) <= number < 1 << 63 else None


def _from_environment(parsed: Parsed, flag: Flag, environ: Mapping[str, str]) -> None:
    text = environ.get(flag.environ, "") if flag.environ else ""
    if not text:
        return
    key = flag.names[0]
    if flag.many:
        parsed.values[key] = tuple(part.strip() for part in text.split(","))
    elif flag.metavar:
        parsed.values[key] = text
    elif text in _TRUE or text in _FALSE:
        parsed.values[key] = text in _TRUE
    else:
        raise Wrong(
            f'could not parse {text} as bool value for flag {key}: strconv.ParseBool: parsing "{text}": invalid syntax'
        )
