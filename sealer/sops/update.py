"""An encrypted file brought up to a plain one: what did not change keeps its ciphertext, and nothing its bytes."""

from datetime import datetime
from typing import TYPE_CHECKING

from sealer.sops.index import is_same
from sealer.sops.operations import Keys, check_plain, open_file
from sealer.sops.tree import Branches

if TYPE_CHECKING:
    from sealer.sops.formats.base import Format


def updated(data: bytes, form: "Format", plain: bytes, source: "Format", keys: Keys, *, now: datetime) -> bytes | None:
    """The encrypted file `data` with the values of `plain`, None where they are its own already.

    Data key, master keys, rule and version stay; values that stood in the same place keep their ciphertext.

    Raises: SopsError of the kind that says what failed: either text, the data key, a value, the MAC.
    """
    opened = open_file(data, form, keys)
    wanted = source.read_plain(plain)
    check_plain(wanted, form)
    if _is_same(opened.branches, wanted) or form.write_plain(opened.branches) == form.write_plain(wanted):
        return None  # the text tells where comments in it are attached otherwise than in the encrypted file
    opened.branches = wanted
    return opened.sealed(form, now=now)


def _is_same(ours: Branches, theirs: Branches) -> bool:
    return len(ours) == len(theirs) and all(map(is_same, ours, theirs))
