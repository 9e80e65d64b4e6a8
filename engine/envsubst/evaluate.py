"""Putting values in the place of calls. Source: fluxcd/pkg envsubst/template.go."""

from collections.abc import Mapping, Sequence

from engine.envsubst.errors import SubstituteError
from engine.envsubst.functions import DEFAULTS, function
from engine.envsubst.limits import Meter
from engine.envsubst.nodes import Part


def evaluate(parts: Sequence[Part], variables: Mapping[str, str], meter: Meter, *, strict: bool) -> str:
    """The text with its calls replaced. Raises: SubstituteError."""
    return "".join(_evaluated(part, variables, meter, strict) for part in parts)


def _evaluated(part: Part, variables: Mapping[str, str], meter: Meter, strict: bool) -> str:
    if isinstance(part, str):
        meter.grow(len(part))
        return part
    arguments = [_evaluated(argument, variables, meter, strict) for argument in part.arguments]
    value = variables.get(part.parameter)
    if value is None:
        if strict and part.name not in DEFAULTS:
            raise SubstituteError(
                f'variable not set (strict mode): "{part.parameter}"',
                "set it, give it a default (${NAME:=default}), or write $${ for the text itself",
            )
        value = ""
    try:
        result = function(part.name, len(arguments))(value, arguments, meter)
    except SubstituteError as error:
        raise SubstituteError(f'variable "{part.parameter}": {error.message}', error.hint) from None
    meter.grow(len(result))
    return result
