"""What pipelines and their parts stand for: variables, fields, calls.

Source: Go 1.26 text/template exec.go.
"""

from enum import Enum

from engine.gotemplate import arguments
from engine.gotemplate.errors import Refused, TemplateError
from engine.gotemplate.limits import STEP
from engine.gotemplate.methods import method
from engine.gotemplate.nodes import (
    Chain,
    Command,
    Constant,
    Dot,
    Field,
    Nil,
    Node,
    Number,
    Pipeline,
    Variable,
    Word,
)
from engine.gotemplate.table import Function, Run, Table
from engine.gotemplate.values import NOTHING, Struct, Value, truth


class _Absent(Enum):
    """The argument that a pipeline's first stage gets from before it."""

    ABSENT = 0


ABSENT = _Absent.ABSENT


class Expressions:
    """Evaluates expressions. Methods raise TemplateError, or Refused for the line that is being evaluated."""

    def __init__(self, name: str, functions: Table, run: Run) -> None:
        self.name = name
        self.functions = functions
        self.run = run
        self.meter = run.meter
        self.depth = 0
        self.line = 1
        self.variables: list[tuple[str, Value]] = []

    def failure(self, what: str) -> TemplateError:
        return TemplateError(self.name, self.line, what)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > self.meter.limits.depth:
            raise Refused("blocks, parentheses or templates too deep inside each other")

    def assign(self, name: str, value: Value) -> None:
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise Refused(f'undefined variable "{name}"')

    def variable(self, name: str) -> Value:
        self.meter.spend(20 * len(self.variables))
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise Refused(f'undefined variable "{name}"')

    def pipeline(self, pipeline: Pipeline, dot: Value) -> Value:
        self.enter()
        value: Value = ABSENT
        for command in pipeline.commands:
            value = self.command(command, dot, value)
            if value is None:
                value = NOTHING
        self.depth -= 1
        for name in pipeline.variables:
            if pipeline.is_assignment:
                self.assign(name, value)
            else:
                self.variables.append((name, value))
        return value

    def command(self, command: Command, dot: Value, final: Value) -> Value:
        self.meter.spend(STEP)
        self.line = command.line
        first, rest = command.first, command.arguments
        if type(first) is Word:
            return self.call(first, rest, dot, final)
        if isinstance(first, Field | Variable | Chain) and first.names:
            return self.fields(first, rest, dot, final)
        if rest or final is not ABSENT:
            raise Refused("an argument for something that is no function")
        if isinstance(first, Nil):
            raise Refused("nil is not a command")
        return self.value(first, dot)

    def value(self, node: Node, dot: Value) -> Value:
        """What a node stands for where no type is asked for."""
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Field | Chain):
            return self.fields(node, [], dot, ABSENT)
        if isinstance(node, Variable):
            return self.fields(node, [], dot, ABSENT) if node.names else self.variable(node.name)
        if isinstance(node, Dot):
            return dot
        if isinstance(node, Word):
            return self.call(node, [], dot, ABSENT)
        if isinstance(node, Pipeline):
            return self.pipeline(node, dot)
        if isinstance(node, Number):
            return arguments.ideal(node)
        raise Refused("fields of nil")

    def fields(self, node: Field | Variable | Chain, rest: list[Node], dot: Value, final: Value) -> Value:
        """A chain of fields; the last of them may be a method, which gets the arguments."""
        if isinstance(node, Field):
            value = dot
        elif isinstance(node, Variable):
            value = self.variable(node.name)
        else:
            value = self.value(node.node, dot)
        for name in node.names[:-1]:
            value = self.field(value, name, [], dot, ABSENT)
        return self.field(value, node.names[-1], rest, dot, final)

    def field(self, value: Value, name: bytes, rest: list[Node], dot: Value, final: Value) -> Value:
        if value is NOTHING:
            return NOTHING
        if isinstance(value, dict):
            if rest or final is not ABSENT:
                raise Refused("an argument for something that is no function")
            return value.get(name, NOTHING)
        if value is None:
            raise Refused("a field of nil")
        text = name.decode()
        found = method(value, text)
        if found is not None:
            return self.apply(text, found, rest, dot, final)
        if isinstance(value, Struct) and text in value.fields and not rest and final is ABSENT:
            return getattr(value, text.lower())
        raise Refused("a field of a value that has none of this name")

    def call(self, word: Word, rest: list[Node], dot: Value, final: Value) -> Value:
        name = word.name
        found = self.functions[name]
        if name in {"and", "or"} and rest:
            return self.logic(name, rest, dot, final)
        return self.apply(name, found, rest, dot, final)

    def logic(self, name: str, rest: list[Node], dot: Value, final: Value) -> Value:
        """`and` and `or` stop at the argument that decides."""
        value: Value = NOTHING
        for node in rest:
            value = self.argument(node, "value", dot)
            if truth(value) == (name == "or"):
                return value
        return value if final is ABSENT else final

    def apply(self, name: str, called: Function, rest: list[Node], dot: Value, final: Value) -> Value:
        given = len(rest) + (final is not ABSENT)
        fixed = called.parameters
        if given < len(fixed) or (called.rest is None and given > len(fixed)):
            raise Refused(f'wrong number of arguments for "{name}"')
        line = self.line
        try:
            values = [self.argument(node, _type(called, place), dot) for place, node in enumerate(rest)]
            if final is not ABSENT:
                values.append(arguments.fit(final, _type(called, len(rest))))
        except Refused as reason:
            raise self.failure(f'"{name}": {reason}') from None
        self.line = line
        return self.result(name, called, values)

    def argument(self, node: Node, wanted: str, dot: Value) -> Value:
        if isinstance(node, Constant | Number | Nil):
            return arguments.constant(node, wanted)
        return arguments.fit(self.value(node, dot), wanted)

    def result(self, name: str, called: Function, values: list[Value]) -> Value:
        """Call a function. Go turns its panics into errors, and so do we; what they say may hold a value."""
        size = sum(len(value) for value in values if isinstance(value, bytes | list | dict))
        self.meter.spend(STEP + called.price + called.weight * size)
        try:
            value = called.body(self.run, *values) if called.wants_run else called.body(*values)
            if isinstance(value, bytes):
                self.meter.size(len(value))
        except Refused as reason:
            raise self.failure(f'calling "{name}" failed: {reason}') from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise self.failure(f'calling "{name}" failed') from None
        return value


def _type(called: Function, place: int) -> str:
    return called.parameters[place] if place < len(called.parameters) else called.rest or ""
