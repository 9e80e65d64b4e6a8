"""The verbs of fmt.Sprintf with their flags, width and precision, over all values.

Source: Go 1.26 fmt print.go and format.go.
"""

from engine.gotemplate import scalars
from engine.gotemplate.directives import Directive, Flags
from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.scalars import padded
from engine.gotemplate.values import SIGNED, UNSIGNED, Struct, Value, is_nil, type_of, unrunes

_DEPTH = 60
"""Lists and maps inside each other; one that contains itself would have no end."""


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
            self.left_over(values[number:])

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

    def left_over(self, values: list[Value]) -> None:
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

    def argument(self, value: Value, verb: str, depth: int = 0) -> None:
        """Print one value under a verb; `depth` counts the lists and maps around it."""
        self.meter.spend(STEP)
        if depth > _DEPTH:
            raise Refused("a value that is too deep to print")
        if value is None:
            self.nil(verb, depth)
        elif verb == "T" and not depth:
            self.write(scalars.string(type_of(value).name.encode(), "s", self.flags) or b"")
        elif verb == "p" and not depth:
            self.pointer(value, verb)
        elif verb == "w":
            self.bad(value, verb)
        elif not self.by_method(value, verb):
            self.plain(value, verb, depth)

    def nil(self, verb: str, depth: int) -> None:
        if depth:
            self.write(b"interface {}(nil)" if self.flags.sharp_v else b"<nil>")
        elif verb in {"T", "v"}:
            self.write(padded(b"<nil>", self.flags))
        else:
            self.bad(None, verb)

    def plain(self, value: Value, verb: str, depth: int) -> None:
        kind = type_of(value).kind
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
            made = scalars.string(value, verb, self.flags)
        elif kind == "bool":
            made = scalars.boolean(value, verb, self.flags)
        elif kind == "float64":
            made = scalars.floating(value, verb, self.flags)
        elif kind in SIGNED or kind in UNSIGNED:
            made = scalars.integer(int(value), verb, self.flags, is_unsigned=kind in UNSIGNED)
        else:
            raise Refused("a value that cannot be printed so")
        if made is None:
            self.bad(value, verb)
        else:
            self.write(made)

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
            self.write(scalars.string(said, "s" if self.flags.sharp_v else verb, self.flags) or b"")
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
