"""YAML becomes branches: types of yaml.v3, comments as items, several documents; what is refused, and how."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kube.documents import Limits
from sealer.sops.errors import DocumentRefused, EnvelopeRefused, MetadataMissing
from sealer.sops.formats.yaml import Yaml
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Comment, Timestamp, Value
from tests.kit.yamldocuments import Writer

PLANTED = "pl4nted-v4lue"


def only(text: str) -> Branch:
    (branch,) = read(text.encode())
    return branch


def comment(text: str, *, inline: bool = False) -> tuple[str, bool]:
    return text, inline


def outline(value: object) -> object:
    """A value with comments as pairs of text and whether they are inline."""
    if isinstance(value, Comment):
        return value.text, value.inline
    if isinstance(value, Branch):
        return [outline(key) if isinstance(key, Comment) else (key, outline(item)) for key, item in value]
    return [outline(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("true", True),
        ("~", None),
        ("", None),
        ("017", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("9223372036854775807", 2**63 - 1),
        ("18446744073709551616", 2.0**64),
        ("1e3", 1000.0),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!mine 1", "1"),
        ("!!float 1", 1.0),
        ("!!binary /w==", "\udcff"),
        ("2024-01-02", Timestamp("2024-01-02T00:00:00Z")),
        ("2024-01-02T03:04:05.50+01:00", Timestamp("2024-01-02T03:04:05.5+01:00")),
        ("'2024-01-02'", "2024-01-02"),
        ("1:30", "1:30"),
        ("|-\n  a\n  b", "a\nb"),
    ],
)
def test_scalars_have_the_types_of_the_original(text: str, value: Value) -> None:
    found = only(f"k: {text}").get("k")
    assert (type(found), found) == (type(value), value)


def test_documents_are_branches_and_empty_ones_are_empty() -> None:
    assert read(b"a: 1\n---\n---\n~\n---\nb: 2\n") == [Branch([("a", 1)]), Branch(), Branch(), Branch([("b", 2)])]


def test_no_bytes_are_no_documents() -> None:
    assert read(b"") == []


def test_aliases_are_copies_and_merges_are_items() -> None:
    branch = only("a: &x {k: [1]}\nb: *x\nc: {<<: *x, d: 1}\n")
    assert branch == [("a", [("k", [1])]), ("b", [("k", [1])]), ("c", [("<<", [("k", [1])]), ("d", 1)])]
    first, second = branch.get("a"), branch.get("b")
    assert first is not second
    assert isinstance(first, Branch)
    assert isinstance(second, Branch)
    assert first.get("k") is not second.get("k")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("# a\nk: 1\n", [comment(" a"), ("k", 1)]),
        ("k: 1 # a\n", [comment(" a", inline=True), ("k", 1)]),
        ("k: # a\n  l: 1\n", [comment(" a"), ("k", [("l", 1)])]),
        ("k:\n  # a\n  l: 1\n  # b\n", [("k", [comment(" a"), ("l", 1), comment(" b")])]),
        ("k:\n  l: 1\n# a\nm: 2\n", [("k", [("l", 1)]), comment(" a"), ("m", 2)]),
        ("k:\n  - 1 # a\n  # b\n  - 2\n", [("k", [comment(" a", inline=True), 1, comment(" b"), 2])]),
        ("k: |- # a\n  # text\n", [comment(" a", inline=True), ("k", "# text")]),
        ("k: a#b\n", [("k", "a#b")]),
        ("k: [1, # a\n  2]\n", [("k", [comment(" a", inline=True), 1, 2])]),
        ("#\n#a\n\nk: 1\n", [comment(""), comment("a"), ("k", 1)]),
        ("k: &x # a\n  l: 1\nm: *x # b\n", [("k", [comment(" a"), ("l", 1)]),
                                            comment(" b", inline=True), ("m", [comment(" a"), ("l", 1)])]),
    ],
)  # fmt: skip
def test_comments_stand_where_the_original_puts_them(text: str, items: list[object]) -> None:
    assert outline(only(text)) == items


def test_the_comment_of_a_document_without_anything_else_goes_to_the_one_before() -> None:
    first, second = read(b"a: 1\n---\n# c\n")
    assert (outline(first), outline(second)) == ([("a", 1), comment(" c")], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"a: {PLANTED}\na: {PLANTED}", "line 2: a key is there twice in the same mapping"),
        ("a: 1\n---\nb: 1\nb: 2", "line 4: a key is there twice in the same mapping"),
        (f"- {PLANTED}", "line 1: the document is a list, not a mapping"),
        (PLANTED, "line 1: the document is a single value, not a mapping"),
        (f"1: {PLANTED}", "line 1: a key is no string"),
        (f"~: {PLANTED}", "line 1: a key is no string"),
        (f"[{PLANTED}]: 1", "line 1: a list or a mapping cannot be a key"),
        ("a: 18446744073709551615", "line 1: an integer is larger than 64 bits with a sign can hold"),
        (f"a: !!int {PLANTED}", "line 1: the value is not what its tag says"),
        (f"a: !!binary {PLANTED}", "line 1: the value is not the base64 text that its tag !!binary promises"),
        (f"a: *{PLANTED}", "line 1: an alias has no anchor before it"),
        (f"a: &{PLANTED} [*{PLANTED}]", "line 1: an alias stands inside of what it stands for"),
        (f"a: '{PLANTED}", "line 1: found unexpected end of stream"),
        (f"a: {PLANTED}: b # c", "line 1: mapping values are not allowed in this context"),
        (f"# {PLANTED}\n", "there is no document, only comments or blank lines"),
        (f"%TAG ! {PLANTED}\n---\na: 1", "line 1: %TAG directives are not supported"),
    ],
)
def test_what_is_refused_is_told_by_line_without_a_value(text: str, message: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read(text.encode())
    assert refused.value.message == message
    assert PLANTED not in (refused.value.hint or "")


_SMALL = Limits(bytes=2_000, depth=8, nodes=200, aliased=100, documents=3)


@pytest.mark.parametrize("comments", ["", "# c\n"])
@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * 2_000,
        "a: " + "[" * 9 + "]" * 9,
        "a: [" + "1," * 200 + "]",
        "a: &a [1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]",
        "---\n" * 5,
    ],
    ids=["bytes", "depth", "nodes", "aliases", "documents"],
)
def test_a_document_beyond_the_limits_is_refused(text: str, comments: str) -> None:
    with pytest.raises(DocumentRefused):
        read((comments + text).encode(), _SMALL)


def test_metadata_are_taken_from_the_first_document_and_stripped_from_all() -> None:
    metadata = (
        b"sops:\n  mac: x\n  version: 3.9.0\n  lastmodified: '2024-01-02T03:04:05Z'\n  age: [{recipient: R, enc: E}]\n"
    )
    text = b"a: 1\n" + metadata + b"---\nb: 2\nsops: {}\n"
    envelope = Yaml().read_encrypted(text)
    assert envelope.branches == [Branch([("a", 1)]), Branch([("b", 2)])]
    assert envelope.metadata.mac == "x"


def test_a_document_that_is_not_encrypted_says_so() -> None:
    with pytest.raises(MetadataMissing):
        Yaml().read_encrypted(b"a: 1\n")
    with pytest.raises(EnvelopeRefused):
        Yaml().read_encrypted(b"- a\n")


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_written_reads_as_the_same_values(seed: int) -> None:
    branches = read(Writer(Random(seed)).stream())  # noqa: S311  # inputs, no secrets
    assert _values(read(Yaml().write_plain(branches))) == _values(branches)


def _values(value: object) -> object:
    """A value without its comments."""
    if isinstance(value, Branch):
        return [(key, _values(item)) for key, item in value if not isinstance(key, Comment)]
    return [_values(item) for item in value if not isinstance(item, Comment)] if isinstance(value, list) else value
