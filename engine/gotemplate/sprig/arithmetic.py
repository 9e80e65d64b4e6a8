"""Arithmetic over anything that can be taken for a number, and lists of numbers.

Source: sprig numeric.go, spf13/cast 1.7.0 caste.go, shopspring/decimal 1.4.0.
"""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from secrets import randbelow

from engine.gotemplate import constants
from engine.gotemplate.errors import Refused
from engine.gotemplate.limits import Meter
from engine.gotemplate.printing import show
from engine.gotemplate.table import Function, Run, function
from engine.gotemplate.values import Int64, Ints, Uint8, Uint32, Uint64, Value, wrap

_EXACT = Context(prec=4_000)
"""More digits than the product of two floats can have; sums and products of more are rounded, as floats are anyway."""
_PLACES = Decimal("1e-16")
"""What shopspring/decimal keeps of a quotient."""
_LEAST = -(1 << 63)
_COUNTED = frozenset({int, Int64, Uint8, Uint32, Uint64})


def integer(value: Value) -> int:
    """cast.ToInt64: what cannot be taken for a number is 0, and so is a fraction in a string."""
    if type(value) in _COUNTED or getattr(value, "counts_as_int", False):
        return wrap(int(value))
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and _LEAST <= value < -_LEAST else _LEAST
    if isinstance(value, bytes):
        return constants.signed(_without_zero_decimals(value.decode("latin-1"))) or 0
    return int(value is True)


def floating(value: Value) -> float:
    """cast.ToFloat64."""
    if type(value) in _COUNTED or getattr(value, "counts_as_int", False):
        return float(int(value))
    if isinstance(value, float):
        return value
    if isinstance(value, bytes):
        return constants.floating(value.decode("latin-1")) or 0.0
    return float(value is True)


def _without_zero_decimals(text: str) -> str:
    stripped = text.rstrip("0")
    return stripped[:-1] if stripped.endswith(".") and stripped != text else text


def _decimal_operation(
    combine: Callable[[Decimal, Decimal], Decimal], first: Value, others: tuple[Value, ...]
) -> float:
    result = _decimal(first)
    for other in others:
        result = combine(result, _decimal(other))
    return float(result) or 0.0  # its zero has no sign


def _decimal(value: Value) -> Decimal:
    number = floating(value)
    if not math.isfinite(number):
        raise Refused("an infinite number")
    return Decimal(repr(number))


def _divide_decimals(first: Decimal, second: Decimal) -> Decimal:
    return _EXACT.divide(first, second).quantize(_PLACES, ROUND_HALF_UP, _EXACT)


def _divide(first: Value, second: Value) -> Int64:
    """Go cuts a quotient towards zero."""
    dividend, divisor = integer(first), integer(second)
    quotient = abs(dividend) // abs(divisor)
    return Int64(wrap(quotient if (dividend < 0) == (divisor < 0) else -quotient))


def _remainder(first: Value, second: Value) -> Int64:
    """It has the sign of the dividend."""
    dividend, divisor = integer(first), integer(second)
    rest = abs(dividend) % abs(divisor)
    return Int64(rest if dividend >= 0 else -rest)


def _product(first: Value, *others: Value) -> Int64:
    result = integer(first)
    for other in others:
        result = wrap(result * integer(other))
    return Int64(result)


def _round_with(rounding: Callable[[float], int], value: float) -> float:
    """math.Ceil and math.Floor, which keep infinities and the sign of zero."""
    return math.copysign(float(rounding(value)), value) if math.isfinite(value) and value else value


def _power_of_ten(exponent: int) -> float:
    """math.Pow(10, exponent), step by step, since Go's last bit is not always the nearest. Source: Go math pow.go."""
    result, result_exponent = 1.0, 0
    base, base_exponent = math.frexp(10.0)
    left = abs(exponent)
    while left:
        if abs(base_exponent) > 1 << 12:
            result_exponent += base_exponent
            break
        if left & 1:
            result *= base
            result_exponent += base_exponent
        base *= base
        base_exponent *= 2
        if base < 0.5:
            base += base
            base_exponent -= 1
        left >>= 1
    if exponent < 0:
        result, result_exponent = 1 / result, -result_exponent
    try:
        return math.ldexp(result, result_exponent)
    except OverflowError:
        return math.inf


def _round(value: Value, places: int, *rest: float) -> float:
    power = _power_of_ten(places)
    digit = power * floating(value)
    fraction = math.modf(digit)[0] if not math.isinf(digit) else math.nan
    rounded = _round_with(math.ceil if fraction >= (rest[0] if rest else 0.5) else math.floor, digit)
    if power == 0:
        return math.nan if rounded == 0 or math.isnan(rounded) else math.copysign(math.inf, rounded)
    return rounded / power


def _extreme(better: Callable[[float, float], bool], limit: float, first: Value, others: tuple[Value, ...]) -> float:
    """math.Max and math.Min: the limit beats NaN, and NaN the rest."""
    result = floating(first)
    for other in others:
        number = floating(other)
        if limit in (result, number):
            result = limit
        elif math.isnan(result) or math.isnan(number):
            result = math.nan
        elif result == number == 0:
            result = number if better(math.copysign(1, number), math.copysign(1, result)) else result
        else:
            result = number if better(number, result) else result
    return result


def steps(start: int, stop: int, step: int, meter: Meter) -> Ints:
    """From start towards stop, which is left out; nothing when the step leads the other way."""
    if (step >= 0) if stop < start else (step <= 0):
        return Ints()
    count = len(range(start, stop, step))
    meter.items(count)
    return Ints(range(start, stop, step))


def _sequence(run: Run, *bounds: int) -> bytes:
    """Like the program seq, which counts from 1 and includes the end; as text."""
    if not 1 <= len(bounds) <= 3:
        return b""
    start, end = (1, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[-1])
    past = -1 if end < start else 1
    if len(bounds) == 3 and past < 0 < bounds[1]:
        return b""
    numbers = steps(start, wrap(end + past), bounds[1] if len(bounds) == 3 else past, run.meter)
    return run.meter.join(b" ", [b"%d" % number for number in numbers])


def _random(least: int, end: int) -> int:
    return least + randbelow(end - least)


def _octal(run: Run, value: Value) -> Int64:
    return Int64(constants.signed(show(value, run.meter).decode("latin-1"), 8) or 0)


FUNCTIONS: dict[str, Function] = {
    "add": function("...any", lambda *values: Int64(wrap(sum(map(integer, values))))),
    "add1": function("any", lambda value: Int64(wrap(integer(value) + 1))),
    "add1f": function("any", lambda value: _decimal_operation(_EXACT.add, value, (1,))),
    "addf": function("...any", lambda *values: _decimal_operation(_EXACT.add, 0.0, values)),
    "atoi": function("string", lambda text: constants.clipped(text.decode("latin-1"))),
    "biggest": function("any, ...any", lambda *values: Int64(max(map(integer, values)))),
    "ceil": function("any", lambda value: _round_with(math.ceil, floating(value))),
    "div": function("any, any", _divide),
    "divf": function("any, ...any", lambda first, *rest: _decimal_operation(_divide_decimals, first, rest)),
    "float64": function("any", floating),
    "floor": function("any", lambda value: _round_with(math.floor, floating(value))),
    "int": function("any", integer),
    "int64": function("any", lambda value: Int64(integer(value))),
    "max": function("any, ...any", lambda *values: Int64(max(map(integer, values)))),
    "maxf": function("any, ...any", lambda first, *rest: _extreme(float.__gt__, math.inf, first, rest)),
    "min": function("any, ...any", lambda *values: Int64(min(map(integer, values)))),
    "minf": function("any, ...any", lambda first, *rest: _extreme(float.__lt__, -math.inf, first, rest)),
    "mod": function("any, any", _remainder),
    "mul": function("any, ...any", _product),
    "mulf": function("any, ...any", lambda first, *rest: _decimal_operation(_EXACT.multiply, first, rest)),
    "randInt": function("int, int", _random, volatile=True),
    "round": function("any, int, ...float64", _round),
    "seq": function("...int", _sequence, run=True),
    "sub": function("any, any", lambda first, second: Int64(wrap(integer(first) - integer(second)))),
    "subf": function("any, ...any", lambda first, *rest: _decimal_operation(_EXACT.subtract, first, rest)),
    "toDecimal": function("any", _octal, run=True),
    "until": function("int", lambda run, end: steps(0, end, -1 if end < 0 else 1, run.meter), run=True),
    "untilStep": function(
        "int, int, int", lambda run, start, stop, step: steps(start, stop, step, run.meter), run=True
    ),
}
