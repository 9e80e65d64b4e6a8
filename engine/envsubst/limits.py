"""How much one substitution may do. Both texts and variables come from strangers, and a few bytes can ask for a lot."""

from engine.envsubst.errors import SubstituteError

MAX_OUTPUT = 16 * 1024 * 1024
"""Characters that one text may become, arguments on the way included; an API server accepts objects of 1.5 MiB."""
MAX_STEPS = 300_000
"""Comparisons that the patterns of one text may cost: some tenths of a second. Patterns are quadratic in the value."""


class Meter:
    """Counts what one text costs. Raises: SubstituteError from each method when it is too much."""

    def __init__(self, max_output: int = MAX_OUTPUT, max_steps: int = MAX_STEPS) -> None:
        self._output_left = max_output
        self._steps_left = max_steps

    def grow(self, size: int) -> None:
        """A text of that size is about to be made."""
        self._output_left -= size
        if self._output_left < 0:
            raise SubstituteError("the substitution makes too large a text", "use smaller values, or fewer of them")

    def spend(self, steps: int) -> None:
        """That many comparisons are about to be made."""
        self._steps_left -= steps
        if self._steps_left < 0:
            raise SubstituteError(
                "the patterns behind # or % take too long", "use them on shorter values, or cut the value beforehand"
            )
