"""snake_case, kebab-case and CamelCase.

Source: huandu/xstrings 1.5.0 convert.go, whose way of finding words is followed with all its surprises: a word has a
kind, and where two words meet their kinds decide whether a connector comes between.
"""

from collections.abc import Callable
from enum import Enum
from unicodedata import category

from engine.gotemplate.sprig.strings import SPACES
from engine.gotemplate.sprig.words import lower_rune, upper_rune
from engine.gotemplate.table import Function, function
from engine.gotemplate.values import runes, unrunes

_IDEOGRAPHS = ((0x4E00, 0x9FCC), (0x3400, 0x4D85), (0x20000, 0x2B81D))
_SLOW = 500


class _Kind(Enum):
    NONE = "nothing"
    NUMBER = "digits"
    UPPER = "begins with a capital"
    LETTERS = "small letters"
    CONNECTOR = "-, _ and spaces"
    PUNCTUATION = "punctuation"
    OTHER = "anything else"


_JOINED = frozenset({_Kind.LETTERS, _Kind.NUMBER})
_SILENT = frozenset({_Kind.CONNECTOR, _Kind.PUNCTUATION})


def _is_connector(rune: str) -> bool:
    return rune in {"-", "_"} or rune in SPACES


def _is_upper(rune: str) -> bool:
    return category(rune) == "Lu"


def _is_letter(rune: str) -> bool:
    """A letter, unless it is an ideograph."""
    return category(rune)[0] == "L" and not any(first <= ord(rune) <= last for first, last in _IDEOGRAPHS)


def _is_small(rune: str) -> bool:
    return _is_letter(rune) and not _is_upper(rune)


def _is_number(rune: str) -> bool:
    return category(rune)[0] == "N"


def _is_punctuation(rune: str) -> bool:
    return category(rune)[0] == "P"


def _is_other(rune: str) -> bool:
    return not (_is_connector(rune) or _is_letter(rune) or _is_number(rune) or _is_punctuation(rune))


def _is_broken(rune: str) -> bool:
    """A byte that is no UTF-8, or the character that stands for one."""
    return rune == "\ufffd" or "\ud800" <= rune <= "\udfff"


class _Words:
    """Takes one word after the other from a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def left(self) -> bool:
        return self.place < len(self.text)

    def next(self) -> tuple[_Kind, str]:
        """The next word; broken characters in it belong to it and count as the character before them."""
        start, kind = self.place, _Kind.NONE
        first, size = self.rune("\ufffd")
        self.place += size
        if size and not _is_broken(first):
            kind = self.rest(first)
        return kind, self.text[start : self.place]

    def rune(self, before: str) -> tuple[str, int]:
        for size, rune in enumerate(self.text[self.place :], 1):
            if not _is_broken(rune):
                return rune, size
        return before, len(self.text) - self.place

    def run(self, before: str, fits: Callable[[str], bool]) -> tuple[str, int]:
        """Pass over what fits; returns the character that ended it and the size of the last one that fitted."""
        last, rune = 0, before
        while self.left():
            rune, size = self.rune(rune)
            if not fits(rune):
                break
            last = size
            self.place += size
        return rune, last

    def rest(self, first: str) -> _Kind:
        """Pass over what belongs to a word that begins so; returns its kind."""
        if _is_upper(first):
            self.capital(first)
            return _Kind.UPPER
        for kind, begins, continues in (
            (_Kind.CONNECTOR, _is_connector, _is_connector),
            (_Kind.PUNCTUATION, _is_punctuation, _is_punctuation),
            (_Kind.LETTERS, _is_letter, _is_small),
            (_Kind.NUMBER, _is_number, _is_number),
        ):
            if begins(first):
                self.run(first, continues)
                return kind
        self.run(first, _is_other)
        return _Kind.OTHER

    def capital(self, first: str) -> None:
        """`HTTPStatus` gives `HTTP`, `Status` gives itself."""
        if not self.left():
            return
        rune, size = self.rune(first)
        if _is_upper(rune):
            self.place += size
            after, last = self.run(rune, _is_upper)
            if self.left() and _is_letter(after):
                self.place -= last or size
        elif _is_letter(rune):
            self.place += size
            self.run(rune, _is_small)


class _Connected:
    """Puts words down one after the other, with connectors between them."""

    def __init__(self, text: str, connector: str) -> None:
        self.words = _Words(text)
        self.connector = connector
        self.made: list[str] = []
        self.kind, self.word = self.words.next()

    def result(self) -> str:
        while self.words.left():
            if self.kind is not _Kind.CONNECTOR:
                self.put(self.kind, self.word)
            self.meet(*self.advance())
        self.put(self.kind, self.word)
        return "".join(self.made)

    def advance(self) -> tuple[_Kind, str]:
        """Go to the next word; returns the one before."""
        before = self.kind, self.word
        self.kind, self.word = self.words.next()
        return before

    def put(self, kind: _Kind, word: str) -> None:
        is_lowered = kind in {_Kind.UPPER, _Kind.CONNECTOR}
        self.made.append(_lowered(word, self.connector) if is_lowered else word)

    def connect(self) -> None:
        """A connector before the present word, unless that is one or is punctuation."""
        if self.kind not in _SILENT:
            self.made.append(self.connector)

    def meet(self, before: _Kind, last: str) -> None:
        """What comes between a word and the present one."""
        if before is _Kind.NUMBER:
            self.put_joined()
        elif before is _Kind.CONNECTOR:
            self.put(before, last)
        elif before is not _Kind.PUNCTUATION and self.kind is not _Kind.NUMBER:
            self.connect()
        elif before is not _Kind.PUNCTUATION and self.words.left():
            self.digits()

    def digits(self) -> None:
        """Digits belong to the word before them, unless small letters follow: `http_2xx`, `bld4_floor`."""
        _, digits = self.advance()
        if self.kind is _Kind.LETTERS:
            self.made.append(self.connector)
            self.put(_Kind.NUMBER, digits)
            self.put_joined()
        else:
            self.put(_Kind.NUMBER, digits)
            self.connect()

    def put_joined(self) -> None:
        """Small letters and digits go together."""
        while self.kind in _JOINED:
            self.put(*self.advance())
        if self.kind is not _Kind.NONE:
            self.connect()


def _connected(text: bytes, connector: str) -> bytes:
    return unrunes(_Connected(runes(text), connector).result())


def _lowered(word: str, connector: str) -> str:
    return "".join(
        connector
        if _is_connector(rune)
        else "\ufffd"
        if _is_broken(rune)
        else lower_rune(rune)
        if _is_upper(rune)
        else rune
        for rune in word
    )


def _camel(text: bytes) -> bytes:
    """Connectors at the start stay; each other one goes, and the next letter becomes a capital."""
    decoded = "".join("\ufffd" if _is_broken(rune) else rune for rune in runes(text))
    body = decoded.lstrip("-_" + SPACES)
    made = [decoded[: len(decoded) - len(body)]]
    if not body:
        return (decoded + decoded[-1:]).encode()  # the last one comes twice
    capital = _is_upper(body[0])
    rune = upper_rune(body[0])
    for following in body[1:]:
        before, rune = rune, following
        if _is_connector(rune) and _is_connector(before):
            made.append(before)
        elif _is_connector(before):
            capital = _is_upper(rune)
            rune = upper_rune(rune)
        else:
            if capital and _is_upper(rune):
                rune = lower_rune(rune)
            elif capital:
                capital = False
            made.append(before)
    return "".join([*made, rune]).encode()


FUNCTIONS: dict[str, Function] = {
    "camelcase": function("string", _camel, weight=_SLOW),
    "kebabcase": function("string", lambda text: _connected(text, "-"), weight=_SLOW),
    "snakecase": function("string", lambda text: _connected(text, "_"), weight=_SLOW),
}
