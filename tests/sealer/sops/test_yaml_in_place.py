"""Values change where they stand: everything else keeps its bytes, or there is a reason why not."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.formats.yaml import Yaml
from sealer.sops.formats.yaml_edit import Edited
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Branches, Comment, Value
from tests.kit.yamldocuments import Writer

ENC = "ENC[AES256_GCM,data:x/+=,iv:y,tag:z,type:str]"
METADATA = Branch([("mac", ENC), ("version", "3.13.3")])
LINES = f"sops:\n    mac: {ENC}\n    version: 3.13.3\n"

STYLED = """\
# Database
database:   # of the shop

  user:  'admin'    # read only
  password: "s3cret"
  options: {retries: 3, hosts: [a,   b]}

list:
- one   # first
-   two
"""


def sealed_branch(branch: Branch) -> Branch:
    """What encryption makes of a document: texts for all values, comments too."""
    return Branch((sealed_key(key), sealed(item)) for key, item in branch)


def sealed(value: object) -> Value:
    if isinstance(value, Branch):
        return sealed_branch(value)
    if isinstance(value, list):
        return [sealed(item) for item in value]
    return None if value is None else ENC


def sealed_key(key: str | Comment) -> str | Comment:
    return Comment(ENC, key.inline) if isinstance(key, Comment) and key.text else key


def with_metadata(branches: Branches, metadata: Value = METADATA) -> Branches:
    return [Branch([*branch, ("sops", metadata)]) for branch in branches]


def encrypted(text: str) -> Edited:
    branches = [sealed_branch(branch) for branch in read(text.encode())]
    return Yaml().edit_plain(text.encode(), with_metadata(branches))


def changed(text: str, *items: tuple[str | Comment, Value]) -> str:
    edited = Yaml().edit_plain(text.encode(), [Branch(items)])
    assert edited.text is not None, edited.reason
    return edited.text.decode()


def test_only_values_comments_and_metadata_change() -> None:
    edited = encrypted(STYLED)
    expected = (
        f"#{ENC}\ndatabase:   #{ENC}\n\n  user:  '{ENC}'    #{ENC}\n  password: \"{ENC}\"\n"
        f"  options: {{retries: '{ENC}', hosts: ['{ENC}',   '{ENC}']}}\n\n"
        f"list:\n- {ENC}   #{ENC}\n-   {ENC}\n{LINES}"
    )
    assert (edited.text or b"").decode() == expected


def test_the_way_back_gives_the_same_text_but_for_the_indentation_of_blocks() -> None:
    text = STYLED.replace("  options: {retries: 3, hosts: [a,   b]}\n", "  query: |-\n    one\n    two\n")
    edited = encrypted(text)
    assert edited.text is not None
    assert b"  query: ENC[" in edited.text
    assert (Yaml().edit_plain(edited.text, read(text.encode())).text or b"").decode() == text.replace(
        "    one\n    two", "      one\n      two"
    )


def test_one_value_is_one_line() -> None:
    text = f"a: {ENC}1\nb:   {ENC}2 # c\n{LINES}"
    other = Branch([("mac", "new"), ("version", "3.13.3")])
    items: list[tuple[str | Comment, Value]] = [
        ("a", f"{ENC}1"),
        (Comment(" c"), None),
        ("b", "other"),
        ("sops", other),
    ]
    assert changed(text, *items) == text.replace(f"{ENC}2", "other").replace(f"mac: {ENC}", "mac: new")


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("k: 'a'  \n", "it's", "k: 'it''s'  \n"),
        ('k: "a"\n', "b\nc", 'k: "b\\nc"\n'),
        ("k: a\n", "b: c", "k: 'b: c'\n"),
        ("k: a # x\n", 1, "k: 1 # x\n"),
        ("k:\n", "a", "k: a\n"),
        ("k: &x a\n", "b", "k: &x b\n"),
        ("k: !!str 1\n", "b", "k: b\n"),
        ("k: &x !mine a\n", "b", "k: &x b\n"),
        ("k: a # x\nl: 1\n", "b\nc\n", "k: | # x\n    b\n    c\nl: 1\n"),
        ("k: |-  # x\n  a\n  b\n\nl: 1\n", "c", "k: c  # x\n\nl: 1\n"),
        ("k: |-\n      a\n      b\n", "c\n d", "k: |-\n      c\n       d\n"),
        ("k: |\n  a\n", " b\nc\n", "k: |2\n   b\n  c\n"),
        ("k: a", "b\n", "k: |\n    b\n"),
    ],
)
def test_a_value_keeps_its_form_as_far_as_it_can(text: str, value: Value, expected: str) -> None:
    (branch,) = read(text.encode())
    items = [(key, value if key == "k" else item) for key, item in branch]
    edited = Yaml().edit_plain(text.encode(), [Branch(items)])
    assert (edited.text or edited.reason.encode()).decode() == expected


def test_a_comment_at_the_end_stays_above_the_metadata_and_apart_from_them() -> None:
    assert (encrypted("a:\n- b\n# end\n").text or b"").decode() == f"a:\n- {ENC}\n#{ENC}\n\n{LINES}"


def test_every_document_gets_the_metadata_at_its_end() -> None:
    assert (encrypted("a: x\n---\nb: y").text or b"").decode() == f"a: {ENC}\n{LINES}---\nb: {ENC}\n{LINES}"


@pytest.mark.parametrize(
    ("text", "items", "reason"),
    [
        ("a: &x 1\nb: *x\n", [("a", "2"), ("b", "3")], "a value changes that an alias shares"),
        ("a: &x 1\nb: *x\n", [("a", 2), ("b", 1)], "the text has a form that is not kept"),
        ("a: &x {k: 1}\nb: {<<: *x}\n", [("a", Branch([("k", 1)])), ("b", Branch([("<<", Branch([("k", 2)]))]))],
         "a value changes that an alias shares"),
        ("a: 1\n", [("a", 1), ("b", 2)], "keys are added or removed"),
        ("a: 1\n", [("b", 1)], "keys change"),
        ("a: [1]\n", [("a", [1, 2])], "items are added or removed"),
        ("a: 1\n", [("a", [1])], "the shape of a value changes"),
        ("a: 1\n", [("a", "\udcff")], "a value is no text"),
        ("{a: 1}\n", [("a", 1), ("sops", METADATA)], "a document is no block to which metadata can be added"),
        ("\ufeffa: 1\n", [("a", 2)], "the text begins with a byte order mark"),
        ("# x\na: 1\n", [(Comment(" x\ny: 2"), None), ("a", 1)], "the text has a form that is not kept"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_told(text: str, items: list[tuple[str | Comment, Value]], reason: str) -> None:
    assert Yaml().edit_plain(text.encode(), [Branch(items)]) == Edited(None, reason)


def test_an_alias_whose_value_stays_is_no_obstacle() -> None:
    assert changed("a: &x 1\nb: *x # c\nd: 2\n", ("a", 1), (Comment(" c"), None), ("b", 1), ("d", 3)) == (
        "a: &x 1\nb: *x # c\nd: 3\n"
    )


def test_where_comments_decide_a_comment_of_a_list_is_not_left_in_place() -> None:
    metadata = Branch([*METADATA, ("encrypted_comment_regex", "x")])
    wanted = with_metadata([Branch([("a", [ENC, ENC])])], metadata)
    edited = Yaml().edit_plain(b"a:\n  # x\n  - 1\n", wanted)
    assert edited.reason == "comments decide what is encrypted, and one of a list becomes a value"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_is_kept_has_all_items_and_the_metadata(seed: int) -> None:
    text = Writer(Random(seed), is_shared=False).stream()  # noqa: S311  # inputs, no secrets
    branches = [sealed_branch(branch) for branch in read(text)]
    edited = Yaml().edit_plain(text, with_metadata(branches))
    if edited.text is None:
        assert edited.reason in {
            "the text has a form that is not kept",
            "a document is no block to which metadata can be added",
        }
    else:
        assert [len(branch) for branch in read(edited.text)] == [len(branch) + 1 for branch in branches]
