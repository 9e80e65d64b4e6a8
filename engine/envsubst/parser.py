"""From text to its parts.

The scanner of the original decides what a text means, also where nobody meant it to: an argument ends at the first
character that its kind does not accept, nested calls are seen only at the start of an argument or behind its text, and
escapes count in plain text (`$$`) and in the arguments of `/` (`$$`, `\\/`, `\\\\`) alone.
Source: fluxcd/pkg envsubst/parse, parse.go and scan.go.
"""

import re

from engine.envsubst.errors import SubstituteError
from engine.envsubst.nodes import Call, Part

MAX_DEPTH = 32
"""Calls inside each other."""

_END = "\0"  # the original takes this character for the end of the text, and so do we
_HINT = "write $${ where the text itself is meant"

_NOT_CLOSING = re.compile(r"[^}\0]")
_NOT_COLON = re.compile(r"[^:}\0]")
_NOT_SLASH = re.compile(r"[^/\0]")


def parse(text: str) -> list[Part]:
    """The parts of a text. Raises: SubstituteError."""
    return _Parser(text.partition(_END)[0]).text()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def text(self) -> list[Part]:
        """Everything up to the end."""
        parts: list[Part] = []
        text, start = self._text, 0
        while (at := text.find("$", start)) >= 0:
            parts.append(text[start:at])
            follower = text[at + 1 : at + 2]
            if follower == "{":
                self._at = at + 2
                parts.append(self._call())
                start = self._at
            else:
                parts.append("$")
                start = at + (2 if follower == "$" else 1)
        parts.append(text[start:])
        return parts

    def _call(self) -> Call:
        """What stands between `${` and `}`, with the latter."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SubstituteError(f"bad substitution: more than {MAX_DEPTH} inside each other")
        if self._peek() == "#":
            self._at += 1
            call = Call(self._name("bad substitution"), "#")
            self._close(call.parameter)
        else:
            call = self._operation(self._name("unable to parse variable name"))
        self._depth -= 1
        return call

    def _operation(self, name: str) -> Call:
        match self._peek():
            case "}":
                self._at += 1
                return Call(name)
            case ":":
                if self._text[self._at + 1 : self._at + 2] in ("=", "-", "?", "+"):
                    return self._default(name, 2)
                return self._substring(name)
            case "=":
                return self._default(name, 1)
            case "," | "^":
                return self._closed(Call(name, self._operator(",^")))
            case "#":
                return self._with_argument(name, self._operator("#"))
            case "%":
                return self._with_argument(name, self._operator("%"))
            case "/":
                return self._replacement(name)
            case _:
                raise _bad(name, "missing closing brace")

    def _default(self, name: str, length: int) -> Call:
        """`=`, `:=`, `:-`, `:?`, `:+`, with any number of texts and calls behind."""
        operator = self._take(length)
        arguments: list[Part] = []
        while self._peek() != "}":
            arguments.append(self._argument(name, _NOT_CLOSING))
        return self._closed(Call(name, operator, tuple(arguments)))

    def _substring(self, name: str) -> Call:
        self._at += 1
        if self._peek() > "\x7f":  # the original steps back by this character's width, and then finds no colon
            raise _bad(name, "bad substitution")
        arguments = [self._argument(name, _NOT_COLON)]
        if self._peek() == ":":
            while self._peek() == ":":  # the original takes several for one
                self._at += 1
            arguments.append(self._argument(name, _NOT_CLOSING))
        return self._closed(Call(name, ":", tuple(arguments)))

    def _with_argument(self, name: str, operator: str) -> Call:
        return self._closed(Call(name, operator, (self._argument(name, _NOT_CLOSING),)))

    def _replacement(self, name: str) -> Call:
        operator = self._take(1)
        if self._peek() and self._peek() in "/#%":
            operator += self._take(1)
        arguments = [self._argument(name, _NOT_SLASH, has_escapes=True)]
        if self._peek() != "/":
            raise _bad(name, "bad substitution")
        while self._peek() == "/":
            self._at += 1
        if self._peek() != "}":
            arguments.append(self._argument(name, _NOT_CLOSING, has_escapes=True))
        return self._closed(Call(name, operator, tuple(arguments)))

    def _argument(self, name: str, accepted: re.Pattern[str], *, has_escapes: bool = False) -> Part:
        """A call, or a text that goes on as long as its characters are accepted and no call begins; never empty."""
        text, start, at = self._text, self._at, self._at
        if text.startswith("${", at):
            self._at += 2
            return self._call()
        parts: list[str] = []
        while at < len(text):
            character = text[at]
            if character == "$" and text.startswith("${", at):
                break
            if has_escapes and text[at : at + 2] in ("$$", "\\/", "\\\\"):
                parts.append(text[at + 1])
                at += 2
            elif accepted.match(character):
                parts.append(character)
                at += 1
            else:
                break
        if at == start:
            raise _bad(name, "unable to parse substitution within function")
        self._at = at
        return "".join(parts)

    def _name(self, complaint: str) -> str:
        """A parameter's name: letters, digits and underscores, of any script. `${1}` is one too."""
        at = start = self._at
        text = self._text
        while at < len(text) and (text[at].isalpha() or text[at].isdecimal() or text[at] == "_"):
            at += 1
        if at == start:
            raise SubstituteError(complaint, _HINT)
        self._at = at
        return text[start:at]

    def _operator(self, characters: str) -> str:
        """One or two of some characters."""
        length = 2 if self._text[self._at + 1 : self._at + 2] in tuple(characters) else 1
        return self._take(length)

    def _take(self, length: int) -> str:
        start = self._at
        self._at += length
        return self._text[start : self._at]

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _closed(self, call: Call) -> Call:
        self._close(call.parameter)
        return call

    def _close(self, name: str) -> None:
        if self._peek() != "}":
            raise _bad(name, "bad substitution")
        self._at += 1


def _bad(name: str, complaint: str) -> SubstituteError:
    return SubstituteError(f'{complaint} at variable "{name}"', _HINT)
