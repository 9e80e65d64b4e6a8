"""CEL expressions of Receivers: which objects a webhook means.

Source: flux.md section 7.2; fluxcd/notification-controller internal/server/receiver_resource_filter.go.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.health.expressions import Expression, ExpressionError, evaluate

_VARIABLES: Final = frozenset({"res", "req"})


class Cel:
    """Judges `resourceFilter` and `filter` by `res`, the metadata of an object, and `req`, the body of a request."""

    def check(self, expression: str) -> None:
        """Raises: ExpressionError for what is no expression, or uses other variables."""
        Expression(expression, variables=_VARIABLES)

    def is_true(self, expression: str, variables: Mapping[str, Any]) -> bool:
        """Raises: ExpressionError for what cannot be evaluated, or is neither true nor false."""
        return evaluate(expression, variables)


__all__ = ["Cel", "ExpressionError"]
