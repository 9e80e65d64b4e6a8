"""What can go wrong, and what happens next.

    KsealError            a refusal that a person reads: message, and a hint that says the cure
    ├── Stalled           needs a person or a new input; trying again as things are is useless
    └── NotReady          may succeed by itself later; says when to look again

Messages put the object first, then what failed and why, lower case, without a full stop:
`Secret/shop/db: no key opens "password" (tried 3)`. They never carry a secret value.
"""


class KsealError(Exception):
    """An error with its cure. `message` is one line; `hint`, when present, says what to do about it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class Stalled(KsealError):
    """Only a new input can help: a changed object, another key, an edited Secret."""


class NotReady(KsealError):
    """May succeed later without anyone's help; `retry_after` is in seconds, None for the caller's back-off."""

    def __init__(self, message: str, hint: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after
