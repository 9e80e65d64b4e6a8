"""What a text is made of, once parsed."""

from typing import NamedTuple


class Call(NamedTuple):
    """`${NAME}` with an operator and its arguments: `name` is what stands behind the parameter's name, or empty."""

    parameter: str
    name: str = ""
    arguments: "tuple[Part, ...]" = ()


Part = str | Call
"""Plain text, or a call."""
