"""The grammar of INI as go-ini reads it, with the settings of the original: sections of keys, with their comments.

Values lose surrounding quotes; what follows `#` or `;` in them is a comment; three quotes or a backtick begin a value
of several lines, a backslash at the end continues one. A comment belongs to the key or section that comes after it, or
on whose line it stands; at the end of the file it belongs to nothing and is lost.
Source: go-ini/ini parser.go, release 1.67.3; getsops/sops stores/ini/store.go.
"""

from re import compile as compiled

from sealer.sops.errors import DocumentRefused
from sealer.sops.formats.base import LIMITS

SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What Go's unicode.IsSpace takes for space."""

DEFAULT = "DEFAULT"
"""The section of what stands before the first header."""

_QUOTES = '"""'

_INSIDE = r"!$-&(-:<-\[\]-_a-~"  # of ASCII what is neither space nor quote, nor begins a comment or continues a line
_ORDINARY = compiled(rf"([A-Za-z0-9_.][\w.-]*)[ \t]*=[ \t]*([{_INSIDE}](?:[ {_INSIDE}]*[{_INSIDE}])?)").fullmatch
"""A line that has a name, a value and nothing else to look at. Nearly all are, and are read three times as fast."""


class Key:
    """A key of a section: its value, and the text of its comments as they stand."""

    __slots__ = ("comment", "value")

    def __init__(self, value: str, comment: str) -> None:
        self.value = value
        self.comment = comment


class Section:
    """A section: its name, its comments and its keys in order; of two keys with one name the last counts."""

    __slots__ = ("comment", "keys", "name")

    def __init__(self, name: str, comment: str = "") -> None:
        self.name = name
        self.comment = comment
        self.keys: dict[str, Key] = {}


def read(text: str) -> list[Section]:
    """All sections, the default one first even when it is empty. Raises: DocumentRefused, with the line."""
    return _Reader(text).sections()


class _Reader:
    __slots__ = ("at", "comment", "count", "lines")

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        if len(self.lines) > LIMITS.nodes:
            raise DocumentRefused(f"more than {LIMITS.nodes} lines")
        self.at = 0
        self.comment: list[str] = []
        self.count = 1

    def sections(self) -> list[Section]:
        section = Section(DEFAULT)
        done = [section]
        while self.at < len(self.lines):
            line = self.next()
            if ordinary := _ORDINARY(line):
                self.put(section, *ordinary.groups())
                continue
            line = line.lstrip(SPACE)
            if not line:
                continue
            if line[0] in "#;":
                self.comment.append(line + "\n")
            elif line[0] == "[":
                section = self.header(line)
                done.append(section)
            else:
                self.key(section, line)
        return done

    def next(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]

    def refuse(self, what: str) -> DocumentRefused:
        return DocumentRefused(f"line {self.at}: {what}")

    def take_comment(self) -> str:
        text = "".join(self.comment).strip(SPACE)
        self.comment.clear()
        return text

    def header(self, line: str) -> Section:
        end = line.rfind("]")
        if end < 0:
            raise self.refuse("a section without a closing bracket")
        if end == 1:
            raise self.refuse("a section without a name")
        self.comment_in(line[end + 1 :])
        self.count = 1
        return Section(line[1:end], self.take_comment())

    def comment_in(self, rest: str) -> None:
        """Keep what follows the first `#` or `;`."""
        start = _first(rest, "#;")
        if start >= 0:
            self.comment.append(rest[start:])

    def key(self, section: Section, line: str) -> None:
        name, rest = self.name(line)
        if name == "-":  # go-ini numbers such keys
            name, self.count = f"#{self.count}", self.count + 1
        value = self.value(rest)
        if not name:
            raise self.refuse("a key without a name")
        self.put(section, name, value)

    def put(self, section: Section, name: str, value: str) -> None:
        comment = self.take_comment() if self.comment else ""
        if name in section.keys:
            section.keys[name].value, section.keys[name].comment = value, comment
        else:
            section.keys[name] = Key(value, comment)

    def name(self, line: str) -> tuple[str, str]:
        """The name of a key, and what follows the sign after it."""
        quote = line[0] if line[0] in '"`' else ""
        if line.startswith(_QUOTES) and len(line) + self.is_broken() > 6:
            quote = _QUOTES
        start = len(quote)
        end = line.find(quote, start) if quote else 0
        if end < 0:
            raise self.refuse("the name of a key without its closing quote")
        sign = _first(line, "=:", end + start)
        if sign < 0:
            raise self.refuse("neither a key with its value nor a section nor a comment")
        if not quote and sign == 0:
            raise self.refuse("a key without a name")
        return (line[start:end] if quote else line[:sign]).strip(SPACE), line[sign + 1 :]

    def value(self, rest: str) -> str:
        line = rest.lstrip(SPACE)
        if not line:
            return ""
        quote = _QUOTES if line.startswith(_QUOTES) and len(line) + self.is_broken() > 3 else "`" * (line[0] == "`")
        if quote:
            end = line.rfind(quote, len(quote))
            return line[len(quote) : end] if end >= 0 else self.lines_until(quote, line[len(quote) :])
        line = line.rstrip(SPACE)
        if line[-1] == "\\":
            return self.continued(line[:-1])
        start = _first(line, "#;")
        if start >= 0:
            self.comment.append(line[start:])
            line = line[:start].strip(SPACE)
        return line[1:-1] if _is_quoted(line, "'") or _is_quoted(line, '"') else line

    def is_broken(self) -> bool:
        """Whether the current line ends in a line break, which go-ini counts as part of it."""
        return self.at < len(self.lines)

    def lines_until(self, quote: str, begun: str) -> str:
        """A value of several lines, up to the last such quote of the line that has one."""
        parts = [begun]
        first = self.at
        while self.at < len(self.lines):
            line = self.next()
            end = line.rfind(quote)
            if end < 0 or line[end + len(quote) :].rstrip(SPACE).endswith("\\"):
                parts.append(line)
                continue
            parts.append(line[:end])
            start = _first(line, "#;", end)
            if start >= 0:
                self.comment.append(line[start:].strip(SPACE))
            return "\n".join(parts)
        self.at = first
        raise self.refuse("a value of several lines without its closing quote")

    def continued(self, begun: str) -> str:
        """A value whose lines end in backslashes."""
        parts = [begun]
        while self.at < len(self.lines):
            line = self.next().strip(SPACE)
            if not line.endswith("\\"):
                parts.append(line)
                break
            parts.append(line[:-1])
        return "".join(parts)


def _first(text: str, characters: str, start: int = 0) -> int:
    """Where the first of two characters is, -1 where there is none."""
    found = [at for at in (text.find(character, start) for character in characters) if at >= 0]
    return min(found, default=-1)


def _is_quoted(line: str, quote: str) -> bool:
    """Whether a quote surrounds the line and is nowhere inside."""
    return len(line) >= 2 and line[0] == quote and line.find(quote, 1) == len(line) - 1
