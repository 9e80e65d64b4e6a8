"""Command lines as Go's pflag reads them, which is how scripts write for the original programs.

`--flag=v`, `--flag v`, `-fv`, `-f=v`, `-f v`; a boolean takes a value only after `=`; no abbreviations; flags and
other words in any order; `--` ends the flags. Source: github.com/spf13/pflag flag.go and the value types beside it.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Value = str | bool | tuple[str, ...]
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


class Flag(NamedTuple):
    """One flag. `read` makes a value from its text and raises ValueError in Go's words."""

    name: str
    read: Callable[[str], Value]
    help: str
    kind: str = "string"
    """How the help calls its value; empty for booleans."""
    short: str = ""
    default: Value = ""
    successor: str = ""
    """The flag that replaces a deprecated one, which the help leaves out."""

    @property
    def is_boolean(self) -> bool:
        return not self.kind

    @property
    def called(self) -> str:
        """How errors call it."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


class Wrong(Exception):
    """A line that cannot be read; the text is Go's."""


class HelpAsked(Exception):
    """`-h`, which pflag knows by itself."""


class Parsed(NamedTuple):
    """Values by name, defaults included; and what was given, by the line or the environment."""

    values: dict[str, Value]
    given: set[str]
    deprecated: list[Flag]


def parse(flags: Sequence[Flag], words: Sequence[str], environ: Mapping[str, str], prefix: str) -> Parsed:
    """Read a line over the environment's variables `PREFIX_NAME`; of these, bad values are ignored as they were.

    Raises: Wrong, HelpAsked.
    """
    parsed = Parsed({flag.name: flag.default for flag in flags}, set(), [])
    for flag in flags:
        text = environ.get(f"{prefix}_{flag.name.upper().replace('-', '_')}", "")
        if text:
            try:
                _store(parsed, flag, text)
            except Wrong:
                continue
    parsed.deprecated.clear()
    _Line(flags, words, parsed).read()
    return parsed


class _Line:
    def __init__(self, flags: Sequence[Flag], words: Sequence[str], parsed: Parsed) -> None:
        self.by_name = {flag.name: flag for flag in flags}
        self.by_short = {flag.short: flag for flag in flags if flag.short}
        self.words = list(words)
        self.parsed = parsed

    def read(self) -> None:
        while self.words:
            word = self.words.pop(0)
            if word == "--":
                return
            if word.startswith("--"):
                self.long(word)
            elif word.startswith("-") and len(word) > 1:
                self.short(word)

    def long(self, word: str) -> None:
        name, mark, value = word[2:].partition("=")
        if not name or name.startswith("-"):
            raise Wrong(f"bad flag syntax: {word}")
        flag = self.by_name.get(name)
        if flag is None:
            raise Wrong(f"unknown flag: --{name}")
        if mark:
            _store(self.parsed, flag, value)
        elif flag.is_boolean:
            _store(self.parsed, flag, "true")
        elif self.words:
            _store(self.parsed, flag, self.words.pop(0))
        else:
            raise Wrong(f"flag needs an argument: {word}")

    def short(self, word: str) -> None:
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            flag = self.by_short.get(letter)
            if flag is None and letter == "h":
                raise HelpAsked
            if flag is None:
                raise Wrong(f"unknown shorthand flag: {_rune(letter)} in -{letter}{rest}")
            if len(rest) > 1 and rest.startswith("="):
                return _store(self.parsed, flag, rest[1:])
            if flag.is_boolean:
                _store(self.parsed, flag, "true")
            elif rest:
                return _store(self.parsed, flag, rest)
            elif self.words:
                return _store(self.parsed, flag, self.words.pop(0))
            else:
                raise Wrong(f"flag needs an argument: {_rune(letter)} in {word}")
        return None


def _store(parsed: Parsed, flag: Flag, text: str) -> None:
    try:
        value = flag.read(text)
    except ValueError as error:
        raise Wrong(f'invalid argument {quoted(text)} for "{flag.called}" flag: {error}') from None
    before = parsed.values[flag.name]
    if isinstance(value, tuple) and isinstance(before, tuple) and flag.name in parsed.given:
        value = before + value
    parsed.values[flag.name] = value
    parsed.given.add(flag.name)
    if flag.successor:
        parsed.deprecated.append(flag)


def usage(flags: Sequence[Flag]) -> str:
    """The table of flags, sorted by name."""
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        if not flag.successor:
            names = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
            rows.append((f"{names} {flag.kind}".rstrip(), flag.help + _default(flag)))
    width = max(len(left) for left, _ in rows) + 3
    return "".join(f"{left:{width}}{right}\n" for left, right in rows)


def _default(flag: Flag) -> str:
    if flag.default in ("", False, ()):
        return ""
    return f' (default "{flag.default}")' if flag.kind == "string" else f" (default {str(flag.default).lower()})"


def boolean(text: str) -> bool:
    """Source: strconv.ParseBool."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax")


def csv_strings(text: str) -> tuple[str, ...]:
    """A list in commas, with CSV's quotes: pflag's stringSlice."""
    if not text:
        return ()
    try:
        (row,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise ValueError('parse error on line 1: extraneous or missing " in quoted-field') from None
    return tuple(row)


def strings(text: str) -> tuple[str, ...]:
    """One more of several: pflag's stringArray."""
    return (text,)


def integer(bits: int) -> Callable[[str], str]:
    """A number in decimal that is kept as text. Source: strconv.ParseInt."""

    def read(text: str) -> str:
        digits = text[1:] if text[:1] in ("+", "-") else text
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: invalid syntax")
        if not -(1 << bits - 1) <= int(text) < 1 << bits - 1:
            raise ValueError(f"strconv.ParseInt: parsing {quoted(text)}: value out of range")
        return text

    return read


def quoted(text: str) -> str:
    """Source: Go's %q."""
    return json.dumps(text, ensure_ascii=False)


def _rune(letter: str) -> str:
    return f"'{letter}'"
