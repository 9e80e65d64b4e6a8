"""One file held against what it says of itself, and against its creation rule; with keys, against its MAC too."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import KsealError
from sealer.sops import compliance, structure
from sealer.sops.config import NoRuleMatches, Rule
from sealer.sops.errors import DocumentRefused, EnvelopeRefused, MetadataMissing, NoDataKey, SopsError
from sealer.sops.groups import unwrap_data_key
from sealer.sops.tree import Branch

if TYPE_CHECKING:
    from sealer.sops.envelope import Envelope
    from sealer.sops.formats.base import Format
    from sealer.sops.operations import Keys

AUTO: Final = "auto"
"""Check the MAC where a key is at hand."""
REQUIRE: Final = "require"
"""Check it, and take the want of a key for a problem."""
SKIP: Final = "skip"
"""Use no key."""

NOT_ENCRYPTED: Final = "not encrypted, though the rule for it says so"
RuleOf = Callable[[], Rule | None]
"""Gives the creation rule of a file, None where there is none. Raises: KsealError for one that cannot be used."""


class Verdict(NamedTuple):
    """What is wrong with one file; nothing where `problems` is empty."""

    state: str
    """encrypted, plain, or unreadable."""
    problems: tuple[str, ...] = ()
    mac: str = "-"
    """right, wrong, or not checked; a dash where there is none."""


def may_be_encrypted(data: bytes, form: "Format") -> bool:
    """Whether it pays to read a text as an encrypted file. Any text can be one of a single value, but few begin so."""
    if form.is_single_value and data.lstrip()[:1] != b"{":
        return False
    return structure.MARK.encode() in data


def verify(data: bytes, form: "Format", rule_of: RuleOf, keys: "Keys | None", mac: str) -> Verdict:
    """Look at one file. `keys` are not used where `mac` is to be skipped."""
    if not may_be_encrypted(data, form):
        return _plain(data, form, rule_of)
    try:
        envelope = form.read_encrypted(data)
    except MetadataMissing:
        if form.is_single_value:
            return _plain(data, form, rule_of)
        return Verdict("encrypted", ("values are encrypted, but the metadata are missing",))
    except SopsError as error:
        return Verdict("unreadable", (error.message,))
    found = structure.problems(envelope) + _by_rule(envelope, form, rule_of)
    trouble, state = ("", "not checked") if mac == SKIP or keys is None else _opened(envelope, keys, mac)
    return Verdict("encrypted", tuple([*found, trouble] if trouble else found), state)


def must_be_encrypted(data: bytes, form: "Format", rule: Rule) -> bool:
    """Whether a plain file is one that its rule means.

    A rule with a path means the files at the path, if it selects anything in them. Of Kubernetes objects only Secrets
    are meant, since rules often match whole folders of manifests. A rule for all paths means Secrets alone.

    Raises: SopsError for a text that cannot be read, or a rule that cannot be used.
    """
    if form.is_single_value:
        return bool(data) and not rule.is_for_all
    meant = [branch for branch in form.read_plain(data) if _is_meant(branch, rule)]
    return structure.count_selected(meant, rule.selection.or_default()) > 0


def _is_meant(branch: Branch, rule: Rule) -> bool:
    kind, version = branch.get("kind"), branch.get("apiVersion")
    if isinstance(kind, str) and isinstance(version, str):
        return (kind, version) == ("Secret", "v1") or (kind.endswith("List") and _holds_secret(branch))
    return not rule.is_for_all


def _holds_secret(branch: Branch) -> bool:
    items = branch.get("items")
    if not isinstance(items, list) or isinstance(items, Branch):
        return False
    return any(isinstance(item, Branch) and item.get("kind") == "Secret" for item in items)


def _plain(data: bytes, form: "Format", rule_of: RuleOf) -> Verdict:
    try:
        rule = rule_of()
    except NoRuleMatches:
        return Verdict("plain")
    except KsealError as error:
        return Verdict("plain", (_of_config(error),))
    if rule is None:
        return Verdict("plain")
    try:
        is_wrong = must_be_encrypted(data, form, rule)
    except DocumentRefused as error:
        if rule.is_for_all:
            return Verdict("plain")
        return Verdict("unreadable", (f"{NOT_ENCRYPTED}, and cannot be read: {error.message}",))
    except SopsError as error:
        return Verdict("plain", (f"its rule cannot be used: {error.message}",))
    return Verdict("plain", (NOT_ENCRYPTED,) if is_wrong else ())


def _by_rule(envelope: "Envelope", form: "Format", rule_of: RuleOf) -> list[str]:
    try:
        rule = rule_of()
        if rule is None:
            return []
        rule.selection.check()
    except KsealError as error:
        return [_of_config(error)]
    return compliance.differences(envelope.metadata, rule, is_single_value=form.is_single_value)


def _of_config(error: KsealError) -> str:
    return error.message.removeprefix("error loading config: ")


def _opened(envelope: "Envelope", keys: "Keys", mac: str) -> tuple[str, str]:
    """The trouble with opening a file, and the state of its MAC."""
    try:
        data_key = unwrap_data_key(envelope.metadata, keys.services, order=keys.order)
    except NoDataKey as error:
        first = error.message.partition("\n")[0]  # the keys that were tried are in the metadata, and the list is long
        return (f"the MAC is not checked: {first}" if mac == REQUIRE else ""), "not checked"
    try:
        envelope.decrypt(data_key.reveal())
    except EnvelopeRefused:
        return "", "not checked"  # its version, of which the structure tells
    except SopsError as error:
        return error.message, "wrong"
    return "", "right"
