"""What a new file gets: master keys, a threshold, and the rule that says what is encrypted, from flags and rules."""

from typing import TYPE_CHECKING

from sealer.cli.sops.call import CONFLICT, Call, Failed
from sealer.sops.selection import RULES, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealer.sops.config import Rule
    from sealer.sops.formats.base import Format
    from sealer.sops.recipients.base import MasterKey

NO_KEYS = "config file not found, or has no creation rules, and no keys provided through command line options"


class Plan:
    """How a file is to be encrypted."""

    __slots__ = ("groups", "selection", "threshold")

    def __init__(self, groups: "Sequence[Sequence[MasterKey]]", threshold: int, selection: Selection) -> None:
        self.groups = groups
        self.threshold = threshold
        self.selection = selection


def plan(call: Call, name: str, source: "Format", rule_context: "Mapping[str, str] | None" = None) -> Plan:
    """Flags win over the rule: its keys as a whole, its selection one by one.

    `rule_context` is the encryption context that the rule's own keys get. Raises: Failed, ConfigError, KsealError.
    """
    rule = call.rule(name, rule_context)
    selection = _selection(call, rule, source)
    groups = _groups(call, rule)
    threshold = call.parsed.number("shamir-secret-sharing-threshold") or (rule.shamir_threshold if rule else 0)
    return Plan(groups, threshold, selection)


def _groups(call: Call, rule: "Rule | None") -> "Sequence[Sequence[MasterKey]]":
    context = call.context()
    named = call.named_keys(context=context)
    if named:
        return [named]
    if rule is None:
        raise Failed(NO_KEYS, hint="name a key, for example --age RECIPIENT, or write a .sops.yaml")
    return rule.groups


def _selection(call: Call, rule: "Rule | None", source: "Format") -> Selection:
    of_rule = rule.selection if rule else Selection()
    texts = {name: call.text(name.replace("_", "-")) or of_rule.texts.get(name, "") for name in RULES}
    if source.is_single_value:
        for name, text in texts.items():
            if text and name != "unencrypted_comment_regex":
                call.voice.warning(
                    f"{name} is ignored: the {source.name} format has one value, which is always encrypted"
                )
        return Selection()
    is_partly_sealed = call.settings.flag("mac-only-encrypted") or of_rule.mac_only_encrypted
    if sum(map(bool, texts.values())) > 1:
        raise Failed(
            "Error: cannot use more than one of encrypted_suffix, unencrypted_suffix, encrypted_regex, "
            "unencrypted_regex, encrypted_comment_regex, or unencrypted_comment_regex in the same file",
            CONFLICT,
            f"now set: {', '.join(name for name, text in texts.items() if text)}",
        )
    made = Selection(**texts, mac_only_encrypted=is_partly_sealed)
    made.check()
    return made.or_default()
