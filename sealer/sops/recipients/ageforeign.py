"""The kinds of age key that pyrage serves: SSH keys, plug-ins, and files of identities under a passphrase.

pyrage is asked for only when a file is for such a key. A plug-in is a program of the person's own that may wait for a
touch, so it has no time limit. pyrage adds a stanza of noise to what it writes, as age allows.
"""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256, Hash

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer import age
from sealer.sops.recipients import agefile, agetexts
from sealer.sops.recipients.agefile import AgeFile
from sealer.sops.recipients.agekeys import Identity
from sealer.sops.recipients.base import shown
from sealer.sops.recipients.person import Person
from sealer.sops.recipients.sshkeys import SshKey


class SshIdentity:
    """An SSH private key. It is looked at, and its passphrase asked for, only when a file is for it."""

    def __init__(self, text: bytes, where: str, *, public: bytes | None = None, person: Person | None = None) -> None:
        """`public` helps where the key itself does not show it. Raises: ValueError as SshKey."""
        self._key = SshKey(text)
        self._public = self._key.public or public
        self._where = where
        self._person = person
        self._loaded: Any = None
        if self._key.is_guarded and self._public is None:
            raise ValueError("it has a passphrase, and its public key is not beside it")

    def open(self, file: AgeFile) -> bytes | None:
        """Raises: KsealError when its passphrase is not given, or it is of a kind that age does not know."""
        tagged = [stanza.arguments[0] for stanza in file.stanzas if stanza.kind.startswith("ssh-") and stanza.arguments]
        if not tagged or (self._public is not None and _tag(self._public) not in tagged):
            return None
        pyrage: Any = age.library()
        if self._loaded is None:
            try:
                self._loaded = pyrage.ssh.Identity.from_buffer(self._text())
            except pyrage.IdentityError as error:
                raise KsealError(f"{self._where}: age cannot use this SSH key") from error
        return _decrypt(pyrage, file, self._loaded)

    def _text(self) -> bytes:
        if not self._key.is_guarded:
            return self._key.text
        given = self._person.secret(f"passphrase of {self._where}: ") if self._person else None
        if given is None:
            raise KsealError(f"{self._where}: it has a passphrase, and there is nobody to ask for it")
        try:
            return self._key.freed(given)
        except ValueError as error:
            raise KsealError(f"{self._where}: {error}") from error


class PluginIdentity:
    """`AGE-PLUGIN-NAME-1...`, opened by the program `age-plugin-NAME`."""

    def __init__(self, text: str, person: Person | None) -> None:
        """Raises: ValueError, whose text never has the input."""
        self._name = agetexts.identity_plugin(text)
        self._text = text
        self._person = person

    def open(self, file: AgeFile) -> bytes | None:
        """Raises: KsealError when there is no such program, or it fails."""
        pyrage: Any = age.library()
        try:
            identity = pyrage.plugin.Identity.from_str(self._text)
            plugin = pyrage.plugin.IdentityPluginV1(self._name, [identity], _Callbacks(self._person))
        except (pyrage.IdentityError, pyrage.DecryptError) as error:
            raise _no_plugin(self._name) from error
        return _decrypt(pyrage, file, plugin)


class GuardedIdentities:
    """A file of identities that age encrypted under a passphrase. It is asked for once, and only when needed."""

    def __init__(
        self, data: bytes, where: str, person: Person | None, parse: Callable[[bytes, str], list[Identity]]
    ) -> None:
        """`parse` reads what comes out of it."""
        self._data = data
        self._where = where
        self._person = person
        self._parse = parse
        self._inside: list[Identity] | None = None

    def open(self, file: AgeFile) -> bytes | None:
        """Raises: KsealError when the passphrase is not given or is another one."""
        if self._inside is None:
            self._inside = self._parse(self._unguarded(), self._where)
        for identity in self._inside:
            if (found := identity.open(file)) is not None:
                return found
        return None

    def _unguarded(self) -> bytes:
        given = self._person.secret(f"passphrase of {self._where}: ") if self._person else None
        if given is None:
            raise KsealError(f"{self._where}: it has a passphrase, and there is nobody to ask for it")
        pyrage: Any = age.library()
        try:
            return bytes(pyrage.passphrase.decrypt(self._data, given.reveal().decode()))
        except (pyrage.DecryptError, UnicodeDecodeError):  # the latter has the passphrase in it
            raise KsealError(f"{self._where}: the passphrase does not open it, or it is damaged") from None


def encrypt(data: bytes, recipient: str, *, person: Person | None) -> str:
    """`data` for an SSH key or a plug-in's recipient, armoured. Raises: KsealError."""
    pyrage: Any = age.library()
    try:
        if agetexts.recipient_kind(recipient) == "ssh":
            chosen = pyrage.ssh.Recipient.from_str(recipient)
        else:
            name = agetexts.plugin_name(recipient)
            parsed = pyrage.plugin.Recipient.from_str(recipient)
            try:
                chosen = pyrage.plugin.RecipientPluginV1(name, [parsed], [], _Callbacks(person))
            except pyrage.EncryptError as error:
                raise _no_plugin(name) from error
        return bytes(pyrage.encrypt(data, [chosen], armored=True)).decode()
    except pyrage.RecipientError as error:
        raise KsealError(f'"{shown(recipient)}" is no age recipient') from error
    except pyrage.EncryptError as error:
        raise KsealError(f'age could not encrypt for "{shown(recipient)}"') from error


class _Callbacks:
    """A person as pyrage asks for one; the names are its."""

    def __init__(self, person: Person | None) -> None:
        self._person = person

    def display_message(self, message: str) -> None:
        if self._person:
            self._person.tell(message)

    def confirm(self, message: str, yes_string: str, no_string: str | None) -> bool | None:
        return self._person.confirm(message, yes_string, no_string) if self._person else None

    def request_public_string(self, description: str) -> str | None:
        return self._person.text(description) if self._person else None

    def request_passphrase(self, description: str) -> str | None:
        given: Sensitive | None = self._person.secret(description) if self._person else None
        return None if given is None else given.reveal().decode()


def _decrypt(pyrage: Any, file: AgeFile, identity: Any) -> bytes | None:
    try:
        return bytes(pyrage.decrypt(file.armored.encode(), [identity]))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            return None
        raise KsealError("age could not decrypt: the file is damaged, or the key's own program failed") from error


def _no_plugin(name: str) -> KsealError:
    return KsealError(f"the age plug-in age-plugin-{name} does not start", f"have age-plugin-{name} on the PATH")


def _tag(public: bytes) -> str:
    """By which a stanza says which SSH key it is for: the beginning of the key's hash."""
    digest = Hash(SHA256())
    digest.update(public)
    return agefile.to_base64(digest.finalize()[:4])
