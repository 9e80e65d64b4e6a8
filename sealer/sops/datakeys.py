"""The data keys of one run: each is unwrapped once, however many files and threads want it, and wiped at the end."""

import threading
from hashlib import sha256
from typing import Final

from engine.sensitive import Sensitive
from sealer.sops.errors import NoDataKey
from sealer.sops.groups import DEFAULT_ORDER, Services, Wrapped, unwrap_data_key


class _Slot:
    """The place of one data key. Its lock is held while the key is unwrapped, which may ask a service far away."""

    __slots__ = ("key", "lock")

    def __init__(self) -> None:
        self.key: bytearray | None = None
        self.lock = threading.Lock()


class DataKeys:
    """Data keys by what they are wrapped in. A key that does not unwrap is tried again for the next file."""

    def __init__(self, services: Services) -> None:
        self._services: Final = services
        self._slots: dict[bytes, _Slot] | None = {}
        self._lock = threading.Lock()

    def get(self, metadata: Wrapped) -> Sensitive:
        """The data key of a file. Raises: NoDataKey, which lists each key that was tried."""
        name = _name(metadata)
        with self._lock:
            if self._slots is None:
                raise NoDataKey("this run is over: its keys are wiped")
            slot = self._slots.setdefault(name, _Slot())
        with slot.lock:
            if slot.key is None:
                slot.key = bytearray(unwrap_data_key(metadata, self._services, order=DEFAULT_ORDER).reveal())
            return Sensitive(bytes(slot.key))

    def wipe(self) -> None:
        """Overwrite and forget all. Copies that a cipher still holds go with it."""
        with self._lock:
            slots, self._slots = self._slots or {}, None
        for slot in slots.values():
            with slot.lock:
                if slot.key is not None:
                    slot.key[:] = bytes(len(slot.key))


def _name(metadata: Wrapped) -> bytes:
    """The same for files whose data key is wrapped by the same keys in the same texts."""
    groups = [[(key.kind, key.identity, key.enc) for key in group] for group in metadata.key_groups]
    return sha256(repr((metadata.shamir_threshold, groups)).encode("utf-8", "surrogatepass")).digest()
