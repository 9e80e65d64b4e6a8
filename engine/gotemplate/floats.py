"""Floats as strconv.FormatFloat prints them; Python agrees on the digits, not on when an exponent is used.

Source: Go strconv ftoa.go.
"""

from math import frexp, isinf, isnan

_SHORTEST_LIMIT = 6
"""The exponent from which the shortest form of a float is printed with one."""


def text(value: float, verb: str = "g", precision: int = -1) -> str:
    """`verb` is one of e E f g G b x X; precision -1 means as many digits as are needed to read the value again."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if verb in {"e", "E", "f"}:
        made = f"{value:.{precision}{verb}}" if precision >= 0 else _shortest(value, verb)
    elif verb in {"g", "G"}:
        made = f"{value:.{precision or 1}g}" if precision >= 0 else _shortest(value, "g")
    elif verb == "b":
        made = _binary(value)
    else:
        made = _hexadecimal(value, precision)
    return made.upper() if verb in {"E", "G", "X"} else made


def _shortest(value: float, verb: str) -> str:
    sign = "-" if str(value)[0] == "-" else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0") or "0"
    if value == 0:
        point = 1
    scientific = verb in {"e", "E"} or (verb == "g" and not -4 <= point - 1 < _SHORTEST_LIMIT)
    if scientific:
        return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{point - 1:+03d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _binary(value: float) -> str:
    """The mantissa as an integer and the power of two."""
    mantissa, exponent = frexp(abs(value))
    power = max(exponent - 53, -1074) if value else -1074
    whole = int(mantissa * 2**53) >> (power - (exponent - 53)) if value else 0
    return f"{'-' if str(value)[0] == '-' else ''}{whole}p{power:+d}"


def _hexadecimal(value: float, precision: int) -> str:
    sign = "-" if str(value)[0] == "-" else ""
    mantissa, exponent = frexp(abs(value))
    whole, power = (int(mantissa * 2**53), exponent - 1) if value else (0, 0)
    digits = 13  # of the 52 bits after the first
    if 0 <= precision < digits:
        drop = 4 * (digits - precision)
        rest, whole = whole & ((1 << drop) - 1), whole >> drop
        whole += rest > 1 << (drop - 1) or (rest == 1 << (drop - 1) and whole & 1)
        digits = precision
        if whole >> (4 * digits + 1):  # rounded up to the next power of two
            whole, power = whole >> 1, power + 1
    first = whole >> 4 * digits
    tail = f"{whole & ((1 << 4 * digits) - 1):0{digits}x}" if digits else ""
    tail = tail.rstrip("0") if precision < 0 else tail.ljust(precision, "0")
    return f"{sign}0x{first:x}{'.' + tail if tail else ''}p{power:+03d}"
