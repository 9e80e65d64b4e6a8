"""Which values a rule encrypts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.errors import Conflict, SopsError
from sealer.sops.selection import RULES, Selection


@pytest.mark.parametrize(
    ("rule", "text", "path", "expected"),
    [
        ("unencrypted_suffix", "_plain", ("a", "b"), True),
        ("unencrypted_suffix", "_plain", ("a", "b_plain"), False),
        ("unencrypted_suffix", "_plain", ("a_plain", "b"), False),
        ("unencrypted_suffix", "_plain", ("a_plain_", "b"), True),
        ("encrypted_suffix", "_enc", ("a", "b"), False),
        ("encrypted_suffix", "_enc", ("a_enc", "b"), True),
        ("unencrypted_regex", "^meta", ("metadata", "x"), False),
        ("unencrypted_regex", "^meta", ("spec", "my-metadata"), True),
        ("encrypted_regex", "^(data|stringData)$", ("data", "deep", "er"), True),
        ("encrypted_regex", "^(data|stringData)$", ("data2",), False),
        ("encrypted_regex", "a:b", ("a", "b"), False),
        ("encrypted_regex", "b", ("abc",), True),
        ("encrypted_regex", "(?i)SECRET", ("my-secret",), True),
        ("encrypted_regex", "", ("anything",), True),
    ],
)
def test_a_rule_over_keys_looks_at_each_key_on_the_way(
    rule: str, text: str, path: tuple[str, ...], expected: bool
) -> None:
    assert Selection(**{rule: text}).selects(path) is expected


def test_without_a_rule_everything_is_encrypted() -> None:
    assert Selection().selects(("a_unencrypted",))
    assert Selection().selects(())


def test_the_default_rule_keeps_a_suffix_plain_and_gives_way_to_any_other() -> None:
    assert not Selection().or_default().selects(("a_unencrypted",))
    assert Selection(mac_only_encrypted=True).or_default().mac_only_encrypted
    assert Selection(encrypted_suffix="x").or_default() == Selection(encrypted_suffix="x")


def test_a_comment_has_the_rule_of_its_container() -> None:
    assert not Selection(unencrypted_suffix="_u").selects(("a_u",), (("note",),), is_comment=True)
    assert Selection(unencrypted_suffix="_u").selects((), (("note_u",),), is_comment=True)


@pytest.mark.parametrize(
    ("comments", "is_comment", "expected"),
    [
        ((("sops:enc",),), False, True),
        ((("other",),), False, False),
        ((("sops:enc",), ()), False, True),  # on a level above
        ((("other", "sops:enc"),), True, False),  # the comment that matches stays legible itself
        ((("sops:enc", "other"),), True, True),  # those after it do not
        (((), ("sops:enc",)), True, False),
    ],
)
def test_comments_in_scope_turn_encryption_on(
    comments: tuple[tuple[str, ...], ...], is_comment: bool, expected: bool
) -> None:
    assert Selection(encrypted_comment_regex="sops:enc").selects(("a",), comments, is_comment=is_comment) is expected


@pytest.mark.parametrize(
    ("comments", "is_comment", "expected"),
    [
        ((("plain",),), False, False),
        ((("plain",),), True, False),  # a matching comment counts for itself
        ((("other",),), True, True),
        ((("plain",), ("other",)), False, False),
        ((), False, True),
    ],
)
def test_comments_in_scope_turn_encryption_off(
    comments: tuple[tuple[str, ...], ...], is_comment: bool, expected: bool
) -> None:
    assert Selection(unencrypted_comment_regex="plain").selects(("a",), comments, is_comment=is_comment) is expected


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.endswith("regex")])
@pytest.mark.parametrize("pattern", ["^(data)(?!x)", "(a)\\1", "(", "a{1001}", "\\C", "x" * 10_001])
def test_a_pattern_that_go_would_not_read_is_an_error_and_never_plaintext(rule: str, pattern: str) -> None:
    selection = Selection(**{rule: pattern})
    with pytest.raises(SopsError, match=f"{rule}: no pattern"):
        selection.check()
    with pytest.raises(SopsError, match=f"{rule}: no pattern"):
        selection.selects(("a",), (("a",),))


def test_two_rules_are_a_conflict() -> None:
    with pytest.raises(Conflict, match="more than one of unencrypted_suffix, encrypted_regex") as caught:
        Selection(unencrypted_suffix="a", encrypted_regex="b").check()
    assert caught.value.code == 8


def test_a_key_that_is_no_text_is_seen_as_the_original_sees_it() -> None:
    assert Selection(encrypted_regex="^\ufffd{2}$").selects(("\udcff\udcfe",))


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not Selection(encrypted_regex="(a*)*(a*)*(a*)*b$").selects(("a" * 20_000,))


@settings(max_examples=50)
@given(st.text(max_size=20), st.lists(st.text(max_size=8), max_size=4))
def test_a_suffix_rule_and_its_opposite_always_disagree(suffix: str, path: list[str]) -> None:
    if suffix:
        assert Selection(encrypted_suffix=suffix).selects(path) is not Selection(unencrypted_suffix=suffix).selects(
            path
        )
