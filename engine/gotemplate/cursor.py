"""Going through the tokens of a template."""

from engine.gotemplate.lexer import Kind, Token


class Stop(Exception):
    """Why the template is wrong, at which token."""

    def __init__(self, token: Token, what: str) -> None:
        super().__init__(what)
        self.line = token.line


class Cursor:
    """A place among tokens. What it expects and does not find, and too much nesting, raise Stop."""

    def __init__(self, found: list[Token], nesting: int) -> None:
        self.tokens = found
        self.place = 0
        self.nesting = nesting

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
            raise Stop(token, f"unexpected {named(token)} in {where}")
        return token

    def enter(self, token: Token) -> None:
        self.nesting -= 1
        if self.nesting < 0:
            raise Stop(token, "too many parentheses and blocks inside each other")


def named(token: Token) -> str:
    """A token in a message: its kind, and its text where that is a word of the language."""
    return f"<{token.text}>" if token.kind is Kind.KEYWORD else token.kind.value
