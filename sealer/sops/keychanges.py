"""What changes between the key groups of a file and those that it is to have, group by group.

Source: getsops/sops cmd/sops/common/common.go, DiffKeyGroups.
"""

from collections.abc import Sequence
from itertools import zip_longest

from sealer.sops.recipients.base import MasterKey


class GroupChange:
    """The keys of one group that stay, come and go."""

    __slots__ = ("added", "common", "removed")

    def __init__(self, ours: Sequence[MasterKey], theirs: Sequence[MasterKey]) -> None:
        mine, its = {key.identity for key in ours}, {key.identity for key in theirs}
        self.common = [key for key in theirs if key.identity in mine]
        self.added = [key for key in theirs if key.identity not in mine]
        self.removed = [key for key in ours if key.identity not in its]

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.added or self.removed)


def changes(ours: Sequence[Sequence[MasterKey]], theirs: Sequence[Sequence[MasterKey]]) -> list[GroupChange]:
    """From our groups to theirs; groups are told apart by their position."""
    return [GroupChange(mine, its) for mine, its in zip_longest(ours, theirs, fillvalue=())]
