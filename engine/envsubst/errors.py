"""What can be wrong with a substitution.

KsealError
└── SubstituteError       names the variable, and for objects the object; never a value
"""

from engine.errors import KsealError


class SubstituteError(KsealError):
    """A text cannot be substituted as asked."""
