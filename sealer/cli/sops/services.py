"""The key services of one call, each made when a key of its kind comes up."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealer.sops.recipients.base import KeyService


class _Services(Mapping[str, "KeyService"]):
    """By kind of key."""

    def __init__(self, makers: "Mapping[str, Callable[[], KeyService]]") -> None:
        self._makers = makers
        self._made: dict[str, KeyService] = {}

    def __getitem__(self, kind: str) -> "KeyService":
        if kind not in self._made:
            self._made[kind] = self._makers[kind]()
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def local_services(environ: Mapping[str, str]) -> "Mapping[str, KeyService]":
    """What can wrap and unwrap in this process."""
    return _Services({"age": lambda: _age(environ)})


def _age(environ: Mapping[str, str]) -> "KeyService":
    from sealer.sops.recipients.age import AgeService
    from sealer.sops.recipients.lookup import Lookup

    return AgeService(Lookup(environ))
