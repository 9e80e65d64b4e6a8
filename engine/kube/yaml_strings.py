"""How a string is written in YAML: as libyaml's emitter writes it in go-yaml, to the byte.

Two kinds of strings are written otherwise, in double quotes, so that every reader gets them back: `<<` (which go-yaml
leaves plain and then takes for a merge), and those with the line separators of Unicode (which only YAML 1.1 folds).
"""

from engine.kube import timestamps
from engine.kube.yaml_scalars import NUMERIC, WORDS, Dialect, number

WIDTH = 80
"""Column after which a line is folded at its next space (emitterc.go, best_width)."""

# No character here means anything to YAML where it stands, except for what `is_simple` looks at.
_SIMPLE = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+:,@;()~$^"
_SIMPLE_STARTS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.+$()=;^~")
_PRINTABLE = bytes([0x0A, *range(0x20, 0x7F)])
_WORDS = WORDS[Dialect.V2]  # a superset of what the other dialect takes for something else than a string
_INDICATORS = frozenset("#,[]{}&*!|>'\"%@`")
_SEPARATORS = frozenset("\u2028\u2029")
_BREAKS = frozenset("\n\r\x85\u2028\u2029")
_ESCAPES = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip


def is_long_key(key: str) -> bool:
    """Whether a key needs the form `? KEY`. Source: emitterc.go, yaml_emitter_check_simple_key."""
    return (len(key) > 32 and len(key.encode()) > 128) or not _BREAKS.isdisjoint(key)


def is_foldable(text: str) -> bool:
    """Whether how a string is written depends on where it stands."""
    return " " in text or "\n" in text


def written(text: str, indent: int, column: int | None) -> str:
    """The string as it follows `key:` or `-`, without the space between; of several lines when it holds or needs them.

    `indent` is that of the surrounding mapping or list, `column` where the string begins; None for a key, which is
    never folded. Raises: ValueError for half a surrogate pair, which no encoding carries.
    """
    if is_simple(text):
        return text if is_string(text) else f'"{text}"'
    if not _are_printable(text) or not _SEPARATORS.isdisjoint(text):
        return double_quoted(text, indent, column)
    if "\n" in text:
        if " \n" in text or text[-1] == " " or column is None:
            return double_quoted(text, indent, column)
        return _literal(text, indent)
    if not is_string(text):
        return double_quoted(text, indent, column)
    if is_plain(text):
        return _folded(text, indent, column) if column is not None else text
    quoted = text.replace("'", "''")
    return f"'{_folded(quoted, indent, column + 1) if column is not None else quoted}'"


def is_simple(text: str) -> bool:
    """The quick answer for most strings: nothing in it that YAML looks at."""
    return (
        text[:1] in _SIMPLE_STARTS
        and text.isascii()
        and not text.encode().translate(None, _SIMPLE)
        and text[-1] != ":"
        and text[:3] != "..."
    )


def is_string(text: str) -> bool:
    """Whether all readers take the string for one when it has no quotes."""
    if text[:1] not in NUMERIC:
        return text not in _WORDS and text != "<<"
    return number(text) is None and not timestamps.is_one(text) and not (":" in text and _is_sexagesimal(text))


def _is_sexagesimal(text: str) -> bool:
    """Base 60, as old YAML readers know it: `1:30`, `190:20:30.15`. Source: yaml.v2 encode.go, base60float."""
    whole, *places = (text[1:] if text[0] in "+-" else text).split(":")
    places[-1], _, fraction = places[-1].partition(".")
    return (
        text.isascii()
        and whole[:1].isdigit()
        and not (whole + fraction).strip("0123456789_")
        and all(place.isdigit() and (len(place) == 1 or (len(place) == 2 and place[0] < "6")) for place in places)
    )


def _are_printable(text: str) -> bool:
    """Whether go-yaml writes a string as it is. Raises: ValueError."""
    if text.isascii():
        return not text.encode().translate(None, _PRINTABLE)
    return all(map(is_printable, text))


def is_printable(character: str) -> bool:
    """Source: yamlprivateh.go, is_printable, by which nothing beyond the basic plane is. Raises: ValueError."""
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("half a surrogate pair cannot be written")
    return 0x20 <= code <= 0x7E or code == 0x0A or (0xA0 <= code <= 0xFFFD and code != 0xFEFF)


def is_plain(text: str) -> bool:
    """Whether a printable line can do without quotes. Source: emitterc.go, yaml_emitter_analyze_scalar."""
    first, second = text[0], text[1:2]
    if first in _INDICATORS or (first in "-?:" and second in ("", " ")):
        return False
    return not (
        " " in (first, text[-1]) or text[:3] in ("---", "...") or text[-1] == ":" or ": " in text or " #" in text
    )


def _literal(text: str, indent: int) -> str:
    """`|` with what it says about leading spaces and final line breaks; the last line break is left to the caller."""
    lines = text.split("\n")
    chomping = "-"
    if lines[-1] == "":
        lines.pop()
        chomping = "+" if lines[-1] == "" else ""
    pad = " " * (indent + 2)
    hint = "2" if text[0] in " \n" else ""
    return "\n".join([f"|{hint}{chomping}", *(pad + line if line else "" for line in lines)])


def double_quoted(text: str, indent: int, column: int | None) -> str:
    escaped = text.translate(_Escaping())
    return f'"{escaped if column is None else _folded(escaped, indent, column + 1, marked=True)}"'


class _Escaping(dict[int, str]):
    """What a character is between double quotes, by its code."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in _ESCAPES:
            return _ESCAPES[character]
        if is_printable(character):
            return character
        if code <= 0xFF:
            return f"\\x{code:02X}"
        return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _folded(text: str, indent: int, column: int, *, marked: bool = False) -> str:
    """Break lines at single spaces beyond WIDTH; in double quotes (`marked`) at the first of several, kept by a `\\`.

    Source: emitterc.go, yaml_emitter_write_plain_scalar and its two quoted sisters.
    """
    lines = []
    mark, start, last = "", 0, len(text) - 1
    at = text.find(" ", max(1, WIDTH + 1 - column))
    while 0 < at < last:
        if text[at - 1] == " " or (text[at + 1] == " " and not marked):
            at = text.find(" ", at + 1)
            continue
        lines.append(mark + text[start:at])
        start = at + 1
        mark = "\\" if text[start] == " " else ""
        at = text.find(" ", start + WIDTH + 1 - (indent + 2 + len(mark)))
    lines.append(mark + text[start:])
    return ("\n" + " " * (indent + 2)).join(lines)
