"""The rules that no input may break, for all targets: our errors only, no value in an error, an end within a second."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PLANTED = "pl4nted-v4lue"
"""A secret value that targets plant where an input has values; no error may repeat it."""

_patience_seconds = 1.0
_ENDLESS = 20  # of those seconds, until what does not end is ended


class Broken(AssertionError):
    """A rule is broken: the input that did it is a crasher."""


class _Endless(BaseException):
    """Nothing that code under test catches."""


def be_patient(factor: float) -> None:
    """Allow more time for all that follows: instrumented code is slower."""
    global _patience_seconds  # noqa: PLW0603  # one setting of the whole process, made before it begins
    _patience_seconds = factor


@contextmanager
def in_time() -> Iterator[None]:
    """Something that takes less than a second of computing, however busy the machine is. Raises: Broken.

    The timer is the one of the process's own time: pytest-timeout has the other one.
    """
    before = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, _patience_seconds * _ENDLESS)
    began = time.process_time()
    try:
        yield
    except _Endless as error:
        raise Broken("it does not end") from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    if (took := time.process_time() - began) > _patience_seconds:
        raise Broken(f"it took {took:.1f} s")


def attempt(refusal: type[Exception], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """What some work gives, None when it refuses its input. Raises: Broken for other errors, and for talkative ones."""
    try:
        with in_time():
            return work(*args, **kwargs)
    except refusal as error:
        if PLANTED in said(error):
            raise Broken(f"a {type(error).__name__} repeats a value") from error
        return None
    except Broken:
        raise
    except Exception as error:
        raise Broken(f"a {type(error).__name__} came through") from error


def said(error: BaseException | None) -> str:
    """Everything that an error and what is chained to it would show in a traceback."""
    words = []
    while error is not None:
        words += [str(error), repr(error.args), str(getattr(error, "hint", ""))]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(words)


def require(is_kept: bool, rule: str) -> None:  # reads as a sentence
    """Raises: Broken when a rule is not kept."""
    if not is_kept:
        raise Broken(rule)


def _end(*_: object) -> None:
    raise _Endless
