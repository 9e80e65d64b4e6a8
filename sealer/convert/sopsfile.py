"""The SOPS side of a conversion: a whole text encrypted so that no value of a Secret stays plain, and decrypted."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sealer.convert.forms import ENCRYPTED, is_secret
from sealer.objectfile import ObjectFile, Placed
from sealer.sops.envelope import Envelope
from sealer.sops.errors import SopsError
from sealer.sops.formats.base import Format, by_name
from sealer.sops.groups import unwrap_data_key
from sealer.sops.operations import Keys, encrypt_file
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch, Comment, Value

if TYPE_CHECKING:
    from sealer.sops.recipients.base import MasterKey

OF_SECRETS = "^(data|stringData)$"
"""What is encrypted of a Secret where no rule says something else: Kubernetes has to read the rest."""
_COMMENT_END = ",type:comment]"
_ITEM_FIELDS = ("data", "stringData")


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


class Decrypted(NamedTuple):
    """The plain text of a file, and what was as secret in it as its values."""

    data: bytes
    hidden: tuple[str, ...]
    """Where it encrypts what is no item of a Secret: `metadata.labels.app`."""
    has_lost_comments: bool

    def __repr__(self) -> str:
        """It holds plaintext, so it does not print."""
        return "Decrypted()"


def decrypted(data: bytes, form: Format, keys: Keys, *, keeps_comments: bool) -> Decrypted:
    """The plain text, once its MAC is found right. Unless told to, it has none of the comments that were encrypted: a
    form that encrypts values only would show them. Raises: SopsError."""
    envelope = form.read_encrypted(data)
    branches = envelope.branches if keeps_comments else [_without_comments(branch) for branch in envelope.branches]
    key = unwrap_data_key(envelope.metadata, keys.services, order=keys.order)
    plain = Envelope(branches, envelope.metadata).decrypt(key.reveal())
    hidden = [path for branch in branches for path in _hidden(branch, ())]
    return Decrypted(form.write_plain(plain), tuple(dict.fromkeys(hidden)), branches != envelope.branches)


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
    for field in _ITEM_FIELDS:
        items: Any = placed.raw.get(field)
        for key, text in items.items() if isinstance(items, dict) else ():
            if text and not (isinstance(text, str) and text.startswith(ENCRYPTED)):
                raise SopsError(f'the rule leaves {field}["{key}"] in plain text', _hint())


def _hint() -> str:
    return f"encrypted_regex: {OF_SECRETS} in .sops.yaml is what Secrets need"


def _without_comments(branch: Branch) -> Branch:
    """The same without encrypted comments, which a MAC does not cover."""
    return Branch((key, _stripped(value)) for key, value in branch if not _is_encrypted_comment(key))


def _stripped(value: Value) -> Value:
    if isinstance(value, Branch):
        return _without_comments(value)
    if isinstance(value, list):
        elements: list[Value] = value  # type: ignore[assignment]  # no branch any more
        return [_stripped(element) for element in elements if not _is_encrypted_comment(element)]
    return value


def _is_encrypted_comment(value: object) -> bool:
    """A comment in a list stands there as a string."""
    if isinstance(value, Comment):
        return value.text.startswith(ENCRYPTED)
    return isinstance(value, str) and value.startswith(ENCRYPTED) and value.endswith(_COMMENT_END)


def _hidden(value: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Branch):
        for key, item in value:
            is_item = key in _ITEM_FIELDS and all(step == "items" for step in path)
            if isinstance(key, str) and not is_item:
                yield from _hidden(item, (*path, key))
    elif isinstance(value, list):
        for element in value:
            yield from _hidden(element, path)
    elif isinstance(value, str) and value.startswith(ENCRYPTED):
        yield ".".join(path)
