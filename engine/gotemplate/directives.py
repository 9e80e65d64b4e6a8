"""What a format of fmt.Sprintf asks for, one directive after the other. Source: Go 1.26 fmt print.go, doPrintf."""

from engine.gotemplate.values import SIGNED, UNSIGNED, Value, runes, type_of, unrunes

_TOO_LARGE = 1_000_000
"""Widths and precisions beyond which fmt ignores them."""


class Flags:
    """What stands between % and the verb."""

    __slots__ = ("minus", "plus", "plus_v", "precision", "sharp", "sharp_v", "space", "width", "zero")

    def __init__(self) -> None:
        self.minus = self.plus = self.sharp = self.space = self.zero = False
        self.plus_v = self.sharp_v = False
        """`%+v` and `%#v`, which mean something else than the flags alone."""
        self.width: int | None = None
        self.precision: int | None = None


class Directive:
    """One directive of a format: its flags, its verb, and which value it takes."""

    __slots__ = ("complaints", "flags", "has_bad_number", "is_reordered", "number", "place", "text", "values", "verb")

    def __init__(self, text: bytes, place: int, number: int, values: list[Value]) -> None:
        self.text = text
        self.place = place
        self.number = number
        self.values = values
        self.flags = Flags()
        self.complaints: list[bytes] = []
        self.has_bad_number = self.is_reordered = False
        self.verb: str | None = None
        self.read()

    def read(self) -> None:
        flags, text = self.flags, self.text
        names = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}
        while (character := self.peek()) in names:
            setattr(flags, names[character], True)
            self.place += 1
        after_index = self.index()
        if self.peek() == "*":
            flags.width = self.starred(b"%!(BADWIDTH)")
            if flags.width is not None and flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            after_index = False
        else:
            flags.width = self.decimal()
            if after_index and flags.width is not None:
                self.has_bad_number = True
        if self.peek() == "." and self.place + 1 < len(text):
            self.place += 1
            self.has_bad_number = self.has_bad_number or after_index
            after_index = self.index()
            if self.peek() == "*":
                flags.precision = self.starred(b"%!(BADPREC)", least=0)
                after_index = False
            else:
                flags.precision = self.decimal() or 0
        if not after_index:
            self.index()
        if self.place < len(text):
            self.verb = runes(text[self.place : self.place + 4])[0]
            self.place += len(unrunes(self.verb))

    def peek(self) -> str:
        return chr(self.text[self.place]) if self.place < len(self.text) else ""

    def decimal(self) -> int | None:
        """A number, if one stands here. One that is too large ends the format, as in Go."""
        start = self.place
        while "0" <= self.peek() <= "9":
            self.place += 1
            if self.place - start > 7 and int(self.text[start : self.place - 1]) > _TOO_LARGE:
                self.place = len(self.text)
                return None
        return int(self.text[start : self.place]) if self.place > start else None

    def starred(self, complaint: bytes, least: int | None = None) -> int | None:
        """A width or precision that is itself a value."""
        self.place += 1
        value: Value = self.values[self.number] if self.number < len(self.values) else None
        self.number += self.number < len(self.values)
        kind = type_of(value).kind
        found = int(value) if kind in SIGNED | UNSIGNED and abs(int(value)) <= _TOO_LARGE else None
        if found is not None and least is not None and found < least:
            found = None
        if found is None:
            self.complaints.append(complaint)
        return found

    def index(self) -> bool:
        """`[3]`, the number of a value; returns whether a proper one stood here."""
        if self.peek() != "[":
            return False
        self.is_reordered = True
        end = self.text.find(b"]", self.place + 1)
        if end < 0 or len(self.text) - self.place < 3:
            self.place += 1
            self.has_bad_number = True
            return False
        digits = self.text[self.place + 1 : end]
        self.place = end + 1
        proper = digits.isdigit() and len(digits) < 9
        if proper and 1 <= int(digits) <= len(self.values):
            self.number = int(digits) - 1
        else:
            self.has_bad_number = True
        return proper
