"""A file for other master keys: its data key wrapped anew, or everything under a new data key."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sealer.sops.operations import Keys, open_file, rewrapped, rotated
from sealer.sops.recipients.base import MasterKey

if TYPE_CHECKING:
    from sealer.sops.formats.base import Format

Groups = Sequence[Sequence[MasterKey]]


def with_keys(
    data: bytes,
    form: "Format",
    keys: Keys,
    *,
    groups: Groups,
    shamir_threshold: int,
    is_new_data_key: bool,
    now: datetime,
) -> bytes:
    """The file for the keys of `groups`.

    Under its old data key, values, time and MAC stay as they are; but whoever could open the file before, and is no
    longer meant to, still knows that data key. Raises: SopsError, KsealError where a key does not wrap.
    """
    if not is_new_data_key:
        envelope = form.read_encrypted(data)
        made = rewrapped(envelope, keys, groups=groups, shamir_threshold=shamir_threshold, now=now)
        return form.write_encrypted(made)
    opened = open_file(data, form, keys)
    metadata = opened.metadata.changed(key_groups=groups, shamir_threshold=shamir_threshold)
    return rotated(opened, metadata, keys, now=now).sealed(form, now=now)
