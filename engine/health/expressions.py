"""Expressions in CEL: health of kinds that have no rule of their own, and readiness of what is depended on.

The library is loaded on first use (import 170 ms). It has no bound of its own; engine.health.celtext refuses beforehand
what could take long. Source of the rules: fluxcd/pkg runtime/cel, expression.go, status_evaluator.go, status_reader.go.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Self

from engine.errors import KsealError
from engine.health import celtext
from engine.health.celfunctions import FUNCTIONS, Refused
from engine.health.fields import Misshapen, exact_integer
from engine.health.verdict import Health, Verdict


class ExpressionError(KsealError):
    """An expression is none, or gives no answer. The message has the expression, and never a value of the data."""


class Expression:
    """One expression, compiled; thread-safe."""

    def __init__(self, text: str, *, variables: Collection[str] | None = None) -> None:
        """`variables`: the only names that it may use; any for None. Raises: ExpressionError."""
        self.text = text
        if len(text) > celtext.MAX_LENGTH:
            raise ExpressionError(f"a CEL expression has more than {celtext.MAX_LENGTH} characters")
        references = _compiled(text).references()
        self._shape = celtext.shape_of(text)
        used = frozenset(references["variables"]) - self._shape.bound - _TYPES
        if variables is not None and (strange := used.difference(variables)):
            raise ExpressionError(
                f"failed to parse the CEL expression '{text}': undeclared reference to '{min(strange)}'",
                f"known here: {', '.join(sorted(variables))}",
            )
        self._names = used
        self._functions = {name: FUNCTIONS[name] for name in references["functions"] if name in FUNCTIONS}
        # The conjunction makes the library itself refuse what is no boolean, before it hands out a value of any size.
        self._program = _compiled(f"({text}\n) && true")

    def evaluate(self, variables: Mapping[str, Any]) -> bool:
        """Whether it is true of the data. Raises: ExpressionError."""
        used = {name: variables[name] for name in self._names if name in variables}
        extent = celtext.extent_of(used)
        if extent.is_deep or celtext.steps(self._shape, extent) > celtext.MAX_STEPS:
            raise self._failed("it could take too long on data of this size", "nest fewer all, exists, map and filter")
        from cel import Context

        failures: list[Exception] = []
        functions = {name: _guarded(function, failures) for name, function in self._functions.items()}
        try:
            result = self._program.execute(Context(used, functions))
        except BaseException as error:  # the library raises builtin types, with values in their texts, and its panics
            if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
                raise
            raise self._failed(_reason(error)) from None
        if failures:
            raise self._failed(str(failures[0]) if isinstance(failures[0], Refused) else "no such overload")
        if not isinstance(result, bool):
            raise self._failed("it is no boolean")
        return result

    def _failed(self, reason: str, hint: str | None = None) -> ExpressionError:
        return ExpressionError(f"failed to evaluate the CEL expression '{self.text}': {reason}", hint)


@lru_cache(maxsize=512)
def readiness(text: str) -> Expression:
    """The expression that says whether a dependency is ready, of `self` and `dep`. Raises: ExpressionError."""
    return Expression(text, variables=("self", "dep"))


def evaluate(text: str, variables: Mapping[str, Any]) -> bool:
    """Whether an expression of exactly these variables is true; compiled once. Raises: ExpressionError."""
    return _expression(text, frozenset(variables)).evaluate(variables)


@lru_cache(maxsize=512)
def _expression(text: str, names: frozenset[str]) -> Expression:
    return Expression(text, variables=names)


class _Entry(NamedTuple):
    """The expressions of one kind, in the order in which they are asked."""

    in_progress: Expression | None
    failed: Expression | None
    current: Expression

    def verdict(self, obj: Mapping[str, Any]) -> Verdict:
        try:
            observed, generation = (
                exact_integer(obj, *path) for path in (("status", "observedGeneration"), ("metadata", "generation"))
            )
        except Misshapen:  # some kinds have another type there; the expressions then decide alone
            observed = generation = None
        if observed is not None and generation is not None and observed != generation:
            return Verdict(Health.IN_PROGRESS)
        answers = ((self.in_progress, Health.IN_PROGRESS), (self.failed, Health.FAILED), (self.current, Health.CURRENT))
        for expression, health in answers:
            if expression is not None and expression.evaluate(obj):
                return Verdict(health)
        return Verdict(Health.IN_PROGRESS)


class Expressions:
    """The health expressions of one owner, compiled. Those for a kind go before those for its whole group."""

    def __init__(self, entries: Mapping[tuple[str, str], _Entry]) -> None:
        self._entries = entries

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Self:
        """Entries with apiVersion, kind (empty for all of the group), current, and optionally failed and inProgress.

        Raises: ExpressionError for one that does not compile, has no `current`, or is there twice.
        """
        read: dict[tuple[str, str], _Entry] = {}
        for place, entry in enumerate(entries):
            key = (_group(entry.get("apiVersion")), str(entry.get("kind") or ""))
            if key in read:
                raise ExpressionError(f'healthCheckExprs[{place}]: a second entry for "{".".join(filter(None, key))}"')
            expressions = (_field(entry, place, "inProgress"), _field(entry, place, "failed"), _current(entry, place))
            read[key] = _Entry(*expressions)
        return cls(read)

    def covers(self, group: str, kind: str) -> bool:
        """Whether there is an entry for this kind: it overrides every rule."""
        return (group, kind) in self._entries or (group, "") in self._entries

    def verdict(self, obj: Mapping[str, Any]) -> Verdict | None:
        """The verdict on a whole object; None when no entry covers its kind. UNKNOWN where an expression fails on it,
        with the reason as message."""
        group = _group(obj.get("apiVersion"))
        entry = self._entries.get((group, str(obj.get("kind") or ""))) or self._entries.get((group, ""))
        if entry is None:
            return None
        try:
            return entry.verdict(obj)
        except ExpressionError as error:
            return Verdict(Health.UNKNOWN, error.message)


def _group(api_version: object) -> str:
    group, slash, _ = str(api_version or "").partition("/")
    return group if slash else ""


def _current(entry: Mapping[str, Any], place: int) -> Expression:
    expression = _field(entry, place, "current")
    if expression is None:
        raise ExpressionError(f"healthCheckExprs[{place}]: expression Current not specified")
    return expression


def _field(entry: Mapping[str, Any], place: int, field: str) -> Expression | None:
    text = entry.get(field)
    if not text:
        return None
    try:
        return Expression(str(text))
    except ExpressionError as error:
        raise ExpressionError(f"healthCheckExprs[{place}].{field}: {error.message}", error.hint) from None


def _compiled(text: str) -> Any:
    try:
        from cel import compile as compiled
    except ImportError:
        raise ExpressionError(
            "expressions need the CEL library, which is not installed",
            "install the extra: pip install 'kseal-toolkit[controller]'",
        ) from None
    try:
        return compiled(text)
    except BaseException as error:  # the library raises builtin types, and its panics
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        found = re.search(r"ERROR: <input>:([^\n]*)", str(error))
        reason = found[1] if found else "it is no CEL"
        raise ExpressionError(f"failed to parse the CEL expression '{text}': {reason}") from None


def _guarded(function: Callable[..., Any], failures: list[Exception]) -> Callable[..., Any]:
    """A function that notes its failure instead of raising it, which the library would print."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001  whatever arguments a stranger thought of
            failures.append(error)
            return None

    return call


def _reason(error: BaseException) -> str:
    """Why an evaluation failed, in words that hold no value."""
    unknown = re.match(r"Undefined variable or function: '(\w+)'", str(error))
    if unknown:
        return f"undeclared reference to '{unknown[1]}'"
    if isinstance(error, KeyError):
        return f"no such key: {error.args[0]}"
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    return "it cannot be evaluated on this data"


_PANIC = "PanicException"  # a fault of the library itself; no Exception, and in no module from which it can be had
_TYPES = frozenset(
    {
        "bool",
        "bytes",
        "double",
        "duration",
        "dyn",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "timestamp",
        "type",
        "uint",
    }
)

_REASONS: Mapping[type[Exception], str] = {
    IndexError: "index out of bounds",
    ZeroDivisionError: "division by zero",
    OverflowError: "integer overflow",
    TypeError: "no such overload",
}
