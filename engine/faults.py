"""Points at which a test may end the process: right before every write that the world outside can see.

A point costs one comparison when nobody listens. The process under test sets `hook` before it begins to work; nothing
here reads the environment.
"""

import os
import signal
from collections.abc import Callable

Hook = Callable[[str], None]
"""Called with the name of the write that is about to happen, in the thread that does it."""

hook: Hook | None = None


def point(name: str) -> None:
    """Say that the write of this name happens next. Raises: whatever the hook raises."""
    if hook is not None:
        hook(name)


def kill_at(number: int) -> Hook:
    """A hook that ends this process at its `number`-th point, counted from 1, without a word: as a lost node does."""
    left = number

    def strike(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike
