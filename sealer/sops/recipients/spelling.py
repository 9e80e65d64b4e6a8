"""How a person writes a key, in a rule or a flag, turned into a master key that has wrapped nothing yet.

Source: the constructors of each key source of getsops/sops 3.13.3 (`NewMasterKeyFromArn`, `NewMasterKeyFromURI`, ...).
"""

from collections.abc import Mapping
from typing import Final

from engine.errors import KsealError
from sealer.sops.recipients import agetexts
from sealer.sops.recipients.base import FIELDS, Field, MasterKey, shown

LIMIT_CHARACTERS: Final = 16_384
"""The longest known way to write a key is an age hybrid recipient, of 1 959 characters."""


def split(text: str) -> list[str]:
    """The members of a comma-separated list, trimmed; empty ones are skipped."""
    return [member.strip() for member in text.split(",") if member.strip()]


def parse(kind: str, text: str, *, context: Mapping[str, str] | None = None, aws_profile: str = "") -> MasterKey:
    """The master key that one text names. `context` and `aws_profile` belong to kind `kms` alone.

    Raises: KsealError.
    """
    if len(text) > LIMIT_CHARACTERS:
        raise KsealError(f"a key of kind {kind} is written in {len(text)} characters, more than {LIMIT_CHARACTERS}")
    fields: dict[str, Field]
    match kind:
        case "kms":
            fields = _arn(text) | ({"context": dict(context)} if context else {}) | {"aws_profile": aws_profile}
        case "hc_vault":
            fields = _vault(text)
        case "azure_kv":
            fields = _azure(text)
        case "hckms":
            fields = _huawei(text)
        case "age":
            recipient = text.strip()
            agetexts.check_recipient(recipient)
            fields = {"recipient": recipient}
        case _:
            (name,) = FIELDS[kind]
            fields = {name: text.replace(" ", "")}
    return MasterKey(kind, fields)


def parse_context(text: str) -> dict[str, str]:
    """An encryption context of AWS KMS, `KEY:VALUE,KEY:VALUE`. Raises: KsealError."""
    context: dict[str, str] = {}
    for member in text.split(","):
        key, colon, value = member.partition(":")
        if not colon or ":" in value:
            raise KsealError(f'encryption context: "{shown(member)}" is not KEY:VALUE')
        context[key] = value
    return context


def _arn(text: str) -> dict[str, Field]:
    """A key's ARN, with a role to take on behind a `+`. A path may hold a plus, but no colon."""
    text = text.replace(" ", "")
    at = text.find("+arn:")
    return {"arn": text[:at], "role": text[at + 1 :]} if at > 0 else {"arn": text}


def _vault(text: str) -> dict[str, Field]:
    scheme, separator, rest = text.strip().partition("://")
    host, slash, path = rest.partition("/")
    parts = path.strip("/").split("/")
    version = parts[0].removeprefix("v")
    if not (separator and scheme and host and slash and len(parts) >= 4 and version.isdecimal() and parts[0][0] == "v"):
        hint = "a key in Vault is written as https://vault.example.com:8200/v1/transit/keys/NAME, without more in front"
        raise KsealError(f'"{shown(text)}" names no key in Vault', hint)
    engine = "/".join(part for part in parts[1:-2] if part)
    return {"vault_address": f"{scheme}://{host}", "engine_path": engine, "key_name": parts[-1]}


def _azure(text: str) -> dict[str, Field]:
    vault, separator, rest = text.strip().partition("/keys/")
    name, _, version = rest.partition("/")
    if (
        not (vault.startswith("https://") and "/" not in vault[8:] and vault[8:] and separator and name)
        or "/" in version
    ):
        hint = "a key in Azure Key Vault is written as https://VAULT.vault.azure.net/keys/NAME or .../NAME/VERSION"
        raise KsealError(f'"{shown(text)}" names no key in Azure Key Vault', hint)
    return {"vault_url": vault, "name": name, "version": version}


def _huawei(text: str) -> dict[str, Field]:
    region, colon, uuid = text.strip().partition(":")
    if not (colon and region.strip() and uuid.strip()):
        raise KsealError(f'"{shown(text)}" names no key in Huawei KMS', "such a key is written as REGION:UUID")
    return {"key_id": text.strip()}
