"""Versions of a SOPS file come together under one data key, with the master keys of both sides."""

from datetime import UTC, datetime

import pytest

from engine.errors import KsealError
from sealer.cli import gitfile
from sealer.sops.envelope import encrypt
from sealer.sops.formats.base import by_name
from sealer.sops.groups import unwrap_data_key
from sealer.sops.metadata import Metadata
from sealer.sops.operations import Keys, Opened, encrypt_file, open_file, rewrapped, rotate_file
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch
from sealer.versions import envelopes
from sealer.versions.outcome import Outcome
from sealer.versions.side import Refused

FORM = by_name("yaml")
THEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)
TEXT = "a: 1\nb: 2\nopen_unencrypted: x\n"


class Service:
    """Wraps as hexadecimal digits behind the identity and a number that is never the same, for who is at hand."""

    def __init__(self, *away: str) -> None:
        self.away = away
        self.wrapped = 0

    def wrap(self, key: MasterKey, data: bytes) -> str:
        self.wrapped += 1
        return f"{key.identity}:{id(self)}-{self.wrapped}:{data.hex()}"

    def unwrap(self, key: MasterKey) -> bytes:
        if key.identity in self.away:
            raise KsealError(f"{key.identity} is away")
        return bytes.fromhex(key.enc.rpartition(":")[2])


def keys(*away: str) -> Keys:
    return Keys({"age": Service(*away)})


def age(*names: str) -> list[MasterKey]:
    return [MasterKey("age", {"recipient": name}) for name in names]


def made(text: str = TEXT, *names: str, selection: Selection | None = None) -> bytes:
    rule = selection or Selection(unencrypted_suffix="_unencrypted")
    return encrypt_file(text.encode(), FORM, FORM, keys(), groups=[age(*(names or ("one",)))], selection=rule, now=THEN)


def edited(data: bytes, now: datetime = NOW, **changes: object) -> bytes:
    opened = open_file(data, FORM, keys())
    items = [(key, changes.pop(str(key), value)) for key, value in opened.branches[0]]
    opened.branches = [Branch([*items, *changes.items()])]  # type: ignore[list-item]  # values of a tree
    return opened.sealed(FORM, now=now)


def for_keys(data: bytes, *groups: list[MasterKey], threshold: int = 0) -> bytes:
    envelope = FORM.read_encrypted(data)
    return FORM.write_encrypted(rewrapped(envelope, keys(), groups=groups, shamir_threshold=threshold, now=NOW))


def merged(base: bytes, ours: bytes, theirs: bytes, *away: str) -> Outcome:
    return envelopes.merged(base, ours, theirs, FORM, keys(*away), now=LATER)


def opened(outcome: Outcome) -> Opened:
    """The merged file, its MAC checked."""
    return open_file(outcome.data, FORM, keys())


def values(outcome: Outcome) -> dict[object, object]:
    return dict(opened(outcome).branches[0])


def names(outcome: Outcome) -> list[list[str]]:
    return [[key.identity for key in group] for group in FORM.read_encrypted(outcome.data).metadata.key_groups]


def data_key(data: bytes) -> bytes:
    return unwrap_data_key(FORM.read_encrypted(data).metadata, keys().services).reveal()


def test_both_edits_are_there_and_other_ciphertext_stays() -> None:
    base = made("a: 1\nb: 2\nc: 3\n")
    outcome = merged(base, edited(base, a=10), edited(base, b=20))
    assert values(outcome) == {"a": 10, "b": 20, "c": 3}
    assert outcome.conflicts == ()
    assert base.splitlines()[2] in outcome.data.splitlines()
    assert FORM.read_encrypted(outcome.data).metadata.last_modified == "2026-01-03T00:00:00Z"


def test_no_key_is_asked_for_when_one_side_edits_and_the_other_adds_somebody() -> None:
    base = made()
    for ours, theirs in (
        (edited(base, a=10), for_keys(base, age("one", "two"))),
        (for_keys(base, age("one", "two")), edited(base, a=10)),
        (for_keys(base, age("one", "three")), edited(for_keys(base, age("one", "two")), a=10)),
    ):
        outcome = merged(base, ours, theirs, "one", "two", "three")
        assert values(outcome)["a"] == 10
        assert {"one", "two"} & set(names(outcome)[0]) == {"one"} or "two" in names(outcome)[0]
        for identity in names(outcome)[0]:
            others = [name for name in ("one", "two", "three") if name != identity]
            assert dict(open_file(outcome.data, FORM, keys(*others)).branches[0])["a"] == 10


def test_somebody_added_on_each_side_and_somebody_removed() -> None:
    base = made(TEXT, "one", "gone")
    ours = for_keys(base, age("one", "gone", "two"))
    outcome = merged(base, ours, for_keys(base, age("three", "one")))
    assert names(outcome) == [["one", "two", "three"]]
    assert values(outcome)["a"] == 1


def test_an_edit_goes_under_the_data_key_of_the_side_that_rotated() -> None:
    base = made()
    rotated = rotate_file(base, FORM, FORM, keys(), now=NOW)
    for ours, theirs in ((edited(base, a=10), rotated), (rotated, edited(base, a=10))):
        outcome = merged(base, ours, theirs)
        assert values(outcome)["a"] == 10
        assert data_key(outcome.data) == data_key(rotated)


def test_of_two_rotations_the_newer_data_key_counts() -> None:
    base = made()
    ours = rotate_file(base, FORM, FORM, keys(), now=LATER)
    theirs = rotate_file(base, FORM, FORM, keys(), add=age("two"), now=NOW)
    outcome = merged(base, ours, theirs)
    assert data_key(outcome.data) == data_key(ours)
    assert names(outcome) == [["one", "two"]]
    assert values(outcome)["a"] == 1


def test_who_was_removed_on_the_other_side_does_not_know_the_data_key() -> None:
    base = made(TEXT, "one", "two", "three")
    ours = rotate_file(base, FORM, FORM, keys(), remove=age("two"), now=NOW)
    theirs = rotate_file(base, FORM, FORM, keys(), remove=age("three"), now=NOW)
    outcome = merged(base, ours, theirs)
    assert names(outcome) == [["one"]]
    assert data_key(outcome.data) not in {data_key(data) for data in (base, ours, theirs)}
    assert values(outcome)["a"] == 1


def test_key_groups_are_split_anew_when_both_sides_changed_them() -> None:
    base = for_keys(made(), age("one"), age("two"), threshold=2)
    ours = for_keys(base, age("one", "more"), age("two"), threshold=2)
    theirs = for_keys(base, age("one"), age("two", "other"), threshold=2)
    outcome = merged(base, ours, theirs)
    assert names(outcome) == [["one", "more"], ["two", "other"]]
    assert dict(open_file(outcome.data, FORM, keys("one", "two")).branches[0])["a"] == 1


def test_a_number_of_groups_that_both_sides_changed_is_a_conflict() -> None:
    base = made()
    ours = for_keys(base, age("one"), age("two"), threshold=2)
    outcome = merged(base, ours, for_keys(base, age("one"), age("two"), age("three"), threshold=3))
    assert set(outcome.conflicts) == {"sops: key_groups", "sops: shamir_threshold"}
    assert names(outcome) == [["one"], ["two"]]
    assert values(outcome)["a"] == 1


def test_a_conflict_leaves_ours_there_and_merges_the_rest() -> None:
    base = made()
    outcome = merged(base, edited(base, a=10), edited(base, a=11, b=20))
    assert outcome.conflicts == ('["a"]',)
    assert (values(outcome)["a"], values(outcome)["b"]) == (10, 20)


def test_both_sides_add_the_file() -> None:
    outcome = merged(b"", made("a: 1\nb: 2\n"), made("a: 1\nc: 3\n", "two"))
    assert values(outcome) == {"a": 1, "b": 2, "c": 3}
    assert set(names(outcome)[0]) == {"one", "two"}


def test_both_sides_encrypt_a_file_that_was_plain() -> None:
    outcome = merged(TEXT.encode(), edited(made(), a=10), edited(made(), b=20))
    assert (values(outcome)["a"], values(outcome)["b"]) == (10, 20)


def test_a_common_version_from_before_the_person_came_is_opened_by_the_data_key() -> None:
    base = made(TEXT, "boss")
    ours, theirs = (for_keys(edited(base, **change), age("boss", "one")) for change in ({"a": 10}, {"b": 20}))
    outcome = merged(base, ours, theirs, "boss")
    assert (values(outcome)["a"], values(outcome)["b"]) == (10, 20)


def test_without_a_key_two_edits_are_refused_by_name() -> None:
    base = made()
    with pytest.raises(Refused, match="ours: cannot get the data key"):
        merged(base, edited(base, a=10), edited(base, b=20), "one")


def test_a_value_that_was_encrypted_does_not_come_out_plain() -> None:
    """Ours adds a value under the old rule; theirs narrows the rule."""
    base = made("data: x\n")
    narrowed = made("data: x\n", selection=Selection(encrypted_regex="^data$"))
    with pytest.raises(Refused, match=r'\["new"\]: encrypted on one side, and plain by the rule of the other'):
        merged(base, edited(base, new="canary"), narrowed)


def test_a_rule_that_both_sides_changed_is_a_conflict() -> None:
    base = made("data: x\n")
    ours, theirs = (made("data: x\n", selection=Selection(encrypted_regex=rule)) for rule in ("^data$", "^da"))
    assert merged(base, ours, theirs).conflicts == ("sops: the rule of what is encrypted",)


def test_the_merged_text_keeps_the_style_of_ours() -> None:
    base = made().replace(b"open_unencrypted: x", b"\nopen_unencrypted: 'x'")
    ours = FORM.edit_encrypted(base, FORM.read_encrypted(edited(base, a=10))).text  # type: ignore[attr-defined]  # YAML
    outcome = merged(base, ours, edited(base, b=20))
    assert b"\n\nopen_unencrypted: 'x'\n" in outcome.data
    assert values(outcome)["b"] == 20


@pytest.mark.parametrize("data", [b"a: 1\n", b"a: [\n", b"sops: 1\n"])
def test_a_side_that_is_no_sops_file_is_named(data: bytes) -> None:
    base = made()
    with pytest.raises(Refused, match="theirs: "):
        merged(base, edited(base, a=10), data)


def test_only_vault_servers_of_our_own_side_may_get_a_token() -> None:
    fields = {"vault_address": "https://ours", "engine_path": "transit", "key_name": "k"}
    ours = Metadata([[MasterKey("hc_vault", fields)]], selection=Selection())
    seen: list[str] = []

    def allowed(environ: dict[str, str], side: Metadata) -> str:
        service = gitfile.own_keys(environ, side).services["hc_vault"]
        seen.append(service._environ["SOPS_HC_VAULT_ALLOWLIST"])  # type: ignore[attr-defined]  # what it was made with
        return seen[-1]

    assert allowed({}, ours) == "https://ours"
    assert allowed({"VAULT_ADDR": "https://mine"}, ours) == "https://mine,https://ours"
    assert allowed({"SOPS_HC_VAULT_ALLOWLIST": "https://only"}, ours) == "https://only"
    assert allowed({}, Metadata([age("one")], selection=Selection())) == "none"


def test_a_comment_that_decides_stays_with_its_value() -> None:
    """Theirs marks b for encryption, ours puts a key between: the mark must not move to that one."""
    rule = Selection(encrypted_comment_regex="secret")
    base = made("# secret\nk: 0\na: 1\nb: 2\n", selection=rule)
    ours = base.replace(b"a: 1\n", b"a: 1\nx: 5\n")
    theirs = base.replace(b"b: 2\n", b"# secret\nb: 2\n")
    resealed = [reseal(data) for data in (ours, theirs)]
    outcome = merged(base, *resealed)
    assert outcome.conflicts == ()
    text = outcome.data.decode()
    assert "\nx: 5\n# secret\nb: ENC[" in text
    assert values(outcome)["b"] == 2


def reseal(data: bytes) -> bytes:
    """An edit by hand, encrypted and sealed."""
    envelope = FORM.read_encrypted(data)
    key = unwrap_data_key(envelope.metadata, keys().services).reveal()
    branches = [Branch(item for item in branch) for branch in envelope.branches]
    for branch in branches:
        for index, (name, value) in enumerate(branch):
            if isinstance(value, str) and value.startswith("ENC["):
                branch[index] = (name, 0)
    return FORM.write_encrypted(encrypt(branches, envelope.metadata, key, now=NOW))
