"""Values as fmt.Sprint prints them. Source: Go fmt print.go."""

from engine.gotemplate import floats
from engine.gotemplate.limits import STEP, Meter
from engine.gotemplate.values import Struct, Value, type_of
from engine.gotemplate.verbs import Printer

_TEXTS = {True: b"true", False: b"false", None: b"<nil>"}


def show(value: Value, meter: Meter) -> bytes:
    """One value under %v, within the limits. Nil is `<nil>`. Raises: Refused."""
    kind = type(value)
    if kind is bytes:
        return bytes(value)
    if kind is bool or value is None:
        return _TEXTS[value]
    if isinstance(value, Struct | list | dict):
        printer = Printer(meter)
        printer.argument(value, "v")
        return printer.result()
    if kind is float:
        return floats.text(value).encode()
    named = getattr(value, "text", None)  # Duration, Month, Weekday: integers with a String method
    return named() if named is not None else b"%d" % value


def sprint(values: list[Value], meter: Meter) -> bytes:
    """fmt.Sprint: a space between two values of which neither is a string."""
    parts: list[bytes] = []
    was_string = True
    for value in values:
        is_string = type_of(value).kind == "string"
        if not is_string and not was_string:
            parts.append(b" ")
        parts.append(show(value, meter))
        was_string = is_string
    return meter.join(b"", parts)


def sprintln(values: list[Value], meter: Meter) -> bytes:
    """fmt.Sprintln: a space between all values, and a line break."""
    return meter.join(b"", [meter.join(b" ", [show(value, meter) for value in values]), b"\n"])


def sprintf(format_: bytes, values: list[Value], meter: Meter) -> bytes:
    """fmt.Sprintf."""
    meter.spend(STEP)
    printer = Printer(meter)
    printer.format(format_, values)
    return printer.result()
