"""The master keys that a rule of `.sops.yaml` names, in groups or flat. Keys have wrapped nothing yet.

Source: sops.md section 10, getsops/sops config.go getKeyGroupsFromCreationRule.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from engine.errors import KsealError
from sealer.sops.configfile import Fields
from sealer.sops.errors import ConfigError
from sealer.sops.recipients import spelling
from sealer.sops.recipients.base import Field, MasterKey

KeyGroups = list[list[MasterKey]]

_FLAT = {
    "age": "age",
    "pgp": "pgp",
    "kms": "kms",
    "gcp_kms": "gcp_kms",
    "hckms": "hckms",
    "azure_keyvault": "azure_kv",
    "hc_vault_transit_uri": "hc_vault",
}
"""Fields of a rule without key groups, in the order in which their keys come, with the kind of key of each."""


def groups(fields: Fields, context: Mapping[str, str] | None) -> KeyGroups:
    """The key groups of a rule; without some, its flat keys as one. `context` goes with flat keys of AWS KMS.

    Raises: ConfigError.
    """
    named = fields.mappings("key_groups")
    if named:
        return [_group(group) for group in named]
    profile = fields.text("aws_profile")
    flat: list[MasterKey] = []
    for name, kind in _FLAT.items():
        texts = fields.texts(name) if name == "hckms" else fields.texts_or_list(name)
        for text in (member for item in texts for member in spelling.split(item)):
            is_aws = kind == "kms"
            with _at(fields, name):
                flat.append(
                    spelling.parse(
                        kind, text, context=context if is_aws else None, aws_profile=profile if is_aws else ""
                    )
                )
    return [flat]


@contextmanager
def _at(fields: Fields, name: str) -> Iterator[None]:
    """Name the field in what is wrong with a key. Raises: ConfigError."""
    try:
        yield
    except ConfigError:
        raise
    except KsealError as error:
        raise ConfigError(f"{fields.source}: {fields.place}.{name}: {error.message}", error.hint) from error


def _group(fields: Fields) -> list[MasterKey]:
    """The keys of a group, those that it merges in first, each once."""
    found = [key for merged in fields.mappings("merge") for key in _group(merged)]
    with _at(fields, "age"):
        found += [spelling.parse("age", text) for item in fields.texts("age") for text in spelling.split(item)]
    found += [spelling.parse("pgp", text) for text in fields.texts("pgp")]
    found += [_aws(key) for key in fields.mappings("kms")]
    found += [spelling.parse("gcp_kms", key.text("resource_id")) for key in fields.mappings("gcp_kms")]
    with _at(fields, "hckms"):
        found += [spelling.parse("hckms", key.text("key_id")) for key in fields.mappings("hckms")]
    found += [_azure(key) for key in fields.mappings("azure_keyvault")]
    with _at(fields, "hc_vault"):
        found += [spelling.parse("hc_vault", text) for text in fields.texts("hc_vault")]
    unique: dict[tuple[str, str], MasterKey] = {}
    for key in found:
        unique.setdefault((key.kind, key.identity), key)
    return list(unique.values())


def _aws(fields: Fields) -> MasterKey:
    named: dict[str, Field] = {"arn": fields.text("arn"), "aws_profile": fields.text("aws_profile")}
    if fields.text("role"):
        named["role"] = fields.text("role")
    context = fields.mapping("context")
    if context.values:
        named["context"] = {name: context.text(name) for name in context.values}
    return MasterKey("kms", named)


def _azure(fields: Fields) -> MasterKey:
    named = {"vault_url": "vaultUrl", "name": "key", "version": "version"}
    return MasterKey("azure_kv", {name: fields.text(spelled) for name, spelled in named.items()})
