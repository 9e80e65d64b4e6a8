"""Where a person's age identities are: the seven places of the original, all of which count.

Source: getsops/sops 3.13.3 age/keysource.go `loadIdentities`.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import identities, sshkeys
from sealer.sops.recipients.agekeys import Identity
from sealer.sops.recipients.person import Person

_COMMAND_SECONDS: Final = 300.0
"""A command may ask for a passphrase or a touch."""

Reader = Callable[[], list[Identity] | None]
"""Reads one place; None when nothing is there. Raises: KsealError, ValueError when it is broken."""


class Place:
    """One place: the identities found there, or the trouble with it, or neither."""

    __slots__ = ("identities", "name", "trouble")

    def __init__(self, name: str, read: Reader) -> None:
        self.name = name
        self.identities: list[Identity] = []
        self.trouble = ""
        try:
            self.identities = read() or []
        except OSError as error:
            self.trouble = (error.strerror or str(error)).lower()
        except (KsealError, ValueError) as error:
            self.trouble = str(error).removeprefix(f"{name}: ")


class Lookup:
    """The places of one person's environment. Each is read once, and a command run once for each recipient."""

    def __init__(self, environ: Mapping[str, str], *, person: Person | None = None) -> None:
        self._environ = environ
        self._person = person
        self._lasting: list[Place] | None = None
        self._printed: dict[str, list[Place]] = {}

    def places(self, recipient: str) -> list[Place]:
        """All places for a key of this recipient; those last that may ask for the passphrase of an SSH key."""
        if self._lasting is None:
            self._lasting = self._key_places() + self._ssh_places()
        if recipient not in self._printed:
            self._printed[recipient] = self._command_places(recipient)
        return self._printed[recipient] + self._lasting

    def _key_places(self) -> list[Place]:
        text, file, folder = self._environ.get("SOPS_AGE_KEY"), self._environ.get("SOPS_AGE_KEY_FILE"), self._folder()
        places = [
            Place("SOPS_AGE_KEY", lambda: None if text is None else self._words(text)),
            Place("SOPS_AGE_KEY_FILE", lambda: None if file is None else self._keys(_read(file), file)),
        ]
        if folder:
            usual = f"{folder}/sops/age/keys.txt"
            places.append(Place(usual, lambda: self._keys_if_there(usual)))
        return places

    def _ssh_places(self) -> list[Place]:
        file, home = self._environ.get("SOPS_AGE_SSH_PRIVATE_KEY_FILE"), self._environ.get("HOME", "")
        given = Place("SOPS_AGE_SSH_PRIVATE_KEY_FILE", lambda: None if file is None else self._ssh_file(file))
        usual = [f"{home}/.ssh/id_ed25519", f"{home}/.ssh/id_rsa"] if home else []
        return [given, *(Place(path, partial(self._ssh_file_if_there, path)) for path in usual)]

    def _command_places(self, recipient: str) -> list[Place]:
        keys, ssh = "SOPS_AGE_KEY_CMD", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"
        return [
            Place(keys, lambda: self._keys(self._said(keys, recipient), keys) if keys in self._environ else None),
            Place(ssh, lambda: self._ssh(self._said(ssh, recipient), ssh) if ssh in self._environ else None),
        ]

    def _words(self, text: str) -> list[Identity]:
        data = text.encode("utf-8", "surrogateescape")
        return identities.parse(data, "SOPS_AGE_KEY", person=self._person, several_per_line=True)

    def _keys(self, data: bytes, where: str) -> list[Identity]:
        return identities.parse(data, where, person=self._person)

    def _keys_if_there(self, path: str) -> list[Identity] | None:
        try:
            return self._keys(_read(path), path)
        except FileNotFoundError:
            return None

    def _ssh_file_if_there(self, path: str) -> list[Identity] | None:
        try:
            return self._ssh_file(path)
        except FileNotFoundError:
            return None

    def _ssh_file(self, path: str) -> list[Identity]:
        text = _read(path)
        try:
            line = _read(f"{path}.pub").decode("utf-8", "replace")
        except OSError:
            line = ""  # only a key that hides its public half needs the file beside it, and says so then
        return self._ssh(text, path, public=sshkeys.public_of_line(line), person=self._person)

    def _ssh(
        self, data: bytes, where: str, *, public: bytes | None = None, person: Person | None = None
    ) -> list[Identity]:
        from sealer.sops.recipients.ageforeign import SshIdentity

        return [SshIdentity(data, where, public=public, person=person)]

    def _said(self, variable: str, recipient: str) -> bytes:
        """What the command in a variable prints. It is split as a shell would, and run without one."""
        import shlex

        from sealer.sops.recipients import child

        words = shlex.split(self._environ[variable])
        if not words:
            raise KsealError("it is empty")
        code, output, _ = child.run(
            words,
            environ={**self._environ, "SOPS_AGE_RECIPIENT": recipient},
            timeout_seconds=_COMMAND_SECONDS,
            limit_bytes=identities.LIMIT_BYTES,
            is_heard=False,
        )
        if code:
            raise KsealError(f'"{words[0]}" ended with exit code {code}')
        return output

    def _folder(self) -> str:
        """The folder for the settings of a person's programs, empty when the environment does not lead to one."""
        home, chosen = self._environ.get("HOME", ""), self._environ.get("XDG_CONFIG_HOME", "")
        if chosen:
            return chosen if chosen.startswith("/") else ""
        usual = "Library/Application Support" if sys.platform == "darwin" else ".config"
        return f"{home}/{usual}" if home else ""


class Given:
    """Identities that the caller has, such as those of a Secret: nothing else is looked at, no plug-in is run."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        """Texts of identities by the names that errors give them."""
        self._places = [Place(name, self._reader(name, text)) for name, text in texts.items()]

    def places(self, recipient: str) -> list[Place]:
        """The same for every recipient."""
        del recipient
        return self._places

    @staticmethod
    def _reader(name: str, text: bytes) -> Reader:
        return lambda: identities.parse(text, name, plugins=False)


def _read(path: str) -> bytes:
    """A file, or a pipe such as a shell's `<(...)`, up to one byte more than is allowed."""
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes 4 ms to import, on the way of every decryption
        return file.read(identities.LIMIT_BYTES + 1)
