"""What a template consists of once it is parsed."""


class Node:
    """Anything that stands somewhere; `line` counts from 1."""

    __slots__ = ("line",)

    def __init__(self, line: int) -> None:
        self.line = line


class Constant(Node):
    """A string or a boolean."""

    __slots__ = ("value",)

    def __init__(self, line: int, value: bytes | bool) -> None:
        super().__init__(line)
        self.value = value


class Number(Node):
    """A number, under each type that can hold it; None where one cannot."""

    __slots__ = ("decimal", "floating", "signed", "unsigned")

    def __init__(
        self, line: int, signed: int | None, unsigned: int | None, floating: float | None, *, decimal: bool
    ) -> None:
        super().__init__(line)
        self.signed = signed
        self.unsigned = unsigned
        self.floating = floating
        self.decimal = decimal
        """Whether it is written as a float64: with a point or an exponent."""


class Nil(Node):
    """The word `nil`."""

    __slots__ = ()


class Dot(Node):
    """The value that the template is at."""

    __slots__ = ()


class Field(Node):
    """`.a.b`, fields of the value that the template is at."""

    __slots__ = ("names",)

    def __init__(self, line: int, names: list[bytes]) -> None:
        super().__init__(line)
        self.names = names


class Variable(Node):
    """`$x.a.b`, a variable and possibly fields of it."""

    __slots__ = ("name", "names")

    def __init__(self, line: int, name: str, names: list[bytes]) -> None:
        super().__init__(line)
        self.name = name
        self.names = names


class Chain(Node):
    """`(pipeline).a.b` or `function.a.b`."""

    __slots__ = ("names", "node")

    def __init__(self, line: int, node: Node, names: list[bytes]) -> None:
        super().__init__(line)
        self.node = node
        self.names = names


class Word(Node):
    """The name of a function, which is called where it stands."""

    __slots__ = ("name",)

    def __init__(self, line: int, name: str) -> None:
        super().__init__(line)
        self.name = name


class Command(Node):
    """One stage of a pipeline: what it begins with and the arguments after that."""

    __slots__ = ("arguments", "first")

    def __init__(self, line: int, first: Node, arguments: list[Node]) -> None:
        super().__init__(line)
        self.first = first
        self.arguments = arguments


class Pipeline(Node):
    """`$i, $x := command | command`."""

    __slots__ = ("commands", "is_assignment", "variables")

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.commands: list[Command] = []
        self.variables: list[str] = []
        self.is_assignment = False
        """`=` sets variables that exist, `:=` makes new ones."""


class Text(Node):
    """What is copied as it stands."""

    __slots__ = ("value",)

    def __init__(self, line: int, value: bytes) -> None:
        super().__init__(line)
        self.value = value


class Action(Node):
    """`{{ pipeline }}`, whose value is printed unless it declares variables."""

    __slots__ = ("pipeline",)

    def __init__(self, line: int, pipeline: Pipeline) -> None:
        super().__init__(line)
        self.pipeline = pipeline


class Branch(Node):
    """What `if`, `with` and `range` have in common."""

    __slots__ = ("body", "otherwise", "pipeline")

    def __init__(self, line: int, pipeline: Pipeline, body: list[Node], otherwise: list[Node]) -> None:
        super().__init__(line)
        self.pipeline = pipeline
        self.body = body
        self.otherwise = otherwise


class If(Branch):
    """`{{ if pipeline }} body {{ else }} otherwise {{ end }}`."""

    __slots__ = ()


class With(Branch):
    """Like `if`, and the body is at the pipeline's value."""

    __slots__ = ()


class Range(Branch):
    """The body once for each item of the pipeline's value."""

    __slots__ = ()


class Break(Node):
    """`{{ break }}`."""

    __slots__ = ()


class Continue(Node):
    """`{{ continue }}`."""

    __slots__ = ()


class Invoke(Node):
    """`{{ template "name" pipeline }}`."""

    __slots__ = ("name", "pipeline")

    def __init__(self, line: int, name: bytes, pipeline: Pipeline | None) -> None:
        super().__init__(line)
        self.name = name
        self.pipeline = pipeline
