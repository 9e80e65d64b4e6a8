"""Numbers as Go prints them, so that what we write is what kubectl and kubeseal would write.

Python and Go agree on the shortest digits that read back as the same number; they differ in when an exponent is used.
"""

from math import copysign, inf, isinf, isnan

INT_MIN = -(2**63)
UINT_END = 2**64
"""Go's integers end here: from here on a number is a float."""

_EXACT = 10**15


def json_text(value: float) -> str:
    """A float as encoding/json prints it: an exponent below 1e-6 and from 1e21, and `1` for 1.0.

    Source: Go encoding/json encode.go, floatEncoder.encode. The value must be finite.
    """
    digits, point = _decimal(repr(abs(value)))
    sign = "-" if copysign(1, value) < 0 else ""
    if 1e-6 <= abs(value) < 1e21 or value == 0:
        return sign + _positional(digits, point)
    return f"{sign}{_scientific(digits)}e{point - 1:+d}"


def json_value(value: float) -> int | float:
    """The number that a JSON reader gets from Go's text of a float: an int where that text has no fraction."""
    if -_EXACT < value < _EXACT and value.is_integer():
        return int(value)
    text = json_text(value)
    return value if "." in text or "e" in text else int(text)


def yaml_text(value: float) -> str:
    """A float as go-yaml prints it: an exponent below 1e-4 and from 1e6 on.

    Source: Go strconv ftoa.go, format 'g' with the shortest precision, as yaml.v2 encode.go floatv uses it.
    """
    return _general(repr(abs(value)), value < 0)


def positional_text(value: float) -> str:
    """A float without an exponent, however large or small: `FormatFloat` with format 'f'. The value must be finite."""
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    return ("-" if value < 0 else "") + _positional(*_decimal(repr(abs(value))))


def key_text(value: float) -> str:
    """A float as sigs.k8s.io/yaml turns it into a key: like `yaml_text`, but of the nearest 32-bit number.

    Source: sigs.k8s.io/yaml yaml.go, convertToJSONableObject; infinities and NaN become `.inf` and `.nan` there.
    """
    import struct

    try:
        (value,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        value = copysign(inf, value)
    if isnan(value):
        return ".nan"
    if isinf(value):
        return ".inf" if value > 0 else "-.inf"
    # The fewest digits from which a 32-bit reader gets the value again; 9 are always enough.
    texts = (f"{abs(value):.{digits}e}" for digits in range(9))
    shortest = next(text for text in texts if struct.pack("f", float(text)) == struct.pack("f", abs(value)))
    return _general(shortest, copysign(1, value) < 0)


def _general(text: str, negative: bool) -> str:
    digits, point = _decimal(text)
    sign = "-" if negative else ""
    if -4 < point <= 6 or digits == "0":
        return sign + _positional(digits, point)
    return f"{sign}{_scientific(digits)}e{point - 1:+03d}"


def _decimal(text: str) -> tuple[str, int]:
    """Digits without zeros around them, and where the point is: the number is 0.DIGITS times ten to the POINT."""
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return digits.rstrip("0") or "0", point if digits else 1


def _positional(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def _scientific(digits: str) -> str:
    return digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
