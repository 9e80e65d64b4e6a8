"""From text to tokens, by the rules of text/template: what lies outside of `{{ }}` is text, inside are words.

Source: Go 1.26 text/template/parse lex.go.
"""

import re
from enum import Enum
from typing import NamedTuple
from unicodedata import category

_SPACES = " \t\r\n"


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    OPEN = "{{"
    CLOSE = "}}"
    SPACE = "space"
    WORD = "function"
    KEYWORD = "keyword"
    BOOL = "boolean"
    FIELD = "field"
    DOT = "dot"
    VARIABLE = "variable"
    NUMBER = "number"
    CHARACTER = "character"
    STRING = "string"
    ASSIGN = "="
    DECLARE = ":="
    PIPE = "|"
    LEFT = "("
    RIGHT = ")"
    COMMA = ","
    END = "end of the template"


class Token(NamedTuple):
    """One token; `line` counts from 1."""

    kind: Kind
    text: str
    line: int


class BadToken(Exception):
    """What cannot be read, and on which line."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


KEYWORDS = frozenset({"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"})

_SIGNS = {"|": Kind.PIPE, "(": Kind.LEFT, ")": Kind.RIGHT, "=": Kind.ASSIGN, ":=": Kind.DECLARE, ",": Kind.COMMA}
_TERMINATORS = frozenset(_SPACES + ".,|:)(")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<string>"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`)
    | (?P<character>'(?:\\[^\n]|[^'\\\n])*')
    | (?P<number>(?:[+-]|(?=[0-9])|(?=\.[0-9]))
        (?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
        | 0[oO][0-7_]*(?:\.[0-7_]*)?
        | 0[bB][01_]*(?:\.[01_]*)?
        | [0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?)
    | (?P<field>\.\w+)
    | (?P<dot>\.)
    | (?P<variable>\$\w*)
    | (?P<word>\w+)
    | (?P<sign>:=|[=|(),])""",
    re.VERBOSE,
)
_NAMED = {"field": Kind.FIELD, "variable": Kind.VARIABLE, "word": Kind.WORD, "dot": Kind.DOT}
_LITERALS = {"string": Kind.STRING, "character": Kind.CHARACTER, "number": Kind.NUMBER}


def tokens(text: str, most: int) -> list[Token]:
    """All tokens of a template, the last one of kind END; at most so many. Raises: BadToken."""
    return _Lexer(text, most).run()


class _Lexer:
    def __init__(self, text: str, most: int) -> None:
        self.text = text
        self.most = most
        self.place = 0
        self.line = 1
        self.found: list[Token] = []

    def run(self) -> list[Token]:
        text = self.text
        trim = False
        while True:
            start = text.find("{{", self.place)
            piece = text[self.place : start if start >= 0 else len(text)]
            lines = piece.count("\n")
            if trim:
                stripped = piece.lstrip(_SPACES)
                self.line += piece.count("\n", 0, len(piece) - len(stripped))
                lines = stripped.count("\n")
                piece = stripped
            trims_left = start >= 0 and text[start + 2 : start + 3] == "-" and text[start + 3 : start + 4] in _MARKED
            if trims_left:
                piece = piece.rstrip(_SPACES)
            if piece:
                self.found.append(Token(Kind.TEXT, piece, self.line))
            self.line += lines
            if start < 0:
                self.found.append(Token(Kind.END, "", self.line))
                return self.found
            self.place = start + (4 if trims_left else 2)
            opening = self.line
            self.line += trims_left and text[start + 3] == "\n"
            trim = self.comment() if text.startswith("/*", self.place) else self.action(opening)

    def comment(self) -> bool:
        """Pass over a comment; returns whether the space after it goes too."""
        end = self.text.find("*/", self.place + 2)
        if end < 0:
            raise BadToken(self.line, "unclosed comment")
        self.line += self.text.count("\n", self.place, end)
        self.place = end + 2
        trim = self.trims_right()
        if not trim and not self.text.startswith("}}", self.place):
            raise BadToken(self.line, "a comment ends before its closing }}")
        self.line += trim and self.text[self.place] == "\n"
        self.place += 4 if trim else 2
        return trim

    def trims_right(self) -> bool:
        text, place = self.text, self.place
        return text[place : place + 1] in _MARKED and text.startswith("-}}", place + 1)

    def action(self, opening: int) -> bool:
        """The tokens up to and with the closing }}; returns whether the space after it goes too."""
        add, text = self.found.append, self.text
        add(Token(Kind.OPEN, "{{", opening))
        depth = 0
        while True:
            trim = self.trims_right()
            if trim or text.startswith("}}", self.place):
                if depth:
                    raise BadToken(self.line, "unclosed left parenthesis")
                self.line += trim and text[self.place] == "\n"
                self.place += 4 if trim else 2
                add(Token(Kind.CLOSE, "}}", self.line))
                return trim
            match = _TOKEN.match(text, self.place)
            if match is None:
                raise BadToken(self.line, self.complaint())
            token = self.token(match)
            depth += (token.kind is Kind.LEFT) - (token.kind is Kind.RIGHT)
            if depth < 0:
                raise BadToken(self.line, "unexpected right parenthesis")
            if len(self.found) > self.most:
                raise BadToken(self.line, f"more than {self.most} words and signs")
            add(token)
            self.line += token.text.count("\n")
            self.place += len(token.text)

    def complaint(self) -> str:
        first = self.text[self.place : self.place + 1]
        reasons = {"": "unclosed action", ":": "expected :=", "'": "unterminated character constant"}
        return reasons.get(first) or (
            "unterminated quoted string" if first in {'"', "`"} else "unexpected character in an action"
        )

    def token(self, match: re.Match[str]) -> Token:
        name, word, line = match.lastgroup, match[0], self.line
        if name == "space":
            if self.text.startswith("-}}", match.end()):
                word = word[:-1]  # it belongs to the closing mark
            return Token(Kind.SPACE, word, line)
        if name == "sign":
            return Token(_SIGNS[word], word, line)
        if name in _LITERALS:
            if name == "number" and self.text[match.end() : match.end() + 1].isalnum():
                raise BadToken(line, "bad number syntax")
            return Token(_LITERALS[name], word, line)
        self.check_end(match)
        kind = _NAMED[name or ""]
        if kind is Kind.WORD:
            kind = Kind.KEYWORD if word in KEYWORDS else Kind.BOOL if word in {"true", "false"} else kind
        return Token(kind, word, line)

    def check_end(self, match: re.Match[str]) -> None:
        """A name is made of letters and decimal digits and ends before certain characters only."""
        word, end = match[0], match.end()
        if not word.isascii():
            wrong = [
                rune
                for rune in word.lstrip(".$")
                if rune != "_" and category(rune)[0] != "L" and category(rune) != "Nd"
            ]
            if wrong:
                raise BadToken(self.line, "unexpected character in an action")
        if end < len(self.text) and self.text[end] not in _TERMINATORS and not self.text.startswith("}}", end):
            raise BadToken(self.line, "unexpected character after a name")


_MARKED = frozenset(_SPACES)
"""What must stand between a trim marker and the rest of an action."""
