"""substitute: `${NAME}` in what a build made, from the variables of whoever owns it.

An object is written as YAML, substituted as text, and read again, so that values get their types from what they look
like then: `${port}` becomes a number, and a word like `yes` a boolean. That is Flux's way, and what its users count on.
Source: fluxcd/pkg kustomize/kustomize_varsub.go; sigs.k8s.io/kustomize kyaml/yaml/rnode.go, UnmarshalJSON.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.envsubst.errors import SubstituteError
from engine.envsubst.evaluate import evaluate
from engine.envsubst.limits import Meter
from engine.envsubst.parser import parse
from engine.kube.go_numbers import json_value
from engine.kube.yaml import Dialect, YamlError, read_documents, write

__all__ = ["SubstituteError", "substitute", "substitute_objects"]

Object = dict[str, Any]

_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_EXACT = 2**53  # kustomize reads numbers as 64-bit floats after the substitution


def substitute(text: str, variables: Mapping[str, str], *, strict: bool) -> str:
    """The text with its variables replaced; with `strict` one that is not set is an error, else it is empty.

    Raises: SubstituteError, which names the variable.
    """
    try:
        result = evaluate(parse(text), variables, Meter(), strict=strict)
        return result.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:  # or a value is none that UTF-8 carries
        raise SubstituteError("a substring begins or ends inside a character") from None


def substitute_objects(
    objects: Sequence[Object],
    variables: Mapping[str, str],
    *,
    strict: bool,
    is_exempt: Callable[[Object], bool],
) -> list[Object]:
    """The objects with their variables replaced, keys included, in their order; those that are exempt as they are.

    Line breaks go out of the values first. None of the given objects is changed, and one that cannot change is returned
    itself. Raises: SubstituteError, which names the object and the variable, and never a value.
    """
    values = {name: value.replace("\n", "") for name, value in variables.items()}
    for name in values:
        if not _NAME.fullmatch(name):
            raise SubstituteError(
                f"'{name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'",
                "name variables by letters, digits and underscores only",
            )
    return [obj if is_exempt(obj) or not _may_change(obj) else _substituted(obj, values, strict) for obj in objects]


def _substituted(obj: Object, values: Mapping[str, str], strict: bool) -> Object:
    try:
        text = substitute(write(obj), values, strict=strict)
        read = read_documents(text.encode(), dialect=Dialect.V2, source="after the substitution")
    except SubstituteError as error:
        raise SubstituteError(f"{_shown(obj)}: {error.message}", error.hint) from None
    except YamlError as error:
        raise SubstituteError(
            f"{_shown(obj)}: {error.message}", 'is a value no YAML as it stands? put it in quotes: "${NAME}"'
        ) from None
    value = read[0].value if read else None
    if not isinstance(value, dict):
        raise SubstituteError(f"{_shown(obj)}: after the substitution it is no object any more")
    return {key: _as_float_would_be(item) for key, item in value.items()}


def _may_change(obj: Object) -> bool:
    """Whether writing, substituting and reading may give another object: only a `$`, and numbers that are no plain
    integers, can make it so."""
    stack: list[Any] = [obj]
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind is str:
            if "$" in item:
                return True
        elif kind is dict:
            stack.extend(item)
            stack.extend(item.values())
        elif kind is list:
            stack.extend(item)
        elif kind is float or (kind is int and not -_EXACT <= item <= _EXACT):
            return True
    return False


def _as_float_would_be(item: Any) -> Any:
    """A value whose integers went through a 64-bit float, as in the original."""
    if type(item) is int and not -_EXACT <= item <= _EXACT:
        return json_value(float(item))
    if isinstance(item, dict):
        return {key: _as_float_would_be(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_as_float_would_be(value) for value in item]
    return item


def _shown(obj: Object) -> str:
    """The object as `Kind/namespace/name`, from what it was before the substitution."""
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return "/".join(str(part) for part in (obj.get("kind"), metadata.get("namespace"), metadata.get("name")) if part)
