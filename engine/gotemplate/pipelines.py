"""Reading pipelines: declarations, commands and their operands.

Source: Go 1.26 text/template/parse parse.go, node.go.
"""

from collections.abc import Container

from engine.gotemplate import constants
from engine.gotemplate.cursor import Cursor, Stop, named
from engine.gotemplate.errors import Refused
from engine.gotemplate.lexer import Kind, Token
from engine.gotemplate.nodes import Chain, Command, Constant, Dot, Field, Nil, Node, Number, Pipeline, Variable, Word

_MOST_VARIABLES = 1_000
"""At one place; finding one costs going through them."""
_OPERANDS = frozenset(
    {Kind.WORD, Kind.DOT, Kind.VARIABLE, Kind.FIELD, Kind.BOOL, Kind.CHARACTER, Kind.NUMBER, Kind.STRING, Kind.LEFT}
)


class PipelineReader(Cursor):
    """Reads the pipelines of a template and keeps in mind what they may name."""

    def __init__(self, found: list[Token], functions: Container[str], nesting: int) -> None:
        super().__init__(found, nesting)
        self.functions = functions
        self.called: set[str] = set()
        """The functions that were named."""
        self.variables = ["$"]

    def pipeline(self, where: str, end: Kind) -> Pipeline:
        result = Pipeline(self.peek_solid().line)
        self.declarations(result, where)
        while (token := self.next_solid()).kind is not end:
            if token.kind not in _OPERANDS and token[:2] != (Kind.KEYWORD, "nil"):
                raise Stop(token, f"unexpected {named(token)} in {where}")
            self.place -= 1
            result.commands.append(self.command())
        if not result.commands:
            raise Stop(token, f"missing value for {where}")
        for stage, command in enumerate(result.commands[1:], 2):
            if isinstance(command.first, Constant | Number | Dot | Nil):
                raise Stop(token, f"non executable command in pipeline stage {stage}")
        return result

    def declarations(self, pipeline: Pipeline, where: str) -> None:
        """`$x :=`, `$x =`, and in a range also `$i, $x :=`."""
        while (variable := self.peek_solid()).kind is Kind.VARIABLE:
            start = self.place
            self.next()
            sign = self.peek_solid()
            if sign.kind not in {Kind.ASSIGN, Kind.DECLARE, Kind.COMMA}:
                self.place = start
                return
            self.next()
            if len(self.variables) > _MOST_VARIABLES:
                raise Stop(variable, f"more than {_MOST_VARIABLES} variables")
            pipeline.variables.append(variable.text)
            self.variables.append(variable.text)
            if sign.kind is not Kind.COMMA:
                pipeline.is_assignment = sign.kind is Kind.ASSIGN
                return
            if where != "range" or len(pipeline.variables) > 1:
                raise Stop(variable, f"too many declarations in {where}")
            if self.peek_solid().kind not in {Kind.VARIABLE, Kind.CLOSE, Kind.RIGHT}:
                raise Stop(variable, "range can only initialize variables")

    def command(self) -> Command:
        operands: list[Node] = []
        token = self.peek_solid()
        while True:
            self.peek_solid()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            after = self.next()
            if after.kind is Kind.SPACE:
                continue
            if after.kind in {Kind.CLOSE, Kind.RIGHT}:
                self.place -= 1
            elif after.kind is not Kind.PIPE:
                raise Stop(after, f"unexpected {named(after)} in operand")
            break
        if not operands:
            raise Stop(token, "empty command")
        return Command(token.line, operands[0], operands[1:])

    def operand(self) -> Node | None:
        """A term with the fields after it; None when none begins here."""
        token = self.peek()
        node = self.term()
        names: list[bytes] = []
        while node is not None and self.peek().kind is Kind.FIELD:
            names.append(self.next().text[1:].encode())
        if not names:
            return node
        if isinstance(node, Field | Variable):
            node.names.extend(names)
            return node
        if isinstance(node, Constant | Number | Nil | Dot):
            raise Stop(token, "unexpected . after a term")
        return None if node is None else Chain(token.line, node, names)

    def term(self) -> Node | None:
        token = self.next_solid()
        line = token.line
        match token.kind:
            case Kind.WORD:
                if token.text not in self.functions:
                    raise Stop(token, f'function "{token.text}" not defined')
                self.called.add(token.text)
                return Word(line, token.text)
            case Kind.DOT:
                return Dot(line)
            case Kind.KEYWORD if token.text == "nil":
                return Nil(line)
            case Kind.VARIABLE:
                if token.text not in self.variables:
                    raise Stop(token, f'undefined variable "{token.text}"')
                return Variable(line, token.text, [])
            case Kind.FIELD:
                return Field(line, [token.text[1:].encode()])
            case Kind.BOOL:
                return Constant(line, token.text == "true")
            case Kind.NUMBER | Kind.CHARACTER:
                return self.number(token)
            case Kind.STRING:
                return Constant(line, self.string(token))
            case Kind.LEFT:
                self.enter(token)
                inside = self.pipeline("parenthesized pipeline", Kind.RIGHT)
                self.nesting += 1
                return inside
        self.place -= token.kind is not Kind.END
        return None

    def string(self, token: Token) -> bytes:
        try:
            return constants.string(token.text)
        except Refused as problem:
            raise Stop(token, str(problem)) from None

    def number(self, token: Token) -> Number:
        try:
            if token.kind is Kind.CHARACTER:
                code = constants.character(token.text)
                return Number(token.line, code, code, float(code), decimal=False)
            return _number(token.line, token.text)
        except Refused as problem:
            raise Stop(token, str(problem)) from None


def _number(line: int, text: str) -> Number:
    if text.endswith("i"):
        raise Refused("complex numbers are not supported")
    signed, unsigned = constants.signed(text), constants.unsigned(text)
    if signed == 0:
        unsigned = 0  # for -0
    is_hexadecimal = len(text) > 2 and text[:2] in {"0x", "0X"} and not set("pP") & set(text)
    decimal = not is_hexadecimal and bool(set(".eEpP") & set(text))
    integer = unsigned if signed is None else signed
    if integer is not None:
        return Number(line, signed, unsigned, float(integer), decimal=decimal)
    floating = constants.floating(text)
    if floating is None:
        raise Refused("illegal number syntax")
    if not set(".eEpP") & set(text):
        raise Refused("integer overflow")
    whole = int(floating) if floating.is_integer() else None
    signed = whole if whole is not None and -(1 << 63) <= whole < 1 << 63 else None
    unsigned = whole if whole is not None and 0 <= whole < 1 << 64 else None
    return Number(line, signed, unsigned, floating, decimal=decimal)
