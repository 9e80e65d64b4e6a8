"""`.sops.yaml`: which keys and which selection a new file gets, where published files go, how stores indent.

Source: sops.md section 10, getsops/sops config.go.
"""

import os
from collections.abc import Mapping

from sealer.sops.configfile import LARGEST, Fields, parse
from sealer.sops.configkeys import KeyGroups, groups
from sealer.sops.errors import ConfigError, NotWritable
from sealer.sops.selection import RULES, Selection

_TAB = -1
_WIDEST = 64


class NoRuleMatches(ConfigError):
    """There are rules, and none of them is for the file."""


class Rule:
    """What a creation rule says of the files that it matches. Keys have wrapped nothing yet."""

    __slots__ = ("groups", "is_for_all", "selection", "shamir_threshold")

    def __init__(
        self, groups: KeyGroups, shamir_threshold: int, selection: Selection, *, is_for_all: bool = False
    ) -> None:
        self.groups = groups
        self.shamir_threshold = shamir_threshold
        """0 where the rule does not say."""
        self.selection = selection
        """Empty where the rule does not say."""
        self.is_for_all = is_for_all
        """Whether it matches any path, and so says how files are encrypted, and not which."""


class Destination:
    """Where a published file goes: `kind` is s3, gcs or vault, None where the rule names no place."""

    __slots__ = ("fields", "kind", "omit_extensions", "recreation")

    def __init__(self, kind: str | None, fields: Mapping[str, str], recreation: Rule, *, omit_extensions: bool) -> None:
        self.kind = kind
        self.fields = fields
        self.recreation = recreation
        """The rule under which the file is encrypted anew; without keys where it is published as it is."""
        self.omit_extensions = omit_extensions


class Config:
    """One `.sops.yaml`. What is wrong in a part of it is said when that part is asked for."""

    def __init__(self, top: Fields, folder: str) -> None:
        """`folder` is the absolute path of where it lies."""
        self._top = top
        self._folder = folder

    @property
    def has_rules(self) -> bool:
        """Whether it says anything of new files; an empty list does, and matches nothing."""
        return self._top.values.get("creation_rules") is not None

    def rule_for(self, path: str, *, context: Mapping[str, str] | None = None) -> Rule | None:
        """The first creation rule that matches an absolute path; None where there are no rules at all.

        `context` is the encryption context for keys of AWS KMS outside of key groups.

        Raises: NoRuleMatches where there are others; ConfigError for a rule that is wrong.
        """
        if not self.has_rules:
            return None
        path = path.removeprefix(self._folder.rstrip("/") + "/")
        for fields in self._top.mappings("creation_rules"):
            if _matches(fields, path):
                return _rule(fields, context)
        raise NoRuleMatches(
            f"error loading config: no matching creation rules found in {self._top.source}",
            f"no path_regex there matches {path}; a last rule without one would match all files",
        )

    def destination_for(self, path: str) -> Destination:
        """The first destination rule that matches a path as it was typed. Raises: ConfigError."""
        for fields in self._top.mappings("destination_rules"):
            if _matches(fields, path):
                return _destination(fields)
        raise ConfigError("error loading config: no matching destination found in config")

    def indent(self, format_name: str) -> int | None:
        """How many spaces a format indents by, None for its own way. Raises: ConfigError, NotWritable."""
        store = {"binary": "json_binary"}.get(format_name, format_name)
        fields = self._top.mapping("stores").mapping(store)
        spaces = fields.number("indent", 0 if store == "yaml" else _TAB)
        return indent(format_name, spaces)


def indent(format_name: str, spaces: int) -> int | None:
    """A number of spaces as formats take it: YAML's own way is 0, JSON's is -1, a tab. Raises: NotWritable."""
    own = 0 if format_name == "yaml" else _TAB
    if spaces < own:
        what = "YAML Negative indentation" if format_name == "yaml" else "JSON Indentation parameter smaller than -1 is"
        raise NotWritable(f"{what} not accepted")
    if spaces > _WIDEST:
        raise NotWritable(f"an indentation of {spaces} is more than {_WIDEST} spaces")
    return None if spaces == own else spaces


def load(path: str) -> Config:
    """Read a file. Raises: ConfigError."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib would cost 3 ms
            data = file.read(LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise ConfigError(f"could not read config file: open {path}: {reason}") from error
    return loads(data, path)


def loads(data: bytes, path: str) -> Config:
    """The configuration in a text that lies at `path`. Raises: ConfigError."""
    return Config(parse(data, path), os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120  # the same


def _matches(fields: Fields, path: str) -> bool:
    """Whether `path_regex` is absent, or found in a path. Raises: ConfigError for what is no pattern."""
    pattern = fields.text("path_regex")
    if not pattern:
        return True
    from engine.patterns import PatternError, compiled, shown

    try:
        return compiled(pattern).search(shown(path)) is not None
    except PatternError as error:
        raise ConfigError(f"{fields.source}: {fields.place}.path_regex: can not compile regexp: {error}") from None


def _rule(fields: Fields, context: Mapping[str, str] | None) -> Rule:
    texts = {name: fields.text(name) for name in RULES}
    if sum(map(bool, texts.values())) > 1:
        raise ConfigError(
            f"error loading config: cannot use more than one of {', '.join(RULES)} for the same rule",
            f"{fields.source}: {fields.place} has {', '.join(name for name, text in texts.items() if text)}",
        )
    return Rule(
        groups(fields, context),
        fields.number("shamir_threshold"),
        Selection(**texts, mac_only_encrypted=fields.flag("mac_only_encrypted")),
        is_for_all=_matches(fields, ""),
    )


def _destination(fields: Fields) -> Destination:
    kinds = {"s3": "s3_bucket", "gcs": "gcs_bucket", "vault": "vault_path"}
    named = [kind for kind, name in kinds.items() if fields.text(name)]
    if len(named) > 1:
        raise ConfigError(
            "error loading config: more than one destinations were found in a single destination rule, "
            "you can only use one per rule"
        )
    names = ("s3_bucket", "s3_prefix", "gcs_bucket", "gcs_prefix", "vault_path", "vault_address", "vault_kv_mount_name")
    texts = {name: fields.text(name) for name in names}
    texts["vault_kv_version"] = str(fields.number("vault_kv_version"))
    return Destination(
        named[0] if named else None,
        {name: text for name, text in texts.items() if text},
        _rule(fields.mapping("recreation_rule"), None),
        omit_extensions=fields.flag("omit_extensions"),
    )
