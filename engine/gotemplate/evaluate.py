"""Walking the trees of a template: Go's text/template over the values of `values`.

Source: Go 1.26 text/template exec.go.
"""

from enum import Enum
from typing import cast

from engine.gotemplate.errors import Refused
from engine.gotemplate.expressions import Expressions
from engine.gotemplate.limits import STEP
from engine.gotemplate.nodes import Action, Branch, Break, Continue, Invoke, Node, Pipeline, Range, Text, With
from engine.gotemplate.parser import Trees
from engine.gotemplate.printing import show
from engine.gotemplate.table import Run, Table
from engine.gotemplate.values import NOTHING, SIGNED, UNSIGNED, Value, truth, type_of


class _Jump(Enum):
    """How a list of nodes ended."""

    NONE = 0
    BREAK = 1
    CONTINUE = 2


class Evaluator(Expressions):
    """One rendering. `render` raises TemplateError."""

    def __init__(self, name: str, trees: Trees, functions: Table, run: Run) -> None:
        super().__init__(name, functions, run)
        self.trees = trees
        self.output: list[bytes] = []
        self.room = run.meter.limits.output

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

    def write(self, piece: bytes) -> None:
        self.room -= len(piece)
        if self.room < 0:
            raise Refused(f"the output has more than {self.meter.limits.output} bytes")
        self.output.append(piece)

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
            pairs: list[tuple[Value, Value]] = list(enumerate(value))
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
