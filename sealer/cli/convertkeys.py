"""What a conversion opens and closes with: private keys, a certificate, recipients. Each is read once, when needed."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sealer import sealedsecret
from sealer.cli import keyfiles, sealingkey
from sealer.cli.misuse import Misused
from sealer.cli.verb import Given
from sealer.convert import sopsfile
from sealer.convert.file import NOTHING, Converted, Powers, Raw, convert
from sealer.convert.forms import Form, may_hold_secrets
from sealer.convert.sopsfile import Decrypted, Recipients
from sealer.ring import KeyRing
from sealer.scope import Scope
from sealer.sops.operations import Keys

if TYPE_CHECKING:
    from sealer.cli.sealingkey import Sealing
    from sealer.cli.terminal import Terminal
    from sealer.sops.config import Config
    from sealer.sops.formats.base import Format

KEY_FLAGS = {
    "age": "age",
    "pgp": "pgp",
    "kms": "kms",
    "gcp-kms": "gcp_kms",
    "azure-kv": "azure_kv",
    "hc-vault-transit": "hc_vault",
}
"""The flag of each kind of key for SOPS."""


class Means:
    """What one call has, for all its files."""

    def __init__(self, given: Given, terminal: "Terminal", environ: Mapping[str, str], *, example: str) -> None:
        self._given = given
        self._terminal = terminal
        self._environ = environ
        self._example = example

    def converted(self, source: str, data: bytes, name: str | None, target: Form) -> Converted:
        """One file. `name` decides on its rule and its format, None where it has none. Raises: KsealError."""
        if not may_hold_secrets(data):
            return NOTHING
        powers = Powers(
            self._sealer, self._unsealer, lambda: self._encrypter(name, data), lambda: self._decrypter(name)
        )
        return convert(data, source, target, powers, may_lose=self._given.flag("lossy"))

    def _sealer(self) -> Callable[[Raw, str], Raw]:
        certificate, default_namespace = self._sealing
        flag, namespace = self._given.text("scope"), self._given.text("namespace")

        def seal(raw: Raw, place: str) -> Raw:
            sealed = sealedsecret.seal_secret(
                raw,
                certificate.public_key,
                scope=Scope(flag) if flag else None,
                namespace=namespace,
                default_namespace=default_namespace or "default",
                allow_empty=self._given.flag("allow-empty-data"),
            )
            chosen = sealed["metadata"].get("namespace")
            if chosen and not namespace and not raw["metadata"].get("namespace"):
                self._terminal.warning(f'{place}: names no namespace, sealed for "{chosen}"', "say another with -n")
            return sealed

        return seal

    def _unsealer(self) -> Callable[[Raw], Raw]:
        ring = self._ring
        return lambda raw: sealedsecret.unseal_secret(sealedsecret.parse(raw), ring, accept_v1_data=False).secret

    def _encrypter(self, name: str | None, data: bytes) -> Callable[[bytes], bytes]:
        form, recipients = self._format(name, data), self._recipients(name)
        source = name or "stdin"

        def encrypt(plain: bytes) -> bytes:
            return sopsfile.encrypted(plain, form, self._keys, recipients, source=source, now=datetime.now(UTC))

        return encrypt

    def _decrypter(self, name: str | None) -> Callable[[bytes, bool], Decrypted]:
        def decrypt(data: bytes, keeps_comments: bool) -> Decrypted:
            return sopsfile.decrypted(
                data, self._format(name, data), self._keys_for(name), keeps_comments=keeps_comments
            )

        return decrypt

    def _keys_for(self, name: str | None) -> Keys:
        """What opens a file. Of many, nobody has looked at each: a token of Vault goes to servers of its rule only."""
        if name is None or not (self._given.flag("recursive") or len(self._given.files) > 1):
            return self._keys
        from sealer.sops.vaultservers import limited_by

        path = os.path.abspath(name)  # noqa: PTH100  # as files.py
        return limited_by(self._keys, lambda: self._config.rule_for(path) if self._config else None, self._environ)

    @cached_property
    def _sealing(self) -> "Sealing":
        return sealingkey.one(self._given, self._terminal, self._environ)

    @cached_property
    def _ring(self) -> KeyRing:
        """Raises: Misused when no key is named."""
        named = keyfiles.named(self._given)
        if not named:
            raise Misused("there are SealedSecrets to open, and no private key is named", "name one with -k")
        return KeyRing(keyfiles.read(named, example=self._example))

    @cached_property
    def _keys(self) -> Keys:
        from sealer.cli.sops.services import services

        return Keys(services(self._environ, has_local=True, uris=()))

    @cached_property
    def _config(self) -> "Config | None":
        """The .sops.yaml that is named, or the one of this folder or a parent. Raises: ConfigError."""
        from sealer.sops import config, configfile

        path = self._given.text("config")
        if path is None:
            found = configfile.find(".")
            if found.warning:
                self._terminal.warning(found.warning)
            path = found.path
        return None if path is None else config.load(path)

    def _format(self, name: str | None, data: bytes) -> "Format":
        form = sopsfile.form_for(name or "", data)
        indent = self._config.indent(form.name) if self._config else None
        return form if indent is None else sopsfile.form_for(name or "", data, indent=indent)

    def _recipients(self, name: str | None) -> Recipients:
        """Keys of flags replace those of the rule; what is encrypted is the rule's to say all the same.

        Raises: Misused where nothing names a key; ConfigError.
        """
        from sealer.sops.recipients import spelling

        flagged = [
            spelling.parse(kind, text)
            for flag, kind in KEY_FLAGS.items()
            for listed in self._given.texts(flag)
            for text in spelling.split(listed)
        ]
        rule = self._config.rule_for(os.path.abspath(name)) if name and self._config else None  # noqa: PTH100  # as files.py
        if not flagged and rule is None:
            where = "" if name else ", and standard input has no name for which .sops.yaml could have a rule"
            raise Misused(
                f"nothing says for whom to encrypt: there is no rule for it in a .sops.yaml{where}",
                "name a key, for example --age RECIPIENT",
            )
        if rule is None:
            return Recipients([flagged])
        return Recipients(
            [flagged] if flagged else rule.groups, 0 if flagged else rule.shamir_threshold, rule.selection
        )
