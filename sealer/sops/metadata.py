"""The `sops` mapping of a file: who can open it, what is encrypted, when it changed and the seal over it.

Reading takes what every release since 1.0 wrote: numbers as text, empty lists, nulls, keys of later releases. Writing
is as release 3.13 does it, with every mapping sorted. Source: getsops/sops stores/stores.go and stores/metadata.go.
"""

from collections.abc import Mapping, Sequence

from sealer.sops.errors import EnvelopeRefused
from sealer.sops.recipients.base import FIELDS, Field, MasterKey
from sealer.sops.selection import RULES, Selection
from sealer.sops.tree import Branch, Comment, Timestamp, Value

VERSION = "3.13.3"
"""The release whose format is written."""

_ALWAYS = ("hc_vault", "age")
"""The lists that a key group has even when they are empty."""
_KEYS = 1000
"""Master keys of one file; each of them may be tried."""


class Metadata:
    """What a file says about itself. Values, in the sense that `changed` makes another one."""

    __slots__ = ("key_groups", "last_modified", "mac", "selection", "shamir_threshold", "version")

    def __init__(
        self,
        key_groups: Sequence[Sequence[MasterKey]],
        *,
        selection: Selection,
        shamir_threshold: int = 0,
        last_modified: str = "",
        mac: str = "",
        version: str = VERSION,
    ) -> None:
        """`last_modified` is RFC 3339 in whole seconds; it and `mac` are empty until something is encrypted."""
        self.key_groups = [list(group) for group in key_groups]
        self.selection = selection
        self.shamir_threshold = shamir_threshold
        self.last_modified = last_modified
        self.mac = mac
        self.version = version

    def changed(
        self,
        *,
        key_groups: Sequence[Sequence[MasterKey]] | None = None,
        shamir_threshold: int | None = None,
        last_modified: str | None = None,
        mac: str | None = None,
        version: str | None = None,
    ) -> "Metadata":
        """The same with some parts replaced."""
        return Metadata(
            self.key_groups if key_groups is None else key_groups,
            selection=self.selection,
            shamir_threshold=self.shamir_threshold if shamir_threshold is None else shamir_threshold,
            last_modified=self.last_modified if last_modified is None else last_modified,
            mac=self.mac if mac is None else mac,
            version=self.version if version is None else version,
        )

    @classmethod
    def read(cls, raw: Branch) -> "Metadata":
        """Raises: EnvelopeRefused, with the name of the field that is wrong; SopsError for two rules at once."""
        fields = _mapping(raw)
        selection = Selection(
            **{rule: _text(fields, rule) for rule in RULES}, mac_only_encrypted=_bool(fields, "mac_only_encrypted")
        )
        selection.check()
        return cls(
            _groups(fields),
            selection=selection.or_default(),
            shamir_threshold=_int(fields, "shamir_threshold"),
            last_modified=_time(fields, "lastmodified"),
            mac=_text(fields, "mac"),
            version=_text(fields, "version"),
        )

    def write(self) -> Branch:
        """The mapping as it stands in a file."""
        fields: dict[str, Value] = {"lastmodified": self.last_modified, "mac": self.mac, "version": self.version}
        fields.update(self.selection.texts)
        if self.selection.mac_only_encrypted:
            fields["mac_only_encrypted"] = True
        if self.shamir_threshold:
            fields["shamir_threshold"] = self.shamir_threshold
        if len(self.key_groups) == 1:
            fields.update(_lists(self.key_groups[0], always=()))
        elif self.key_groups:
            fields["key_groups"] = [_sorted(_lists(group, always=_ALWAYS)) for group in self.key_groups]
        return _sorted(fields)

    def check_version(self) -> None:
        """Raises: EnvelopeRefused for a version that is none, as the original cannot read such a file either."""
        version = self.version.removeprefix("v")
        if not version.startswith("1.") and not _is_semver(version):
            raise EnvelopeRefused("the metadata: `version` is not the version of a release")


def _is_semver(version: str) -> bool:
    core, plus, build = version.partition("+")
    core, hyphen, before = core.partition("-")
    numbers = core.split(".")
    extras = [*(before.split(".") if hyphen else ()), *(build.split(".") if plus else ())]
    return (
        1 <= len(numbers) <= 3
        and all(number.isascii() and number.isdigit() for number in numbers)
        and all(part.isascii() and part.replace("-", "0").isalnum() for part in extras)
    )


def _groups(fields: Mapping[str, Value]) -> list[list[MasterKey]]:
    flat = _group(fields, "")
    if flat:
        return [flat]
    groups = [
        _group(_entry(group, f"key_groups[{index}]"), f"key_groups[{index}].")
        for index, group in enumerate(_list(fields, "key_groups", ""))
    ]
    if not any(groups):
        raise EnvelopeRefused("the metadata: no keys found in the file")
    if sum(map(len, groups)) > _KEYS:
        raise EnvelopeRefused(f"the metadata: more than {_KEYS} master keys")
    return groups


def _group(fields: Mapping[str, Value], prefix: str) -> list[MasterKey]:
    keys = []
    for kind in FIELDS:
        entries = _list(fields, kind, prefix)
        if len(entries) > _KEYS:
            raise EnvelopeRefused(f"the metadata: {prefix}{kind}: more than {_KEYS} master keys")
        for index, entry in enumerate(entries):
            where = f"{prefix}{kind}[{index}]"
            keys.append(_key(kind, _entry(entry, where), f"{where}."))
    return keys


def _key(kind: str, entry: Mapping[str, Value], prefix: str) -> MasterKey:
    fields: dict[str, Field] = {}
    for name in FIELDS[kind]:
        if name == "context":
            context = entry.get(name)
            if context is not None and context != Branch():
                items = _entry(context, prefix + name)
                fields[name] = {key: _text(items, key, f"{prefix}{name}.") for key in items}
        elif (text := _text(entry, name, prefix)) or name != "role":
            fields[name] = text
    created_at = None if kind == "age" else _time(entry, "created_at", prefix)
    return MasterKey(kind, fields, _text(entry, "enc", prefix), created_at)


def _lists(group: Sequence[MasterKey], *, always: Sequence[str]) -> dict[str, Value]:
    lists: dict[str, Value] = {kind: [] for kind in always}
    for kind in FIELDS:
        entries: list[Value] = [_written(key) for key in group if key.kind == kind]
        if entries:
            lists[kind] = entries
    return lists


def _written(key: MasterKey) -> Branch:
    fields: dict[str, Value] = {"enc": key.enc}
    if key.kind != "age":
        fields["created_at"] = key.created_at or ""
    for name in FIELDS[key.kind]:
        if name == "context":
            if key.context:
                fields[name] = _sorted(dict(key.context))
        elif key.text(name) or name != "role":
            fields[name] = key.text(name)
    return _sorted(fields)


def _sorted(fields: Mapping[str, Value]) -> Branch:
    return Branch(sorted(fields.items()))


def _mapping(branch: Branch) -> dict[str, Value]:
    """Without comments, and of two items with one key the last, as Go's map keeps it."""
    return {key: value for key, value in branch if not isinstance(key, Comment)}


def _entry(value: Value, where: str) -> dict[str, Value]:
    if not isinstance(value, Branch):
        raise EnvelopeRefused(f"the metadata: {where}: not a mapping")
    return _mapping(value)


def _list(fields: Mapping[str, Value], name: str, prefix: str) -> list[Value]:
    value = fields.get(name)
    if value is None or value == Branch():
        return []
    if not isinstance(value, list):
        raise EnvelopeRefused(f"the metadata: {prefix}{name}: not a list")
    if isinstance(value, Branch):
        return [value]
    return [item for item in value if not isinstance(item, Comment)]


def _text(fields: Mapping[str, Value], name: str, prefix: str = "") -> str:
    match fields.get(name):
        case None:
            return ""
        case str(text):
            return text
        case bool(answer):
            return "1" if answer else "0"
        case int() | float() as number:
            return f"{number:g}" if isinstance(number, float) else str(number)
        case Timestamp() as time:
            return time.text
        case _:
            raise EnvelopeRefused(f"the metadata: {prefix}{name}: not text")


def _int(fields: Mapping[str, Value], name: str) -> int:
    text = _text(fields, name)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise EnvelopeRefused(f"the metadata: {name}: not a number of key groups")
    return int(text)


def _bool(fields: Mapping[str, Value], name: str) -> bool:
    text = _text(fields, name)
    if text in ("", "0", "f", "F", "false", "False", "FALSE"):
        return False
    if text in ("1", "t", "T", "true", "True", "TRUE"):
        return True
    raise EnvelopeRefused(f"the metadata: {name}: neither true nor false")


def _time(fields: Mapping[str, Value], name: str, prefix: str = "") -> str:
    try:
        return Timestamp.parse(_text(fields, name, prefix)).seconds()
    except ValueError:
        raise EnvelopeRefused(f"the metadata: {prefix}{name}: not a time of RFC 3339") from None
