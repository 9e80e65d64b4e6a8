"""What a merge comes to."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """The merged file. It is whole and valid in any case: where both sides contradict each other it says what ours
    does, and `conflicts` names the places, without values."""

    data: bytes
    conflicts: tuple[str, ...] = ()
