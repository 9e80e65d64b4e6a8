"""A GnuPG home for the private keys of one Secret: nobody else's keys are in it, and nothing of it stays.

gpg keeps keys in files and in an agent of its own, so the home lies in memory where the system has a place for that,
only its owner can enter it, and at the end the agent is stopped and the folder removed.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import child
from sealer.sops.recipients.pgp import PgpService

TIMEOUT_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_LIMIT_BYTES: Final = 256 * 1024
_LIMIT_KEY: Final = 1024 * 1024
_IN_MEMORY: Final = "/dev/shm"  # noqa: S108  # the folder made in it is private
# Nobody is there to answer a prompt, no card is in a reader, and no key is to be looked for on the network.
_SETTINGS: Final = {
    "gpg.conf": "pinentry-mode error\nno-auto-key-retrieve\ndisable-dirmngr\n",
    "gpg-agent.conf": "disable-scdaemon\n",
}


class GnupgHome:
    """Imports keys when it is made. `close` has to be called."""

    def __init__(self, keys: Mapping[str, bytes], *, path: str, folder: str | None = None) -> None:
        """`keys` are armoured private keys by the names that errors give them; `path` is where programs are looked
        for. `folder` is where the home is made; its path has to be short, because the agent's socket lies in it.

        Raises: KsealError for a key that gpg does not take.
        """
        self._home = tempfile.mkdtemp(prefix="kseal-gpg-", dir=folder or _folder())
        self._environ = {"PATH": path, "HOME": self._home, "LC_ALL": "C"}
        try:
            for name, text in _SETTINGS.items():
                Path(self._home, name).write_text(text, encoding="ascii")
            for name, key in sorted(keys.items()):
                self._import(name, key)
        except BaseException:
            self.close()
            raise

    def service(self) -> PgpService:
        """What unwraps with the keys of this home."""
        return PgpService(self._environ, home=self._home, timeout_seconds=TIMEOUT_SECONDS)

    def close(self) -> None:
        """Stop the agent and remove the keys."""
        try:
            # An agent that cannot be told to stop sees that its folder is gone, and ends by itself.
            with suppress(KsealError):
                child.run(
                    ["gpgconf", "--homedir", self._home, "--kill", "all"],
                    environ=self._environ,
                    timeout_seconds=_STOP_SECONDS,
                    limit_bytes=_LIMIT_BYTES,
                )
        finally:
            shutil.rmtree(self._home, ignore_errors=True)

    def _import(self, name: str, key: bytes) -> None:
        if len(key) > _LIMIT_KEY:
            raise KsealError(f"{name}: more than {_LIMIT_KEY} bytes")
        code, _, _ = child.run(
            ["gpg", "--homedir", self._home, "--batch", "--no-tty", "--import"],
            environ=self._environ,
            timeout_seconds=TIMEOUT_SECONDS,
            limit_bytes=_LIMIT_BYTES,
            given=key,
        )
        if code:
            # What gpg says may quote user IDs and comments out of the Secret.
            raise KsealError(
                f"{name}: gpg cannot import it",
                "it has to be an armoured private key without passphrase, as `gpg --export-secret-keys --armor` prints",
            )


def _folder() -> str | None:
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else None
