"""The SOPS side of a conversion: a whole text encrypted so that no value of a Secret stays plain, and decrypted."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sealer.convert.forms import is_secret
from sealer.objectfile import ObjectFile, Placed
from sealer.sops.errors import SopsError
from sealer.sops.formats.base import Format, by_name
from sealer.sops.operations import Keys, decrypt_file, encrypt_file
from sealer.sops.selection import Selection

if TYPE_CHECKING:
    from sealer.sops.recipients.base import MasterKey

OF_SECRETS = "^(data|stringData)$"
"""What is encrypted of a Secret where no rule says something else: Kubernetes has to read the rest."""
_ENCRYPTED = "ENC["


class Recipients:
    """For whom a file is encrypted, and what of it."""

    __slots__ = ("groups", "selection", "shamir_threshold")

    def __init__(
        self, groups: "Sequence[Sequence[MasterKey]]", shamir_threshold: int = 0, selection: Selection | None = None
    ) -> None:
        self.groups = groups
        self.shamir_threshold = shamir_threshold
        given = selection or Selection()
        self.selection = (
            given if given.rule else Selection(encrypted_regex=OF_SECRETS, mac_only_encrypted=given.mac_only_encrypted)
        )


def form_for(name: str, data: bytes, *, indent: int | None = None) -> Format:
    """JSON or YAML: by the name of the file, else by the text itself."""
    if name.endswith(".json"):
        return by_name("json", indent=indent)
    is_yaml = name.endswith((".yaml", ".yml")) or data.lstrip()[:1] != b"{"
    return by_name("yaml" if is_yaml else "json", indent=indent)


def decrypted(data: bytes, form: Format, keys: Keys) -> bytes:
    """The plain text, once its MAC is found right. Raises: SopsError."""
    return decrypt_file(data, form, form, keys)


def encrypted(data: bytes, form: Format, keys: Keys, recipients: Recipients, *, source: str, now: datetime) -> bytes:
    """A text of Secrets under a new data key. Raises: SopsError, also when the rule leaves a value plain."""
    made = encrypt_file(
        data,
        form,
        form,
        keys,
        groups=recipients.groups,
        shamir_threshold=recipients.shamir_threshold,
        selection=recipients.selection,
        now=now,
    )
    before = [placed for placed in ObjectFile(data, source=source).objects if is_secret(placed.raw)]
    after = [placed for placed in ObjectFile(made, source=source).objects if is_secret(placed.raw)]
    if len(before) != len(after):
        raise SopsError("the rule encrypts the kind of a Secret, so that nothing would know it", _hint())
    for placed in after:
        _check(placed)
    return made


def _check(placed: Placed) -> None:
    for field in ("data", "stringData"):
        items: Any = placed.raw.get(field)
        for key, text in items.items() if isinstance(items, dict) else ():
            if text and not (isinstance(text, str) and text.startswith(_ENCRYPTED)):
                raise SopsError(f'the rule leaves {field}["{key}"] in plain text', _hint())


def _hint() -> str:
    return f"encrypted_regex: {OF_SECRETS} in .sops.yaml is what Secrets need"
