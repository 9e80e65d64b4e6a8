"""Texts that hold age identities, read into what opens files. Nothing of such a text ever gets into an error."""

from collections.abc import Callable
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients.agekeys import HybridIdentity, Identity, X25519Identity
from sealer.sops.recipients.person import Person

LIMIT_BYTES: Final = 1024 * 1024
LIMIT_IDENTITIES: Final = 1000
_GUARDED: Final = (b"age-encryption", b"-----BEGIN AGE")


def parse(
    data: bytes, where: str, *, person: Person | None = None, several_per_line: bool = False, plugins: bool = True
) -> list[Identity]:
    """The identities of one text: one to a line, or words of a line where `several_per_line`.

    Empty lines and those that begin with `#` are skipped. A text that age encrypted under a passphrase is one
    identity, which asks `person`. Raises: KsealError, which names `where`.
    """
    if len(data) > LIMIT_BYTES:
        raise KsealError(f"{where}: more than {LIMIT_BYTES} bytes of identities")
    if data.startswith(_GUARDED):
        return [_guarded(data, where, person, plugins)]
    found: list[Identity] = []
    for number, raw in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        words = line.split() if several_per_line else [line]
        found += [_identity(word, f"{where}: line {number}", person, plugins) for word in words]
        if len(found) > LIMIT_IDENTITIES:
            raise KsealError(f"{where}: more than {LIMIT_IDENTITIES} identities")
    return found


def _identity(text: str, where: str, person: Person | None, plugins: bool) -> Identity:
    make: Callable[[str], Identity]
    if text.startswith("AGE-SECRET-KEY-1"):
        make = X25519Identity
    elif text.startswith("AGE-SECRET-KEY-PQ-1"):
        make = HybridIdentity
    elif text.startswith("AGE-PLUGIN-"):
        if not plugins:
            raise KsealError(f"{where}: an identity of a plug-in, and plug-ins are off here")
        from sealer.sops.recipients.ageforeign import PluginIdentity

        make = _plugin_for(person, PluginIdentity)
    else:
        hint = "identities begin with AGE-SECRET-KEY-1, AGE-SECRET-KEY-PQ-1 or AGE-PLUGIN-"
        raise KsealError(f"{where}: not an age identity", hint)
    try:
        return make(text)
    except ValueError as error:
        raise KsealError(f"{where}: not an age identity: {error}") from None


def _plugin_for(person: Person | None, kind: Callable[[str, Person | None], Identity]) -> Callable[[str], Identity]:
    return lambda text: kind(text, person)


def _guarded(data: bytes, where: str, person: Person | None, plugins: bool) -> Identity:
    from sealer.sops.recipients.ageforeign import GuardedIdentities

    return GuardedIdentities(
        data, where, person, lambda inside, name: parse(inside, name, person=person, plugins=plugins)
    )
