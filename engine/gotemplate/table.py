"""Which functions a template may call, and what types their parameters have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from engine.gotemplate.limits import Meter

Clock = Callable[[], datetime]
"""Tells the time, with a time zone."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Run:
    """What a function may need of the rendering that calls it."""

    __slots__ = ("clock", "meter")

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self.meter = meter
        self.clock = clock


class Function(NamedTuple):
    """A function that templates may call."""

    parameters: tuple[str, ...]
    """Go types of the fixed parameters: `any`, `string`, `int`, `[]any`, `map` (of strings to any) and so on."""
    rest: str | None
    """Type of all further arguments, None when there may be none."""
    body: Callable[..., Any]
    wants_run: bool
    """Whether the body takes the Run before the arguments."""
    is_volatile: bool
    """Whether it may give another result when it is called again with the same arguments."""
    price: int
    """Units of cost beyond the usual ones: what calling it takes at least."""
    weight: int
    """Units of cost for each byte of its arguments."""


def function(
    signature: str,
    body: Callable[..., Any],
    *,
    run: bool = False,
    volatile: bool = False,
    price: int = 0,
    weight: int = 2,
) -> Function:
    """`signature` lists the types of the parameters, as in "string, ...any"."""
    types = [name.strip() for name in signature.split(",") if name.strip()]
    rest = types.pop().removeprefix("...") if types and types[-1].startswith("...") else None
    return Function(tuple(types), rest, body, run, volatile, price, weight)


class Table(Mapping[str, Function]):
    """Functions by name. Go's built-in ones are always there; an own function of the same name hides one."""

    def __init__(self, *parts: Mapping[str, Function], without: Iterable[str] = ()) -> None:
        self._own = {name: value for part in parts for name, value in part.items() if name not in set(without)}

    def __getitem__(self, name: str) -> Function:
        from engine.gotemplate.builtins import BUILTINS

        return self._own[name] if name in self._own else BUILTINS[name]

    def __contains__(self, name: object) -> bool:
        from engine.gotemplate.builtins import BUILTINS

        return name in self._own or name in BUILTINS

    def __iter__(self) -> Iterator[str]:
        from engine.gotemplate.builtins import BUILTINS

        return iter(self._own | BUILTINS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def volatile(self, names: Iterable[str]) -> bool:
        """Whether one of these functions may give another result each time."""
        return any(self[name].is_volatile for name in names)
