"""From tokens to trees: one for the template itself and one for each `define` and `block`.

Source: Go 1.26 text/template/parse parse.go.
"""

from collections.abc import Container

from engine.gotemplate.cursor import Stop, named
from engine.gotemplate.errors import TemplateError
from engine.gotemplate.lexer import BadToken, Kind, Token, tokens
from engine.gotemplate.limits import Limits
from engine.gotemplate.nodes import Action, Branch, Break, Continue, If, Invoke, Node, Range, Text, With
from engine.gotemplate.pipelines import PipelineReader

Trees = dict[bytes, list[Node]]

_BRANCHES: dict[str, type[Branch]] = {"if": If, "with": With, "range": Range}


def trees(name: str, text: str, functions: Container[str], limits: Limits) -> tuple[Trees, set[str]]:
    """The trees by name, and the names of all functions that are called. Raises: TemplateError."""
    try:
        parser = _Parser(tokens(text, limits.tokens), functions, limits.nesting)
        parser.template(name.encode(errors="replace"))
    except (BadToken, Stop) as problem:
        raise TemplateError(name, problem.line, str(problem)) from None
    return parser.trees, parser.called


class _Parser(PipelineReader):
    """Reads one text."""

    def __init__(self, found: list[Token], functions: Container[str], nesting: int) -> None:
        super().__init__(found, functions, nesting)
        self.trees: Trees = {}
        self.ranges = 0
        """How many ranges the place is in."""
        self.ended = ""
        """What ended the last list of items: `end` or `else`."""

    def template(self, name: bytes) -> None:
        root: list[Node] = []
        while (token := self.next()).kind is not Kind.END:
            if token.kind is Kind.OPEN and self.peek_solid()[:2] == (Kind.KEYWORD, "define"):
                self.next()
                self.definition()
            else:
                node = self.item(token)
                if node is None:
                    raise Stop(token, f"unexpected {{{{{self.ended}}}}}")
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
            raise Stop(token, f"unexpected {{{{else}}}} in {where}")
        self.add(name, body, token)
        self.variables, self.ranges = outer

    def add(self, name: bytes, body: list[Node], token: Token) -> None:
        """A template may be defined once, but for empty definitions."""
        present = self.trees.get(name)
        if present is None or _is_empty(present):
            self.trees[name] = body
        elif not _is_empty(body):
            raise Stop(token, "a template is defined twice")

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
        raise Stop(token, "unexpected end of the template")

    def item(self, token: Token) -> Node | None:
        """A piece of text or an action; None for {{end}} and {{else}}."""
        if token.kind is Kind.TEXT:
            return Text(token.line, token.text.encode())
        if token.kind is not Kind.OPEN:
            raise Stop(token, f"unexpected {named(token)}")
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
            raise Stop(first, "unexpected define inside of another block")
        self.ended = word
        if word == "end" or self.peek_solid()[:2] not in ((Kind.KEYWORD, "if"), (Kind.KEYWORD, "with")):
            self.expect(Kind.CLOSE, word)
        return None

    def jump(self, word: str, token: Token) -> Node:
        self.expect(Kind.CLOSE, f"{{{{{word}}}}}")
        if not self.ranges:
            raise Stop(token, f"{{{{{word}}}}} outside of {{{{range}}}}")
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
                    raise Stop(token, "expected {{end}}, found {{else}}")
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


def _is_empty(body: list[Node]) -> bool:
    return all(isinstance(node, Text) and not node.value.strip() for node in body)
