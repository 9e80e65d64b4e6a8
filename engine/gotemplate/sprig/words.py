"""Upper and lower case, words, and lines of a width.

Source: Go strings.go, sprig strings.go, Masterminds/goutils wordutils.go, huandu/xstrings 1.5.0 convert.go.
"""

from unicodedata import category

from engine.gotemplate.limits import Meter
from engine.gotemplate.sprig.strings import SPACES
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import clean_runes

_SLOW = 300
_TO_SPACE = dict.fromkeys(map(ord, SPACES), " ")


def upper_rune(rune: str) -> str:
    """Go's unicode.ToUpper: one character for one, where Python may give several."""
    raised = rune.upper()
    return raised if len(raised) == 1 else title_rune(rune)


def lower_rune(rune: str) -> str:
    lowered = rune.lower()
    return lowered if len(lowered) == 1 else lowered[0]


def title_rune(rune: str) -> str:
    raised = rune.title()
    return raised if len(raised) == 1 else rune


def upper(text: bytes) -> bytes:
    return text.upper() if text.isascii() else "".join(map(upper_rune, clean_runes(text))).encode()


def lower(text: bytes) -> bytes:
    return text.lower() if text.isascii() else "".join(map(lower_rune, clean_runes(text))).encode()


def _title(text: bytes) -> bytes:
    """strings.Title: the first letter of each word; a word begins after anything but letters, digits and _."""
    before = " "
    made: list[str] = []
    for rune in clean_runes(text):
        made.append(title_rune(rune) if _separates(before) else rune)
        before = rune
    return "".join(made).encode()


def _separates(rune: str) -> bool:
    if rune < "\x80":
        return not (rune.isalnum() or rune == "_")
    return rune in SPACES and not rune.isalnum()


def _untitle(text: bytes) -> bytes:
    starts = True
    made: list[str] = []
    for rune in clean_runes(text):
        is_space = rune in SPACES
        made.append(lower_rune(rune) if starts and not is_space else rune)
        starts = is_space
    return "".join(made).encode()


def _swap_case(text: bytes) -> bytes:
    """Lower case becomes title case at the start of a word and upper case elsewhere."""
    after_space = True
    made: list[str] = []
    for rune in clean_runes(text):
        kind = category(rune)
        if kind in {"Lu", "Lt"}:
            made.append(lower_rune(rune))
            after_space = False
        elif kind == "Ll":
            made.append(title_rune(rune) if after_space else upper_rune(rune))
            after_space = False
        else:
            made.append(rune)
            after_space = rune in SPACES
    return "".join(made).encode()


def _without_spaces(text: bytes) -> bytes:
    """The original takes each byte for a character, which shows when it finds a space among other than ASCII."""
    kept = "".join(rune for rune in text.decode("latin-1") if rune not in SPACES)
    return text if len(kept) == len(text) else kept.encode()


def _initials(text: bytes) -> bytes:
    """Of each word; bytes taken for characters once more."""
    spaced = text.decode("latin-1").translate(_TO_SPACE)
    return "".join(word[0] for word in spaced.split(" ") if word).encode()


def _wrap(text: bytes, width: int, line_break: bytes, *, cuts_words: bool, meter: Meter) -> bytes:
    """Lines of at most so many bytes where spaces allow it; longer words are cut or left."""
    width = max(width, 1)
    parts: list[bytes] = []
    offset = 0
    while len(text) - offset > width:
        meter.spend(1_000 + width)
        if text[offset : offset + 1] == b" ":
            offset += 1
            continue
        space = text.rfind(b" ", offset, offset + width + 1)
        if space < 0 and cuts_words:
            parts += [text[offset : offset + width], line_break]
            offset += width
            continue
        if space < 0:
            space = text.find(b" ", offset + width)
        if space < 0:
            break
        parts += [text[offset:space], line_break]
        offset = space + 1
    return meter.join(b"", [*parts, text[offset:]])


def _wrap_with(run: Run, width: int, line_break: bytes, text: bytes) -> bytes:
    return _wrap(text, width, line_break or b"\n", cuts_words=True, meter=run.meter)


def _wrap_words(run: Run, width: int, text: bytes) -> bytes:
    return _wrap(text, width, b"\n", cuts_words=False, meter=run.meter)


FUNCTIONS: dict[str, Function] = {
    "initials": function("string", _initials, weight=100),
    "lower": function("string", lower, weight=_SLOW),
    "nospace": function("string", _without_spaces, weight=100),
    "swapcase": function("string", _swap_case, weight=_SLOW),
    "title": function("string", _title, weight=_SLOW),
    "untitle": function("string", _untitle, weight=_SLOW),
    "upper": function("string", upper, weight=_SLOW),
    "wrap": function("int, string", _wrap_words, run=True),
    "wrapWith": function("int, string, string", _wrap_with, run=True),
}
