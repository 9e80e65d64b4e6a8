"""A whole document: the published vector, the seal, what keeps its ciphertext, and where a refusal points."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.envelope import Envelope, encrypt
from sealer.sops.errors import EnvelopeRefused, MacMismatch, SopsError, TreeNotDecrypted, TreeNotEncrypted
from sealer.sops.metadata import Metadata
from sealer.sops.selection import Selection
from sealer.sops.stash import Stash
from sealer.sops.tree import Branch, Comment, Timestamp, Value

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "sops" / "contract.json").read_text())
KEY = bytes.fromhex(VECTOR["data_key"])
NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
DOCUMENT = Branch(
    [
        ("foo", Branch([("bar", "baz"), ("n", 1.5)])),
        ("list", [True, 42]),
        ("empty", ""),
        ("nil", None),
        ("plain_unencrypted", 0x1F),
    ]
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.just(Timestamp("2024-01-02T03:04:05.5Z")),
)
KEYS = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(["a", "b_unencrypted", "c"])
COMMENTS = st.text(st.characters(codec="utf-8"), max_size=6).map(Comment)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner | COMMENTS, max_size=4)
        | st.lists(st.tuples(KEYS, inner) | st.tuples(COMMENTS, st.none()), max_size=4).map(Branch)
    ),
    max_leaves=12,
)
DOCUMENTS = st.lists(st.tuples(KEYS, VALUES) | st.tuples(COMMENTS, st.none()), max_size=5).map(Branch)
SELECTIONS = st.builds(
    lambda rule, only: Selection(**rule, mac_only_encrypted=only),
    st.sampled_from(
        [
            {},
            {"unencrypted_suffix": "_unencrypted"},
            {"encrypted_suffix": "a"},
            {"encrypted_regex": "^[a-m]"},
            {"unencrypted_regex": "b"},
            {"encrypted_comment_regex": "^a"},
            {"unencrypted_comment_regex": "^b"},
        ]
    ),
    st.booleans(),
)


def counted() -> Callable[[int], bytes]:
    """Nonces of 32 times 1, 32 times 2 and so on."""
    return lambda size: b"".join(bytes([number % 256]) * 32 for number in range(1, size // 32 + 1))


def closed(document: Branch, selection: Selection | None = None, **options: Any) -> Envelope:
    metadata = Metadata([], selection=selection or Selection().or_default())
    return encrypt([document], metadata, KEY, now=NOW, **options)


def at(value: Value, *path: str | int) -> Any:
    for step in path:
        if isinstance(value, Branch) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]  # type: ignore[assignment]  # not a branch
    return value


def test_the_published_vector_comes_out_bit_for_bit() -> None:
    envelope = closed(DOCUMENT, random=counted())
    branch = envelope.branches[0]
    assert at(branch, "foo", "bar") == VECTOR["foo.bar"]
    assert at(branch, "foo", "n") == VECTOR["foo.n"]
    assert at(branch, "list") == VECTOR["list"]
    assert (at(branch, "empty"), at(branch, "nil"), at(branch, "plain_unencrypted")) == ("", None, 31)
    assert envelope.metadata.last_modified == "2024-01-02T03:04:05Z"
    assert envelope.metadata.mac == VECTOR["mac"]
    assert envelope.decrypt(KEY) == [DOCUMENT]


@settings(max_examples=50, deadline=None)
@given(document=DOCUMENTS, selection=SELECTIONS)
def test_every_document_comes_back(document: Branch, selection: Selection) -> None:
    envelope = closed(document, selection)
    back = envelope.decrypt(KEY)
    assert repr(back) == repr([document])  # types and signs of zero, too
    assert back == [document]


@settings(max_examples=30, deadline=None)
@given(document=DOCUMENTS, selection=SELECTIONS)
def test_what_does_not_change_keeps_its_ciphertext(document: Branch, selection: Selection) -> None:
    stash = Stash()
    first = closed(document, selection)
    second = encrypt(first.decrypt(KEY, stash=stash), first.metadata, KEY, now=NOW, stash=stash)
    third = encrypt(second.decrypt(KEY, stash=(again := Stash())), second.metadata, KEY, now=NOW, stash=again)
    assert repr(third.branches) == repr(second.branches)  # equal values of one place share a nonce from then on
    names = [key for key, _ in document if isinstance(key, str)]
    if len(set(names)) == len(names) and not any(type(value) is list for _, value in document):
        assert [item for item in first.branches[0] if isinstance(item[1], str)] == [
            item for item in second.branches[0] if isinstance(item[1], str)
        ]


def test_one_changed_value_changes_one_text() -> None:
    first = closed(DOCUMENT)
    stash = Stash()
    plain = first.decrypt(KEY, stash=stash)[0]
    changed = Branch((key, "new" if key == "empty" else value) for key, value in plain)
    second = encrypt([changed], first.metadata, KEY, now=NOW, stash=stash)
    differing = [a[0] for a, b in zip(first.branches[0], second.branches[0], strict=True) if a != b]
    assert differing == ["empty"]


def test_nonces_are_never_drawn_twice() -> None:
    envelope = closed(Branch([("a", ["x"] * 2000)]))
    assert len({text.split(",")[2] for text in at(envelope.branches[0], "a")}) == 2000


@pytest.mark.parametrize(
    "tamper",
    [
        lambda branch: Branch(branch[:-1]),
        lambda branch: Branch([*branch, ("more_unencrypted", "x")]),
        lambda branch: Branch((key, 32 if key == "plain_unencrypted" else value) for key, value in branch),
        lambda branch: Branch((key, list(reversed(value)) if key == "list" else value) for key, value in branch),
    ],
    ids=["dropped", "added", "changed", "swapped"],
)
def test_a_changed_document_breaks_the_seal_unless_it_is_ignored(tamper: Callable[[Branch], Branch]) -> None:
    envelope = closed(DOCUMENT)
    tampered = Envelope([tamper(envelope.branches[0])], envelope.metadata)
    with pytest.raises(MacMismatch) as refused:
        tampered.decrypt(KEY)
    assert refused.value.code == 51
    assert tampered.decrypt(KEY, ignore_mac=True)


def test_where_only_encrypted_values_count_others_may_change() -> None:
    envelope = closed(DOCUMENT, Selection(unencrypted_suffix="_unencrypted", mac_only_encrypted=True))
    open_changed = Branch((key, "x" if key == "plain_unencrypted" else value) for key, value in envelope.branches[0])
    assert Envelope([open_changed], envelope.metadata).decrypt(KEY)[0].get("plain_unencrypted") == "x"
    with pytest.raises(MacMismatch):
        Envelope(envelope.branches, Metadata([], selection=Selection().or_default(), mac=envelope.metadata.mac,
                                             last_modified=envelope.metadata.last_modified)).decrypt(KEY)  # fmt: skip


@pytest.mark.parametrize(
    ("mac", "last_modified", "says"),
    [
        ("", "2024-01-02T03:04:05Z", "no MAC"),
        (VECTOR["mac"], "2024-01-02T03:04:06Z", "cannot decrypt the MAC"),
        (VECTOR["mac"][:-40], "2024-01-02T03:04:05Z", "cannot decrypt the MAC"),
    ],
)
def test_a_broken_seal_is_named_and_no_digest_is_shown(mac: str, last_modified: str, says: str) -> None:
    envelope = closed(DOCUMENT, random=counted())
    with pytest.raises(MacMismatch, match=says) as refused:
        Envelope(envelope.branches, envelope.metadata.changed(mac=mac, last_modified=last_modified)).decrypt(KEY)
    assert "41AD" not in str(refused.value)


def test_the_time_of_the_seal_is_utc() -> None:
    moment = datetime(2024, 1, 2, 5, 4, 5, 999, tzinfo=timezone(timedelta(hours=2)))
    metadata = Metadata([], selection=Selection())
    assert encrypt([DOCUMENT], metadata, KEY, now=moment).metadata.last_modified == "2024-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (Branch([("a", Branch([("b", ["", 5])]))]), r'\["a"\]\["b"\]\[1\]: encrypted text is expected.*int'),
        (Branch([("a", "secret")]), r'\["a"\]: not encrypted, or cut off'),
        (Branch([("a\x1b[2J" + "x" * 99, "secret")]), r'\["a\\x1b\[2Jx+\.\.\."\]: not encrypted'),
        (Branch([("a", ["secret"])]), r'\["a"\]\[0\]: not encrypted'),
    ],
)
def test_a_value_that_cannot_be_decrypted_is_named_by_its_path(document: Branch, where: str) -> None:
    with pytest.raises(TreeNotDecrypted, match=where) as refused:
        Envelope([document], Metadata([], selection=Selection())).decrypt(KEY)
    assert "secret" not in str(refused.value)
    assert refused.value.code == 25


def test_a_value_that_cannot_be_encrypted_is_named_by_its_path() -> None:
    with pytest.raises(TreeNotEncrypted, match=r'^\["a"\]\[1\]: an integer of more than 64 bits$') as refused:
        closed(Branch([("a", [1, 2**63])]))
    assert refused.value.code == 23


@pytest.mark.parametrize("values", [["x"] * 2000, Branch([("k", "x")] * 2000)], ids=["list", "mapping"])
def test_long_keys_over_many_values_are_refused_before_they_take_hours(values: Value) -> None:
    document = Branch([("a", Branch([("k" * 1_000_000, values)]))])
    with pytest.raises(TreeNotEncrypted, match="too long for so many values"):
        closed(document)
    with pytest.raises(TreeNotDecrypted, match="too long for so many values"):
        Envelope([document], Metadata([], selection=Selection())).decrypt(KEY)


def test_swapped_values_are_refused() -> None:
    envelope = closed(Branch([("a", "one"), ("b", "two")]))
    (_, one), (_, two) = envelope.branches[0]
    with pytest.raises(TreeNotDecrypted, match="changed or moved"):
        Envelope([Branch([("a", two), ("b", one)])], envelope.metadata).decrypt(KEY)


def test_a_comment_that_does_not_decrypt_stays_and_is_reported() -> None:
    envelope = closed(Branch([("a", "x")]))
    commented = Envelope([Branch([(Comment(" old"), None), *envelope.branches[0]])], envelope.metadata)
    heard: list[str] = []
    assert commented.decrypt(KEY, warn=heard.append)[0][0] == (Comment(" old"), None)
    assert len(heard) == 1
    assert "old" not in heard[0]


def test_a_comment_that_could_not_be_read_again_is_not_encrypted() -> None:
    with pytest.raises(TreeNotEncrypted, match="unencrypted_comment_regex"):
        closed(Branch([(Comment("x"), None), ("a", "b")]), Selection(unencrypted_comment_regex="^ENC"))


def test_a_pattern_that_is_none_encrypts_nothing_and_says_so() -> None:
    with pytest.raises(SopsError, match="encrypted_regex"):
        closed(DOCUMENT, Selection(encrypted_regex="^(data)(?!x)"))


def test_an_unknown_version_is_refused_before_anything_is_opened() -> None:
    envelope = closed(DOCUMENT)
    with pytest.raises(EnvelopeRefused, match="version"):
        Envelope(envelope.branches, envelope.metadata.changed(version="tomorrow")).decrypt(KEY)


def test_a_wrong_data_key_opens_nothing() -> None:
    with pytest.raises(TreeNotDecrypted):
        closed(DOCUMENT).decrypt(bytes(32))
    with pytest.raises(EnvelopeRefused):
        closed(DOCUMENT).decrypt(b"short")
