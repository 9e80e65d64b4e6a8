"""Backups of keys that are encrypted with age: the options that open them, and the opening."""

import sys

from engine.errors import KsealError
from engine.sensitive import Sensitive
from sealer.cli import files, keyfiles
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given, Option

LEAST_LETTERS = 12
OPTIONS = (
    Option(
        ("--identity",),
        "Decrypt an encrypted -k FILE with this age identity or SSH key; repeatable.",
        "FILE",
        many=True,
    ),
    Option(("--passphrase",), "Decrypt it by a passphrase, typed or on standard input."),
)


class Decryptor:
    """Opens encrypted files as the options say; a passphrase is asked for once.

    `is_input_taken` says that standard input brings something else.
    """

    def __init__(self, given: Given, *, is_input_taken: bool = False) -> None:
        self._given = given
        self._is_input_taken = is_input_taken or files.STDIN in keyfiles.named(given)
        self._passphrase: Sensitive | None = None

    def __call__(self, source: str, data: bytes) -> bytes:
        """The plain text; a file that is not encrypted is given back as it is.

        Raises: Misused when nothing is at hand to decrypt it; KsealError.
        """
        from sealer import age

        if not age.is_encrypted(data):
            return data
        named = self._given.texts("identity")
        if self._given.flag("passphrase") or (not named and age.wants_passphrase(data)):
            return age.decrypt_by_passphrase(data, self._asked(source))
        if not named:
            raise Misused(f"{source}: the backup is encrypted", hint="name the identity that opens it: --identity FILE")
        return age.decrypt(data, [one.data for one in files.read_inputs(named, example="")])

    def _asked(self, source: str) -> Sensitive:
        if self._passphrase is None:
            if self._is_input_taken and (sys.stdin is None or not sys.stdin.isatty()):
                raise Misused(
                    f"{source}: standard input cannot give the passphrase beside something else",
                    hint="name the files instead of piping them in",
                )
            self._passphrase = passphrase(is_new=False)
        return self._passphrase


def passphrase(*, is_new: bool) -> Sensitive:
    """Typed unseen, twice for a new one; where nobody sits there, the first line of standard input.

    Raises: Misused, KsealError.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        text = "" if sys.stdin is None else sys.stdin.readline().rstrip("\r\n")
    else:
        from getpass import getpass

        text = getpass("Passphrase: ", sys.stderr)
        if is_new and getpass("Again: ", sys.stderr) != text:
            raise KsealError("the two passphrases are not the same")
    if is_new and len(text) < LEAST_LETTERS:
        raise Misused(f"the passphrase has fewer than {LEAST_LETTERS} characters")
    return Sensitive(text.encode())
