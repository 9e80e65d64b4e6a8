"""Master keys of kind `pgp`: a data key in a PGP message, by the person's own gpg, with its agent and smart cards.

Neither key material nor passphrases are among gpg's arguments: data goes through pipes, passphrases through the agent.
What a hostile message unpacks to is bounded. Old keyrings (`secring.gpg`) are gpg's to read, which moves them over.
Source: getsops/sops 3.13.3 pgp/keysource.go; gpg(1).
"""

from collections.abc import Mapping
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import child
from sealer.sops.recipients.base import MasterKey, shown

TIMEOUT_SECONDS: Final = 300.0
"""The agent may ask a person for a passphrase or a card."""
_LIMIT_BYTES: Final = 256 * 1024
_LIMIT_MESSAGE: Final = 64 * 1024
_LINES_SHOWN: Final = 3
_CHARACTERS_SHOWN: Final = 300
_HEX: Final = frozenset("0123456789abcdefABCDEF")


class PgpService:
    """Wraps for a fingerprint of the keyring, and unwraps with whatever secret key gpg finds there."""

    def __init__(
        self, environ: Mapping[str, str], *, home: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`environ` says which gpg and which home, as for the original; `home` is a keyring of the caller's own."""
        self._environ = environ
        self._program = environ.get("SOPS_GPG_EXEC") or "gpg"
        self._home = ("--homedir", home) if home else ()
        self._timeout_seconds = timeout_seconds

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """An armoured message for the fingerprint, which counts as trusted. Raises: KsealError."""
        fingerprint = key.text("fp")
        if not (len(fingerprint) >= 16 and _HEX.issuperset(fingerprint.removesuffix("!"))):
            hint = "a PGP key is named by its fingerprint in hexadecimal, with a ! behind it for just that subkey"
            raise KsealError(f'"{shown(fingerprint)}" is no PGP fingerprint', hint)
        message = self._gpg(
            "encrypt",
            data,
            "--no-default-recipient",
            "--yes",
            "--encrypt",
            "-a",
            "-r",
            fingerprint,
            "--trusted-key",
            _long_id(fingerprint),
            "--no-encrypt-to",
        )
        return message.decode("ascii", "replace").strip()

    def unwrap(self, key: MasterKey) -> bytes:
        """What the message holds. Raises: KsealError."""
        if len(key.enc) > _LIMIT_MESSAGE:
            raise KsealError(f"its PGP message is longer than {_LIMIT_MESSAGE} bytes")
        data = self._gpg("decrypt", key.enc.encode("utf-8", "surrogateescape"), "-d")
        if not data:  # old versions leave out what they cannot decrypt, and call it success (getsops/sops#896)
            raise KsealError("gpg decrypts the message to nothing", "a newer GnuPG may know the cipher of the message")
        return data

    def _gpg(self, what: str, given: bytes, *arguments: str) -> bytes:
        code, output, errors = child.run(
            [self._program, *self._home, "--batch", *arguments],
            environ={**self._environ, "LC_ALL": "C"},
            timeout_seconds=self._timeout_seconds,
            limit_bytes=_LIMIT_BYTES,
            given=given,
        )
        if code:
            hint = "gpg needs the key in its keyring (GNUPGHOME), and GPG_TTY where it is to ask for a passphrase"
            raise KsealError(f"gpg cannot {what}: {_last_words(errors) or f'exit code {code}'}", hint)
        return output


def _long_id(fingerprint: str) -> str:
    """The last 16 digits, with the mark of an exact subkey kept."""
    mark = "!" if fingerprint.endswith("!") else ""
    return fingerprint.removesuffix("!")[-16:] + mark


def _last_words(errors: bytes) -> str:
    lines = [line.strip().removeprefix("gpg: ") for line in errors.decode("utf-8", "replace").splitlines()]
    shown = [line for line in lines if line and not line.startswith("encrypted with")][-_LINES_SHOWN:]
    line = "; ".join(shown)
    line = line if len(line) <= _CHARACTERS_SHOWN else f"{line[:_CHARACTERS_SHOWN]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in line)
