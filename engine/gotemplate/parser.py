"""From tokens to trees: one for the template itself and one for each `define` and `block`.

Source: Go 1.26 text/template/parse parse.go.
"""

from collections.abc import Container

from engine.gotemplate import constants
from engine.gotemplate.errors import Refused, TemplateError
from engine.gotemplate.lexer import BadToken, Kind, Token, tokens
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
    If,
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

Trees = dict[bytes, list[Node]]

_BRANCHES: dict[str, type[Branch]] = {"if": If, "with": With, "range": Range}
_OPERANDS = frozenset(
    {Kind.WORD, Kind.DOT, Kind.VARIABLE, Kind.FIELD, Kind.BOOL, Kind.CHARACTER, Kind.NUMBER, Kind.STRING, Kind.LEFT}
)


class _Stop(Exception):
    """Why the template is wrong, at which token."""

    def __init__(self, token: Token, what: str) -> None:
        super().__init__(what)
        self.line = token.line


def trees(name: str, text: str, functions: Container[str], nesting: int) -> tuple[Trees, set[str]]:
    """The trees by name, and the names of all functions that are called. Raises: TemplateError."""
    try:
        parser = _Parser(tokens(text), functions, nesting)
        parser.template(name.encode(errors="replace"))
    except (BadToken, _Stop) as problem:
        raise TemplateError(name, problem.line, str(problem)) from None
    return parser.trees, parser.called


class _Parser:
    def __init__(self, found: list[Token], functions: Container[str], nesting: int) -> None:
        self.tokens = found
        self.place = 0
        self.functions = functions
        self.trees: Trees = {}
        self.called: set[str] = set()
        self.variables = ["$"]
        self.ranges = 0
        self.nesting = nesting

    # Tokens

    def next(self) -> Token:
        token = self.tokens[self.place]
        self.place += token.kind is not Kind.END
        return token

    def next_solid(self) -> Token:
        """The next token that is no space."""
        while (token := self.next()).kind is Kind.SPACE:
            pass
        return token

    def peek(self) -> Token:
        return self.tokens[self.place]

    def peek_solid(self) -> Token:
        if self.peek().kind is Kind.SPACE:
            self.place += 1
        return self.peek()

    def expect(self, kind: Kind, where: str) -> Token:
        token = self.next_solid()
        if token.kind is not kind:
            raise _Stop(token, f"unexpected {_named(token)} in {where}")
        return token

    def enter(self, token: Token) -> None:
        self.nesting -= 1
        if self.nesting < 0:
            raise _Stop(token, "too many parentheses and blocks inside each other")

    # Text and blocks

    def template(self, name: bytes) -> None:
        root: list[Node] = []
        while (token := self.next()).kind is not Kind.END:
            if token.kind is Kind.OPEN and self.peek_solid()[:2] == (Kind.KEYWORD, "define"):
                self.next()
                self.definition()
            else:
                node = self.item(token)
                if node is None:
                    raise _Stop(token, f"unexpected {{{{{self.ended}}}}}")
                root.append(node)
        self.add(name, root, self.peek())

    def definition(self) -> None:
        name = self.name("define clause")
        self.expect(Kind.CLOSE, "define clause")
        self.tree(name, "define clause")

    def tree(self, name: bytes, where: str) -> None:
        """The body of a define or block, which sees none of the variables around it."""
        outer = self.variables, self.ranges
        self.variables, self.ranges = ["$"], 0
        token = self.peek()
        body = self.items()
        if self.ended != "end":
            raise _Stop(token, f"unexpected {{{{else}}}} in {where}")
        self.add(name, body, token)
        self.variables, self.ranges = outer

    def add(self, name: bytes, body: list[Node], token: Token) -> None:
        """A template may be defined once, but for empty definitions."""
        present = self.trees.get(name)
        if present is None or _is_empty(present):
            self.trees[name] = body
        elif not _is_empty(body):
            raise _Stop(token, "a template is defined twice")

    ended = ""
    """What ended the last list of items: `end` or `else`."""

    def items(self) -> list[Node]:
        """Everything up to and with an {{end}} or {{else}}; of an `else if` the `if` is still to come."""
        found: list[Node] = []
        self.enter(self.peek())
        while (token := self.next_solid()).kind is not Kind.END:
            node = self.item(token)
            if node is None:
                self.nesting += 1
                return found
            found.append(node)
        raise _Stop(token, "unexpected end of the template")

    def item(self, token: Token) -> Node | None:
        """A piece of text or an action; None for {{end}} and {{else}}."""
        if token.kind is Kind.TEXT:
            return Text(token.line, token.text.encode())
        if token.kind is not Kind.OPEN:
            raise _Stop(token, f"unexpected {_named(token)}")
        first = self.peek_solid()
        if first.kind is not Kind.KEYWORD or first.text == "nil":
            return Action(first.line, self.pipeline("command", Kind.CLOSE))
        self.next()
        word = first.text
        if word in _BRANCHES:
            return self.branch(word, first)
        if word in {"break", "continue"}:
            return self.jump(word, first)
        if word in {"template", "block"}:
            return self.invocation(word, first)
        if word == "define":
            raise _Stop(first, "unexpected define inside of another block")
        self.ended = word
        if word == "end" or self.peek_solid()[:2] not in ((Kind.KEYWORD, "if"), (Kind.KEYWORD, "with")):
            self.expect(Kind.CLOSE, word)
        return None

    def jump(self, word: str, token: Token) -> Node:
        self.expect(Kind.CLOSE, f"{{{{{word}}}}}")
        if not self.ranges:
            raise _Stop(token, f"{{{{{word}}}}} outside of {{{{range}}}}")
        return Break(token.line) if word == "break" else Continue(token.line)

    def branch(self, word: str, token: Token) -> Branch:
        declared = len(self.variables)
        pipeline = self.pipeline(word, Kind.CLOSE)
        self.ranges += word == "range"
        body = self.items()
        self.ranges -= word == "range"
        otherwise: list[Node] = []
        if self.ended == "else":
            follows = self.peek()
            if follows.kind is Kind.KEYWORD and follows.text == word != "range":
                self.next()
                self.enter(follows)
                otherwise = [self.branch(word, follows)]
                self.nesting += 1
            else:
                otherwise = self.items()
                if self.ended != "end":
                    raise _Stop(token, "expected {{end}}, found {{else}}")
        del self.variables[declared:]
        return _BRANCHES[word](token.line, pipeline, body, otherwise)

    def invocation(self, word: str, token: Token) -> Invoke:
        where = f"{word} clause"
        name = self.name(where)
        pipeline = None
        if word == "block" or self.peek_solid().kind is not Kind.CLOSE:
            pipeline = self.pipeline(where, Kind.CLOSE)
        else:
            self.next()
        if word == "block":
            self.tree(name, where)
        return Invoke(token.line, name, pipeline)

    def name(self, where: str) -> bytes:
        return self.string(self.expect(Kind.STRING, where))

    # Pipelines

    def pipeline(self, where: str, end: Kind) -> Pipeline:
        result = Pipeline(self.peek_solid().line)
        self.declarations(result, where)
        while (token := self.next_solid()).kind is not end:
            if token.kind not in _OPERANDS and token[:2] != (Kind.KEYWORD, "nil"):
                raise _Stop(token, f"unexpected {_named(token)} in {where}")
            self.place -= 1
            result.commands.append(self.command())
        if not result.commands:
            raise _Stop(token, f"missing value for {where}")
        for stage, command in enumerate(result.commands[1:], 2):
            if isinstance(command.first, Constant | Number | Dot | Nil):
                raise _Stop(token, f"non executable command in pipeline stage {stage}")
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
            pipeline.variables.append(variable.text)
            self.variables.append(variable.text)
            if sign.kind is not Kind.COMMA:
                pipeline.is_assignment = sign.kind is Kind.ASSIGN
                return
            if where != "range" or len(pipeline.variables) > 1:
                raise _Stop(variable, f"too many declarations in {where}")
            if self.peek_solid().kind not in {Kind.VARIABLE, Kind.CLOSE, Kind.RIGHT}:
                raise _Stop(variable, "range can only initialize variables")

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
                raise _Stop(after, f"unexpected {_named(after)} in operand")
            break
        if not operands:
            raise _Stop(token, "empty command")
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
            raise _Stop(token, "unexpected . after a term")
        assert node is not None
        return Chain(token.line, node, names)

    def term(self) -> Node | None:
        token = self.next_solid()
        line = token.line
        match token.kind:
            case Kind.WORD:
                if token.text not in self.functions:
                    raise _Stop(token, f'function "{token.text}" not defined')
                self.called.add(token.text)
                return Word(line, token.text)
            case Kind.DOT:
                return Dot(line)
            case Kind.KEYWORD if token.text == "nil":
                return Nil(line)
            case Kind.VARIABLE:
                if token.text not in self.variables:
                    raise _Stop(token, f'undefined variable "{token.text}"')
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
            raise _Stop(token, str(problem)) from None

    def number(self, token: Token) -> Number:
        try:
            if token.kind is Kind.CHARACTER:
                code = constants.character(token.text)
                return Number(token.line, code, code, float(code), decimal=False)
            return _number(token.line, token.text)
        except Refused as problem:
            raise _Stop(token, str(problem)) from None


def _number(line: int, text: str) -> Number:
    if text.endswith("i"):
        raise Refused("complex numbers are not supported")
    signed, unsigned = constants.signed(text), constants.unsigned(text)
    if signed == 0:
        unsigned = 0  # for -0
    is_hexadecimal = len(text) > 2 and text[:2] in {"0x", "0X"} and not set("pP") & set(text)
    decimal = not is_hexadecimal and bool(set(".eEpP") & set(text))
    if signed is not None or unsigned is not None:
        return Number(line, signed, unsigned, float(unsigned if signed is None else signed), decimal=decimal)
    floating = constants.floating(text)
    if floating is None:
        raise Refused("illegal number syntax")
    if not set(".eEpP") & set(text):
        raise Refused("integer overflow")
    whole = int(floating) if floating.is_integer() else None
    signed = whole if whole is not None and -(1 << 63) <= whole < 1 << 63 else None
    unsigned = whole if whole is not None and 0 <= whole < 1 << 64 else None
    return Number(line, signed, unsigned, floating, decimal=decimal)


def _is_empty(body: list[Node]) -> bool:
    return all(isinstance(node, Text) and not node.value.strip() for node in body)


def _named(token: Token) -> str:
    """A token in a message: its kind, and its text where that is a word of the language."""
    return f"<{token.text}>" if token.kind is Kind.KEYWORD else token.kind.value
