"""Master keys of kind `age`: a data key in an age file for one recipient."""

from _thread import allocate_lock  # without the rest of threading, which costs half a millisecond
from typing import Final, Protocol

from engine.errors import KsealError
from sealer.sops.recipients import agefile, agekeys, agetexts
from sealer.sops.recipients.agefile import AgeFile, Damaged, Stanza
from sealer.sops.recipients.base import MasterKey, shown
from sealer.sops.recipients.lookup import Place
from sealer.sops.recipients.person import Person

_HINT: Final = "have the identity in SOPS_AGE_KEY, in the file that SOPS_AGE_KEY_FILE names, or in an SSH key of yours"


class Places(Protocol):
    """Where identities come from."""

    def places(self, recipient: str) -> list[Place]:
        """Places with identities for a key of this recipient, in the order to try them."""


class AgeService:
    """Wraps for any recipient, and unwraps with what its places hold."""

    def __init__(self, places: Places, *, person: Person | None = None, plugins: bool = True) -> None:
        """`person` answers plug-ins when wrapping. Without `plugins` no program is started for a recipient."""
        self._places = places
        self._person = person
        self._plugins = plugins
        self._lock = allocate_lock()  # a passphrase is asked for once, by whichever thread comes first

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """An armoured age file for the recipient. Raises: KsealError."""
        recipient = key.text("recipient")
        kind = agetexts.recipient_kind(recipient)
        if kind in ("x25519", "hybrid"):
            wrap = agekeys.wrap_x25519 if kind == "x25519" else agekeys.wrap_hybrid

            def stanza(file_key: bytes) -> Stanza:
                return wrap(recipient, file_key)

            return agefile.encrypt(data, stanza)
        if kind == "plugin" and not self._plugins:
            raise KsealError(f'"{shown(recipient)}" needs an age plug-in, and plug-ins are off here')
        from sealer.sops.recipients import ageforeign

        return ageforeign.encrypt(data, recipient, person=self._person)

    def unwrap(self, key: MasterKey) -> bytes:
        """The data key, with the first identity that fits. Raises: KsealError, which says what was tried."""
        try:
            file = AgeFile(key.enc)
            with self._lock:
                return self._open(file, self._places.places(key.text("recipient")))
        except Damaged as error:
            raise KsealError(f"its age file is damaged: {error}") from error

    def _open(self, file: AgeFile, places: list[Place]) -> bytes:
        failures: list[str] = []
        for place in places:
            for identity in place.identities:
                try:
                    found = identity.open(file)
                except KsealError as error:
                    failures.append(str(error))
                else:
                    if found is not None:
                        return found
        raise _nothing_fits(places, failures)


def _nothing_fits(places: list[Place], failures: list[str]) -> KsealError:
    counts = [f"{place.name} ({len(place.identities)})" for place in places if place.identities]
    broken = [f"{place.name}: {place.trouble}" for place in places if place.trouble] + failures
    empty = [place.name for place in places if not place.identities and not place.trouble]
    parts = [f"no identity fits, of those in {', '.join(counts)}" if counts else "no age identity found"]
    if broken:
        parts.append(f"not usable: {'; '.join(broken)}")
    if empty:
        parts.append(f"nothing in {', '.join(empty)}")
    return KsealError("; ".join(parts), _HINT)
