"""The verbs of fmt.Sprintf with their flags, width and precision, over all values.

Source: Go 1.26 fmt print.go and format.go.
"""

from engine.gotemplate import floats
from engine.gotemplate.directives import Directive, Flags
from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.quoting import can_backquote, is_printable, quote, quote_rune
from engine.gotemplate.values import SIGNED, UNSIGNED, Struct, Value, is_nil, runes, type_of, unrunes

_DEPTH = 60
"""Lists and maps inside each other; one that contains itself would have no end."""
_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_FLOAT_VERBS = {"v": ("g", -1), "g": ("g", -1), "G": ("G", -1), "b": ("b", -1), "x": ("x", -1), "X": ("X", -1)} | {
    "f": ("f", 6), "F": ("f", 6), "e": ("e", 6), "E": ("E", 6)
}  # fmt: skip


class Printer:
    """Prints values one after the other. Every method may raise Refused when the limits are passed."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.parts: list[bytes] = []
        self.length = 0
        self.flags = Flags()
        self.is_complaining = False

    def result(self) -> bytes:
        return b"".join(self.parts)

    def write(self, piece: bytes) -> None:
        self.length += len(piece)
        if self.length > self.meter.limits.output:
            self.meter.size(self.length)
        self.parts.append(piece)

    # The format

    def format(self, text: bytes, values: list[Value]) -> None:
        place, number, is_reordered = 0, 0, False
        while place < len(text):
            start = text.find(b"%", place)
            if start < 0:
                self.write(text[place:])
                break
            self.write(text[place:start])
            self.meter.spend(STEP)
            directive = Directive(text, start + 1, number, values)
            self.flags = directive.flags
            for complaint in directive.complaints:
                self.write(complaint)
            place, number = directive.place, directive.number
            is_reordered = is_reordered or directive.is_reordered
            if directive.verb is None:
                self.write(b"%!(NOVERB)")
                break
            number = self.directive(directive, values)
        if not is_reordered and number < len(values):
            self.extra(values[number:])

    def directive(self, directive: Directive, values: list[Value]) -> int:
        """Print the value of one directive; returns the number of the next value."""
        verb, number, flags = directive.verb or "", directive.number, directive.flags
        if verb == "%":
            self.write(b"%")
        elif directive.has_bad_number:
            self.write(b"%!" + unrunes(verb) + b"(BADINDEX)")
        elif number >= len(values):
            self.write(b"%!" + unrunes(verb) + b"(MISSING)")
        else:
            if verb in {"v", "w"}:
                flags.sharp_v, flags.sharp = flags.sharp, False
                flags.plus_v, flags.plus = flags.plus, False
            self.argument(values[number], verb)
            number += 1
        return number

    def extra(self, values: list[Value]) -> None:
        self.flags = Flags()
        self.write(b"%!(EXTRA ")
        for place, value in enumerate(values):
            self.write(b", " if place else b"")
            if value is None:
                self.write(b"<nil>")
            else:
                self.write(type_of(value).name.encode() + b"=")
                self.argument(value, "v")
        self.write(b")")

    # Values

    def argument(self, value: Value, verb: str, depth: int = 0) -> None:
        """Print one value under a verb."""
        self.meter.spend(STEP)
        if depth > _DEPTH:
            raise Refused("a value that is too deep to print")
        kind = type_of(value).kind
        if value is None and depth:
            self.write(b"interface {}(nil)" if self.flags.sharp_v else b"<nil>")
        elif value is None:
            self.pad(b"<nil>") if verb in {"T", "v"} else self.bad(value, verb)
        elif verb == "T" and not depth:
            self.string(type_of(value).name.encode(), "s")
        elif verb == "p" and not depth:
            self.pointer(value, verb)
        elif verb == "w":
            self.bad(value, verb)
        elif not self.by_method(value, verb):
            if kind == "slice":
                self.sequence(value, verb, depth)
            elif kind == "map":
                self.mapping(value, verb, depth)
            elif isinstance(value, Struct):
                self.struct(value, verb, depth)
            else:
                self.scalar(value, verb, kind)

    def scalar(self, value: Value, verb: str, kind: str) -> None:
        if kind == "string":
            self.string(value, verb)
        elif kind == "bool":
            self.pad(b"true" if value else b"false") if verb in {"t", "v"} else self.bad(value, verb)
        elif kind == "float64":
            self.floating(value, verb)
        elif kind in SIGNED or kind in UNSIGNED:
            self.integer(int(value), verb, value, is_unsigned=kind in UNSIGNED)
        else:
            raise Refused("a value that cannot be printed so")

    def by_method(self, value: Value, verb: str) -> bool:
        """Let a String or GoString method speak, where there is one and the verb allows it."""
        if self.is_complaining:
            return False
        if self.flags.sharp_v:
            method = getattr(value, "go_text", None)
        else:
            method = getattr(value, "text", None) if verb in {"v", "s", "x", "X", "q"} else None
        said: bytes | None = method() if method is not None else None
        if said is not None:
            self.string(said, "s" if self.flags.sharp_v else verb)
        return said is not None

    def bad(self, value: Value, verb: str) -> None:
        """`%!verb(type=value)`."""
        self.is_complaining = True
        self.write(b"%!" + unrunes(verb) + b"(")
        if value is None:
            self.write(b"<nil>")
        else:
            self.write(type_of(value).name.encode() + b"=")
            self.argument(value, "v")
        self.write(b")")
        self.is_complaining = False

    def pointer(self, value: Value, verb: str) -> None:
        if type_of(value).kind in {"slice", "map", "ptr"}:
            raise Refused("%p, which would print an address")
        self.bad(value, verb)

    def sequence(self, value: list[Value], verb: str, depth: int) -> None:
        sharp = self.flags.sharp_v
        if sharp:
            self.write(type_of(value).name.encode() + (b"(nil)" if is_nil(value) else b"{"))
            if is_nil(value):
                return
        else:
            self.write(b"[")
        for place, item in enumerate(value):
            if place:
                self.write(b", " if sharp else b" ")
            self.argument(item, verb, depth + 1)
        self.write(b"}" if sharp else b"]")

    def mapping(self, value: dict[bytes, Value], verb: str, depth: int) -> None:
        sharp = self.flags.sharp_v
        if sharp:
            self.write(type_of(value).name.encode() + (b"(nil)" if is_nil(value) else b"{"))
            if is_nil(value):
                return
        else:
            self.write(b"map[")
        for place, key in enumerate(sorted(value)):
            if place:
                self.write(b", " if sharp else b" ")
            self.argument(key, verb, depth + 1)
            self.write(b":")
            self.argument(value[key], verb, depth + 1)
        self.write(b"}" if sharp else b"]")

    def struct(self, value: Struct, verb: str, depth: int) -> None:
        if not value.fields:
            raise Refused("a value that cannot be printed so")
        sharp = self.flags.sharp_v
        self.write((type_of(value).name.encode() if sharp else b"") + b"{")
        for place, name in enumerate(value.fields):
            if place:
                self.write(b", " if sharp else b" ")
            if sharp or self.flags.plus_v:
                self.write(name.encode() + b":")
            self.argument(getattr(value, name.lower()), verb, depth + 1)
        self.write(b"}")

    # Scalars

    def pad(self, text: bytes, *, zeros: bool = True) -> None:
        """Write a text with spaces, or zeros, up to the width."""
        flags = self.flags
        lacking = (flags.width or 0) - len(runes(text))
        if lacking <= 0:
            self.write(text)
            return
        filling = (b"0" if zeros and flags.zero and not flags.minus else b" ") * lacking
        self.write(text + filling if flags.minus else filling + text)

    def string(self, text: bytes, verb: str) -> None:
        flags = self.flags
        if verb == "v":
            verb = "q" if flags.sharp_v else "s"
        if verb in {"x", "X"}:
            self.hexadecimal(text, verb)
            return
        if verb not in {"s", "q"}:
            self.bad(text, verb)
            return
        if flags.precision is not None:
            text = unrunes(runes(text)[: flags.precision])
        if verb == "s":
            self.pad(text)
        elif flags.sharp and can_backquote(text):
            self.pad(b"`" + text + b"`")
        else:
            self.pad(quote(text, ascii_only=flags.plus))

    def hexadecimal(self, text: bytes, verb: str) -> None:
        flags = self.flags
        text = text if flags.precision is None else text[: flags.precision]
        lead = (b"0" + verb.encode()) if flags.sharp else b""
        if flags.space:
            made = b" ".join(lead + b"%02x" % byte for byte in text)
        else:
            made = (lead if text else b"") + text.hex().encode()
        self.pad(made.upper() if verb == "X" else made)

    def integer(self, number: int, verb: str, value: Value, *, is_unsigned: bool) -> None:
        flags = self.flags
        if verb in {"c", "q", "U"}:
            code = number % (1 << 64)
            if verb == "U":
                self.unicode(code)
            elif verb == "q":
                self.pad(quote_rune(code, ascii_only=flags.plus))
            else:
                self.pad((chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd").encode())
            return
        if verb not in _BASES:
            self.bad(value, verb)
            return
        if verb == "v" and flags.sharp_v and is_unsigned:
            self.pad(b"0x%x" % number)
            return
        self.digits(number, verb)

    def digits(self, number: int, verb: str) -> None:
        flags = self.flags
        if flags.precision == 0 and number == 0:
            self.write(b" " * (flags.width or 0))
            return
        sign = "-" if number < 0 else "+" if flags.plus else " " if flags.space else ""
        least = flags.precision or 0
        if flags.precision is None and flags.zero and not flags.minus and flags.width is not None:
            least = flags.width - len(sign)
        body = f"{abs(number):{_BASES[verb]}}".rjust(least, "0")
        if flags.sharp:
            if verb in {"b", "x", "X"}:
                body = f"0{verb}{body}"
            elif verb in {"o", "O"} and body[0] != "0":
                body = "0" + body
        if verb == "O":
            body = "0o" + body
        self.pad((sign + body).encode(), zeros=False)

    def unicode(self, code: int) -> None:
        text = f"U+{code:0{max(self.flags.precision or 0, 4)}X}"
        if self.flags.sharp and is_printable(code):
            text += f" '{chr(code)}'"
        self.pad(text.encode(), zeros=False)

    def floating(self, value: float, verb: str) -> None:
        flags = self.flags
        if verb not in _FLOAT_VERBS:
            self.bad(value, verb)
            return
        style, precision = _FLOAT_VERBS[verb]
        precision = precision if flags.precision is None else flags.precision
        text = floats.text(value, style, precision)
        text = text if text[0] in "+-" else "+" + text
        if flags.space and text[0] == "+" and not flags.plus:
            text = " " + text[1:]
        if text[1] in "IN":
            if text[1] == "N" and not flags.space and not flags.plus:
                text = text[1:]
            self.pad((text[1:] if text[0] == "+" and not flags.plus else text).encode(), zeros=False)
            return
        if flags.sharp and verb != "b":
            text = _with_point(text, verb, precision)
        if not flags.plus and text[0] == "+":
            self.pad(text[1:].encode())
        elif flags.zero and not flags.minus and flags.width is not None and flags.width > len(text):
            self.write((text[0] + text[1:].rjust(flags.width - 1, "0")).encode())
        else:
            self.pad(text.encode())


def _with_point(text: str, verb: str, precision: int) -> str:
    """The # flag: always a decimal point, and for %g the zeros after it."""
    digits = (6 if precision == -1 else precision) if verb in {"v", "g", "G", "x"} else 0
    mark = "pP" if verb in {"x", "X"} else "eEpP"
    cut = next((place for place, character in enumerate(text) if character in mark), len(text))
    number, tail = text[:cut], text[cut:]
    significant = number[1:].replace(".", "").replace("x", "").replace("X", "").lstrip("0")
    if verb in {"x", "X"}:
        significant = number[1:].replace(".", "").lstrip("0")
    digits -= len(significant)
    if "." not in number:
        digits -= number[1:] == "0"
        number += "."
    return number + "0" * max(digits, 0) + tail
