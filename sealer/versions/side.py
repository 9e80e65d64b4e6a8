"""One of the two changed versions of a SOPS file: read, then perhaps opened. Errors say which of the two it is."""

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.sops.envelope import Envelope
from sealer.sops.errors import SopsError
from sealer.sops.formats.base import Format
from sealer.sops.groups import unwrap_data_key
from sealer.sops.operations import Keys
from sealer.sops.stash import Stash
from sealer.sops.tree import Branches, Comment, Scalar
from sealer.sops.walk import walk
from sealer.versions.kinds import VALUE_MARK
from sealer.versions.recipients import identity
from sealer.versions.threeway import is_same

_VALUE_START = VALUE_MARK.decode()


class Refused(SopsError):
    """Versions that cannot be merged; the message names the side."""


class Side:
    """`name` is how messages call it. `key` and `plain` are there once it has been unwrapped and decrypted."""

    def __init__(self, name: str, data: bytes, form: Format) -> None:
        """Raises: Refused for what is no SOPS file."""
        self.name = name
        self.data = data
        try:
            self.envelope = form.read_encrypted(data)
            self.envelope.metadata.check_version()
        except KsealError as error:
            raise self._refused(error) from error
        self.metadata = self.envelope.metadata
        self.key = Sensitive(b"")
        self.plain: Branches = []

    def unwrap(self, keys: Keys) -> None:
        """Get the data key. Raises: Refused."""
        try:
            self.key = unwrap_data_key(self.metadata, keys.services, order=keys.order)
        except KsealError as error:
            raise self._refused(error) from error

    def decrypt(self, stash: Stash) -> None:
        """Open all values and check the MAC. Raises: Refused."""
        try:
            self.plain = self.envelope.decrypt(self.key.reveal(), stash=stash)
        except KsealError as error:
            raise self._refused(error) from error

    def is_document_of(self, other: Envelope) -> bool:
        """Whether values, seal and rule are those of another version; master keys may differ."""
        mine, its = self.metadata, other.metadata
        has_its_seal = (mine.mac, mine.last_modified, mine.selection) == (its.mac, its.last_modified, its.selection)
        return has_its_seal and is_same(self.envelope.branches, other.branches)

    def has_key_of(self, other: Envelope) -> bool:
        """Whether this and another version are known to have one data key, without opening either.

        Under two keys, neither the ciphertext of a value nor what a master key wraps is ever the same.
        """
        mine, its = self.metadata.key_groups, other.metadata.key_groups
        if len(mine) == len(its) == 1:  # of several groups, each wraps a part
            wrapped = {(*identity(key), key.enc) for key in mine[0] if key.enc}
            if any((*identity(key), key.enc) in wrapped for key in its[0]):
                return True
        return not _ciphertexts(self.envelope).isdisjoint(_ciphertexts(other))

    def _refused(self, error: KsealError) -> Refused:
        return Refused(f"{self.name}: {error.message}", error.hint)

    def __repr__(self) -> str:
        """It holds plaintext and a key, so it does not print."""
        return f"Side({self.name})"


def _ciphertexts(envelope: Envelope) -> set[str]:
    """The texts of all encrypted values, the MAC among them."""
    found = {envelope.metadata.mac}

    def note(value: Scalar | Comment, _: bytes, is_in: bool) -> Scalar | Comment:
        if is_in and isinstance(value, str) and value.startswith(_VALUE_START):
            found.add(value)
        return value

    walk(envelope.branches, envelope.metadata.selection, note)
    return found - {""}
