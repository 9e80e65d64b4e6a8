"""Parsing a template and rendering it, within limits."""

from engine.gotemplate.errors import TemplateError
from engine.gotemplate.evaluate import Evaluator
from engine.gotemplate.limits import DEFAULT, Limits, Meter
from engine.gotemplate.parser import Trees, trees
from engine.gotemplate.table import Clock, Run, Table, utc_now
from engine.gotemplate.values import Value

__all__ = ["Template", "TemplateError", "parse"]


class Template:
    """A parsed template. Rendering keeps no state, so threads may share one."""

    __slots__ = ("_functions", "_trees", "called", "is_volatile", "name")

    def __init__(self, name: str, parsed: Trees, called: set[str], functions: Table) -> None:
        self.name = name
        self._trees = parsed
        self._functions = functions
        self.called = frozenset(called)
        """Names of the functions that stand in it."""
        self.is_volatile = functions.volatile(called)
        """Whether rendering it again with the same data may give another output."""

    def render(self, data: Value, *, limits: Limits = DEFAULT, clock: Clock = utc_now) -> bytes:
        """The output. `data` is one of the values of `values`, usually a `string_map`.

        Raises: TemplateError, whose text carries no value of the data.
        """
        run = Run(Meter(limits), clock)
        return Evaluator(self.name, self._trees, self._functions, run).render(self.name.encode(errors="replace"), data)


def parse(name: str, text: str, functions: Table, *, limits: Limits = DEFAULT) -> Template:
    """A template by the grammar of text/template. `name` is how errors call it. Raises: TemplateError."""
    if len(text) > limits.text:
        raise TemplateError(name, 1, f"a template of more than {limits.text} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TemplateError(name, 1, "the template is no valid text") from None
    parsed, called = trees(name, text, functions, limits)
    return Template(name, parsed, called, functions)
