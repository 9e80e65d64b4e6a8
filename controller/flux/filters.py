"""CEL expressions of Receivers: which objects a webhook means.

Source: flux.md section 7.2; fluxcd/notification-controller internal/server/receiver_resource_filter.go.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from engine.health.expressions import Expression

_VARIABLES: Final = ("res", "req")


class Cel:
    """Judges `resourceFilter` and `filter` by `res`, the metadata of an object, and `req`, the body of a request."""

    def check(self, expression: str) -> None:
        """Raises: ExpressionError for what is no expression, or uses other variables."""
        _compiled(expression)

    def is_true(self, expression: str, variables: Mapping[str, Any]) -> bool:
        """Raises: ExpressionError for what cannot be evaluated, or is neither true nor false."""
        return _compiled(expression).evaluate(variables)


@lru_cache(maxsize=512)
def _compiled(text: str) -> Expression:
    return Expression(text, variables=_VARIABLES)
