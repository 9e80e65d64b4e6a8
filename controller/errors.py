"""Errors of the controller's own: all of the shapes in `engine.errors`.

KsealError
├── Stalled
│   ├── NotOurs           a Secret of that name belongs to somebody else
│   └── Immutable         the API refuses to change the Secret
└── NotReady
    └── NotLeading        another replica writes, or nobody knows
"""

from engine.errors import NotReady, Stalled


class NotOurs(Stalled):
    """The target exists and neither its owner reference nor its annotations let us write it."""


class Immutable(Stalled):
    """The target is immutable and its content would have to change."""


class NotLeading(NotReady):
    """This replica does not hold the lease, or may not hold it any more: it must not write."""
