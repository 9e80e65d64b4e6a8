"""A master key of a SOPS file, and what wraps and unwraps with one.

A master key is data: its kind, the fields that name it, the wrapped key. It knows no library and no network; those
belong to a KeyService, of which there is one for each kind. Source: getsops/sops stores/stores.go and `ToString` of
each key source, release 3.13.3.
"""

from collections.abc import Mapping
from typing import Final, Protocol, runtime_checkable

Field = str | Mapping[str, str]
"""A text, or for `context` of AWS KMS a mapping of texts."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "kms": ("arn", "role", "context", "aws_profile"),
    "gcp_kms": ("resource_id",),
    "hckms": ("key_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
    "pgp": ("fp",),
    "age": ("recipient",),
}
"""Each kind with the fields that name a key of it, spelled as in the metadata, in the order in which a group loads."""

_SHOWN_CHARACTERS: Final = 100


def shown(text: str) -> str:
    """A text out of a file or a rule as an error shows it: what does not print is replaced, what is long is cut."""
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 13]}…{line[-12:]}"


class MasterKey:
    """One entry of a key group. Never changed in place: `wrapping` gives the same key around another data key."""

    __slots__ = ("created_at", "enc", "fields", "kind")

    def __init__(self, kind: str, fields: Mapping[str, Field], enc: str = "", created_at: str | None = None) -> None:
        """`enc` is the wrapped key as text, empty before the first time.

        `created_at` is RFC 3339, and None for age, and for a key from a rule or a flag that has wrapped nothing yet.
        """
        self.kind = kind
        self.fields = fields
        self.enc = enc
        self.created_at = created_at

    def text(self, name: str) -> str:
        """A field that is text, empty when it is absent."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    @property
    def context(self) -> Mapping[str, str]:
        """The encryption context of AWS KMS; empty for the other kinds."""
        value = self.fields.get("context", {})
        return {} if isinstance(value, str) else value

    @property
    def identity(self) -> str:
        """What a person knows the key by. Two keys of one kind and one identity are the same key."""
        match self.kind:
            case "kms":
                return self._arn_and_context()
            case "azure_kv":
                return f"{self.text('vault_url')}/keys/{self.text('name')}/{self.text('version')}"
            case "hc_vault":
                return f"{self.text('vault_address')}/v1/{self.text('engine_path')}/keys/{self.text('key_name')}"
            case _:
                (name,) = FIELDS[self.kind]
                return self.text(name)

    def wrapping(self, enc: str, created_at: str) -> "MasterKey":
        """The same key around a data key. It keeps the time of its creation; age keys have none."""
        kept = None if self.kind == "age" else self.created_at or created_at
        return MasterKey(self.kind, self.fields, enc, kept)

    def _arn_and_context(self) -> str:
        role, profile = self.text("role"), self.text("aws_profile")
        context = ",".join(f"{key}:{value}" for key, value in sorted(self.context.items()))
        parts = [f"{self.text('arn')}+{role}" if role else self.text("arn")]
        if context or profile:
            parts.append(context)
        if profile:
            parts.append(profile)
        return "|".join(parts)


class KeyService(Protocol):
    """Wraps and unwraps data keys for master keys of one kind. Used by several threads at once."""

    def wrap(self, key: MasterKey, data: bytes) -> str:
        """`data` under `key`, as the text of its `enc`. Raises: KsealError."""

    def unwrap(self, key: MasterKey) -> bytes:
        """What `key.enc` holds. Raises: KsealError, which never carries key material."""


@runtime_checkable
class KeyResolver(Protocol):
    """A service that can complete what a person left out of a key, such as its newest version."""

    def resolve(self, key: MasterKey) -> Mapping[str, Field]:
        """The fields of `key`, completed. Raises: KsealError."""
