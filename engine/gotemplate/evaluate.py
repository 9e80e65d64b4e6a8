"""Walking the trees of a template: Go's text/template over the values of `values`.

Source: Go 1.26 text/template exec.go.
"""

from enum import Enum
from typing import cast

from engine.gotemplate import arguments
from engine.gotemplate.errors import Refused, TemplateError
from engine.gotemplate.limits import STEP
from engine.gotemplate.methods import method
from engine.gotemplate.nodes import (
    Action,
    Branch,
    Break,
    Chain,
    Command,
    Constant,
    Continue,
    Dot,
    Field,
    Invoke,
    Nil,
    Node,
    Number,
    Pipeline,
    Range,
    Text,
    Variable,
    With,
    Word,
)
from engine.gotemplate.parser import Trees
from engine.gotemplate.printing import show
from engine.gotemplate.table import Function, Run, Table
from engine.gotemplate.values import NOTHING, SIGNED, UNSIGNED, Struct, Value, truth, type_of


class _Jump(Enum):
    """How a list of nodes ended."""

    NONE = 0
    BREAK = 1
    CONTINUE = 2


class _Absent(Enum):
    """The argument that a pipeline's first stage gets from before it."""

    ABSENT = 0


ABSENT = _Absent.ABSENT


class Evaluator:
    """One rendering. All methods raise TemplateError."""

    def __init__(self, name: str, trees: Trees, functions: Table, run: Run) -> None:
        self.name = name
        self.trees = trees
        self.functions = functions
        self.run = run
        self.meter = run.meter
        self.output: list[bytes] = []
        self.room = run.meter.limits.output
        self.depth = 0
        self.line = 1
        self.variables: list[tuple[str, Value]] = []

    def render(self, root: bytes, data: Value) -> bytes:
        """The output of one of the trees."""
        self.variables = [("$", data)]
        try:
            self.walk(self.trees[root], data)
        except Refused as reason:
            raise self.failure(str(reason)) from None
        except RecursionError:
            raise self.failure("too much inside of each other") from None
        return b"".join(self.output)

    def failure(self, what: str) -> TemplateError:
        return TemplateError(self.name, self.line, what)

    def enter(self) -> None:
        self.depth += 1
        if self.depth > self.meter.limits.depth:
            raise Refused("blocks, parentheses or templates too deep inside each other")

    def write(self, piece: bytes) -> None:
        self.room -= len(piece)
        if self.room < 0:
            raise Refused(f"the output has more than {self.meter.limits.output} bytes")
        self.output.append(piece)

    # Statements

    def walk(self, nodes: list[Node], dot: Value) -> _Jump:
        for node in nodes:
            self.line = node.line
            self.meter.spend(STEP)
            kind = type(node)
            if kind is Text:
                self.write(cast(Text, node).value)
            elif kind is Action:
                pipeline = cast(Action, node).pipeline
                value = self.pipeline(pipeline, dot)
                if not pipeline.variables:
                    self.write(b"<no value>" if value is NOTHING else show(value, self.meter))
            elif isinstance(node, Branch):
                jump = self.branch(node, dot)
                if jump is not _Jump.NONE:
                    return jump
            elif kind is Invoke:
                self.invoke(cast(Invoke, node), dot)
            elif kind is Break:
                return _Jump.BREAK
            elif kind is Continue:
                return _Jump.CONTINUE
        return _Jump.NONE

    def branch(self, node: Branch, dot: Value) -> _Jump:
        mark = len(self.variables)
        self.enter()
        if isinstance(node, Range):
            jump = self.loop(node, dot)
        else:
            value = self.pipeline(node.pipeline, dot)
            if truth(value):
                jump = self.walk(node.body, value if isinstance(node, With) else dot)
            else:
                jump = self.walk(node.otherwise, dot)
        del self.variables[mark:]
        self.depth -= 1
        return jump

    def loop(self, node: Range, dot: Value) -> _Jump:
        """A break or continue in the body ends here; in the `else` part it belongs to a loop around this one."""
        value = self.pipeline(node.pipeline, dot)
        kind = type_of(value).kind
        if kind == "slice":
            pairs = list(enumerate(value))
        elif kind == "map":
            pairs = [(key, value[key]) for key in sorted(value)]
        elif kind in SIGNED or kind in UNSIGNED:
            if len(node.pipeline.variables) > 1:
                raise Refused("an integer cannot be ranged over with two variables")
            self.meter.spend(max(int(value), 0) * STEP)
            pairs = [(NOTHING, type(value)(number)) for number in range(value)]
        elif value is NOTHING:
            pairs = []
        else:
            raise Refused("range can't iterate over a value of this type")
        mark = len(self.variables)
        for key, item in pairs:
            self.set_loop_variables(node.pipeline, mark, key, item)
            self.meter.spend(STEP)
            jump = self.walk(node.body, item)
            del self.variables[mark:]
            if jump is _Jump.BREAK:
                break
        return _Jump.NONE if pairs else self.walk(node.otherwise, dot)

    def set_loop_variables(self, pipeline: Pipeline, mark: int, key: Value, item: Value) -> None:
        names = pipeline.variables
        values = [key, item][2 - len(names) :]
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            if pipeline.is_assignment:
                self.assign(name, value)
            else:
                self.variables[mark - len(names) + place] = (name, value)

    def invoke(self, node: Invoke, dot: Value) -> None:
        body = self.trees.get(node.name)
        if body is None:
            raise Refused("the template to invoke is not defined")
        value = NOTHING if node.pipeline is None else self.pipeline(node.pipeline, dot)
        outer, self.variables = self.variables, [("$", value)]
        self.enter()
        self.walk(body, value)
        self.depth -= 1
        self.variables = outer

    def assign(self, name: str, value: Value) -> None:
        for place in range(len(self.variables) - 1, -1, -1):
            if self.variables[place][0] == name:
                self.variables[place] = (name, value)
                return
        raise Refused(f'undefined variable "{name}"')

    def variable(self, name: str) -> Value:
        for known, value in reversed(self.variables):
            if known == name:
                return value
        raise Refused(f'undefined variable "{name}"')

    # Expressions

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
            return self.apply(text, found, rest, dot, final, value)
        if isinstance(value, Struct) and text in value.fields and not rest and final is ABSENT:
            return getattr(value, text.lower())
        raise Refused("a field of a value that has none of this name")

    # Calls

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

    def apply(
        self, name: str, called: Function, rest: list[Node], dot: Value, final: Value, receiver: Value = ABSENT
    ) -> Value:
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
        return self.result(name, called, values, receiver)

    def argument(self, node: Node, wanted: str, dot: Value) -> Value:
        if isinstance(node, Constant | Number | Nil):
            return arguments.constant(node, wanted)
        return arguments.fit(self.value(node, dot), wanted)

    def result(self, name: str, called: Function, values: list[Value], receiver: Value) -> Value:
        """Call a function. Go turns its panics into errors, and so do we; what they say may hold a value."""
        size = sum(len(value) for value in values if isinstance(value, bytes | list | dict))
        self.meter.spend(STEP + called.price + called.weight * size)
        leading = [self.run] if called.wants_run else []
        if receiver is not ABSENT:
            leading.append(receiver)
        try:
            value = called.body(*leading, *values)
            if isinstance(value, bytes):
                self.meter.size(len(value))
        except Refused as reason:
            raise self.failure(f'calling "{name}" failed: {reason}') from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise self.failure(f'calling "{name}" failed') from None
        return value


def _type(called: Function, place: int) -> str:
    return called.parameters[place] if place < len(called.parameters) else called.rest or ""
