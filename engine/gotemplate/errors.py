"""What can go wrong with a template.

    KsealError
    └── TemplateError     the template is wrong, fails on its data, or costs more than its limits
    Refused               inside the engine only: why a function or an operation fails; becomes a TemplateError

No text of these carries a value. A message names the template, the line, the function and a fixed reason; the data are
secrets, and what a template hands to `fail` may be one.
"""

from engine.errors import KsealError


class TemplateError(KsealError):
    """A template cannot be parsed or rendered: `template NAME: line N: what`."""

    def __init__(self, name: str, line: int, what: str, hint: str | None = None) -> None:
        super().__init__(f"template {name}: line {line}: {what}", hint)
        self.line = line


class Refused(Exception):
    """A fixed reason, without values, for which the place is still to be said."""
