"""Key services around others: the kinds stay those that are inside, and what is had for a kind is made here."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping

from sealer.sops.recipients.base import KeyService


class Around(Mapping[str, KeyService]):
    """By kind of key. Which kinds there are is asked inside, so that no service is made for the question."""

    def __init__(self, inside: Mapping[str, KeyService]) -> None:
        self._inside = inside

    @abstractmethod
    def __getitem__(self, kind: str) -> KeyService:
        """Raises: KeyError for a kind that nothing serves; KsealError."""

    def __contains__(self, kind: object) -> bool:
        return kind in self._inside

    def __iter__(self) -> Iterator[str]:
        return iter(self._inside)

    def __len__(self) -> int:
        return len(self._inside)
