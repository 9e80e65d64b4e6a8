"""A value that was encrypted in a version must not come out of a merge in the clear.

It could where one side changed the rule of what is encrypted, or a comment that decides, and the other side brought the
value in under the rule of before.
"""

from collections.abc import Callable, Iterable

from sealer.sops.cipher import ValueRefused, plain_bytes, type_name
from sealer.sops.selection import Selection
from sealer.sops.tree import Branches, Comment, Scalar
from sealer.sops.walk import Leaf, WalkRefused, walk


class Exposed(Exception):
    """`place` is that of the value, as `--extract` takes it."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def check(merged: Branches, selection: Selection, versions: Iterable[tuple[Branches, Selection]]) -> None:
    """Plain documents with their rules. Raises: Exposed for what is plain in the merged one alone."""
    allowed: set[tuple[bytes, str, bytes]] = set()

    def allow(value: Scalar | Comment, aad: bytes) -> None:
        allowed.add((aad, type_name(value), plain_bytes(value)))

    def demand(value: Scalar | Comment, aad: bytes) -> None:
        if (aad, type_name(value), plain_bytes(value)) not in allowed:
            raise ValueRefused("exposed")

    for branches, rule in versions:
        walk(branches, rule, _of_plain(allow))
    try:
        walk(merged, selection, _of_plain(demand))
    except WalkRefused as refusal:
        raise Exposed(refusal.where()) from None


def _of_plain(look: Callable[[Scalar | Comment, bytes], None]) -> Leaf:
    """A walk that changes nothing and looks at what is not encrypted."""

    def leaf(value: Scalar | Comment, aad: bytes, selected: bool) -> Scalar | Comment:
        if not selected:
            look(value, aad)
        return value

    return leaf
