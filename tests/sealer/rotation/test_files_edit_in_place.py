"""Ciphertext is found and replaced where it stands; every other byte of the file stays."""

import json

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.rotation.files import SealedFile, may_hold_sealed

HEAD = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n"


def file_of(text: str) -> SealedFile:
    return SealedFile(text.encode(), source="db.yaml")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: AgOld= # why", "a: NEW # why"),
        ("a: 'AgOld='", "a: 'NEW'"),
        ('a:   "AgOld="   ', 'a:   "NEW"   '),
        ('a: "Ag\\\n      Old="', 'a: "NEW"'),
        ('"a": AgOld=', '"a": NEW'),
        ("? a\n    : AgOld=", "? a\n    : NEW"),
        ("a: |\n      AgOld=\n", "a: |\n      NEW\n"),
        ("a: |-\n      AgO\n      ld=\n\n", "a: |-\n      NEW\n\n"),
        ("a: >-\n        AgOld=\n", "a: >-\n        NEW\n"),
        ("a: >-  # folded\n        AgOld=\n    # after", "a: >-  # folded\n        NEW\n    # after"),
        ("a: |2\n      AgOld=", "a: |2\n      NEW"),
        ("é😀: x\n    a: AgOld=", "é😀: x\n    a: NEW"),
    ],
)
def test_an_item_keeps_its_style_and_its_neighbours(before: str, after: str) -> None:
    text = f"# 😀 first\n{HEAD}spec:\n  encryptedData:\n    {before}\n    b: AgOther\n---\nkind: Other\n"
    assert file_of(text).replaced({0: {"a": "NEW"}}).decode() == text.replace(before, after)


def test_a_literal_block_is_wrapped_as_wide_as_before() -> None:
    text = f"{HEAD}spec:\n  encryptedData:\n    a: |\n      12345\n      678\n    b: x\n"
    new = file_of(text).replaced({0: {"a": "ABCDEFGHIJKL"}}).decode()
    assert new == text.replace("12345\n      678\n", "ABCDE\n      FGHIJ\n      KL\n")


def test_flow_style_crlf_and_byte_order_mark_stay() -> None:
    text = "\ufeff" + (HEAD + "spec: {encryptedData: {a: AgOld=, b: 'AgX'}} # end\n").replace("\n", "\r\n")
    new = file_of(text).replaced({0: {"a": "NEW", "b": "TWO"}}).decode()
    assert new == text.replace("AgOld=", "NEW").replace("AgX", "TWO")


def test_crlf_stays_in_blocks_too() -> None:
    text = f"{HEAD}spec:\n  encryptedData:\n    a: |\n      123\n      45\n".replace("\n", "\r\n")
    new = file_of(text).replaced({0: {"a": "ABCD"}}).decode()
    assert new == text.replace("123\r\n      45", "ABC\r\n      D")


def test_every_document_and_every_list_is_searched() -> None:
    item = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": {"encryptedData": {"a": "Ag"}}}
    listed = {"kind": "List", "apiVersion": "v1", "items": [{"kind": "Other"}, item]}
    typed = {"kind": "SealedSecretList", "apiVersion": "bitnami.com/v1alpha1", "items": [{"spec": item["spec"]}]}
    for text in (
        yaml.safe_dump_all([None, item, {"kind": "Other"}, listed, typed, None]),
        "\n".join(json.dumps(one, indent=2) for one in (item, listed, typed)),
    ):
        file = file_of(text)
        assert len(file.found) == 3
        new = file.replaced({index: {"a": f"N{index}"} for index in range(3)}).decode()
        assert [found.raw["spec"]["encryptedData"]["a"] for found in file_of(new).found] == ["N0", "N1", "N2"]
        assert len(new.splitlines()) == len(text.splitlines())


def test_json_keeps_its_bytes() -> None:
    text = (
        '{ "kind":"SealedSecret", "apiVersion": "bitnami.com\\/v1alpha1",\n\t"x":["\\ud83d\\ude00", 1e3, null, {}, []],'
        '\n"spec":{"encryptedData":{ "a\\u0041" : "AgOld=" ,"b":"Ag"}} }\n\n'
    )
    assert file_of(text).replaced({0: {"aA": "NEW"}}).decode() == text.replace("AgOld=", "NEW")


@pytest.mark.parametrize("style", ["", "'", '"'])
def test_the_deprecated_single_value_is_edited_where_it_stands(style: str) -> None:
    text = f"{HEAD}spec:\n  data: {style}AgOld{style} # since 2018\n  template: {{}}\n"
    assert file_of(text).replaced({0: {"data": "NEW"}}).decode() == text.replace("AgOld", "NEW")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}x: &a AgOld\nspec:\n  encryptedData:\n    a: *a\n", 7),
        (f"{HEAD}spec:\n  encryptedData:\n    a: &a AgOld\n    b: *a\n", 6),
        (f"{HEAD}spec:\n  encryptedData:\n    a: !!str AgOld\n", 6),
        (f"{HEAD}x: &a {{a: AgOld}}\nspec:\n  encryptedData: *a\n", 6),
        (f"{HEAD}x: &a {{a: AgOld}}\nspec:\n  encryptedData:\n    <<: *a\n", 7),
        (f"x: &a {{encryptedData: {{a: AgOld}}}}\n{HEAD}spec: *a\n", 1),
        (f"{HEAD}y: &y\n  x: &a {{a: AgOld}}\n<<: {{spec: {{encryptedData: {{a: Ag}}}}}}\n", 1),
    ],
)
def test_what_is_not_written_out_is_refused_by_file_and_line(text: str, line: int) -> None:
    with pytest.raises(KsealError, match=rf"db\.yaml: line {line}: ") as caught:
        file_of(text).replaced({0: {"a": "NEW"}})
    assert "AgOld" not in caught.value.message


def test_an_anchor_that_the_rest_of_the_file_uses_is_refused() -> None:
    text = f"{HEAD}spec:\n  encryptedData: &all\n    a: AgOld\ncopy: *all\n"
    with pytest.raises(KsealError, match=r"db\.yaml: line 1: shop/db cannot be edited in place safely"):
        file_of(text).replaced({0: {"a": "NEW"}})


@pytest.mark.parametrize(
    "data", ["kind: SealedSecret\n".encode("utf-16"), b"a: \xff", b"{{ helm }}: x: y", b"a: [", b"[1"]
)
def test_what_cannot_be_read_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(KsealError, match=r"^db\.yaml: line \d"):
        SealedFile(data, source="db.yaml")


def test_other_files_hold_none() -> None:
    assert not may_hold_sealed(b"kind: Secret\napiVersion: v1\n")
    assert may_hold_sealed(HEAD.encode())
    assert all(may_hold_sealed(HEAD.encode(form)) for form in ("utf-16", "utf-16-be", "utf-16-le"))
    assert file_of("- a\n- b\n").found == ()
    assert file_of("kind: SealedSecret\napiVersion: v1\n").found == ()


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
_KEYS = _TEXTS.filter(lambda text: text not in {"n", "N", "y", "Y"})  # to Go booleans, which PyYAML writes unquoted
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(
    _VALUES,
    st.dictionaries(_KEYS, st.text("ABCDEFab01+/", min_size=1, max_size=300), min_size=1, max_size=4),
    st.sampled_from(["yaml", "flow", "json", '"', "'", "|", ">"]),
    st.integers(20, 200),
)
def test_only_the_items_change_whatever_stands_around_them(
    around: object, items: dict[str, str], style: str, width: int
) -> None:
    raw = {
        "a": around,
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "spec": {"encryptedData": items, "z": around},
    }
    if style == "json":
        text = json.dumps(raw, indent=1)
    else:
        options = {"default_flow_style": style == "flow"} | ({"default_style": style} if len(style) == 1 else {})
        text = yaml.safe_dump_all([raw, raw], allow_unicode=True, width=width, **options)
    file = file_of(text)
    # PyYAML leaves words like N without quotes, which yaml.v2 reads as false.
    assume(all(found.raw["spec"]["encryptedData"].keys() == items.keys() for found in file.found))
    new = dict.fromkeys(items, "NEW")
    indices = range(len(file.found))
    after = file.replaced(dict.fromkeys(indices, new))
    for before, changed in zip(file.found, SealedFile(after, source="x").found, strict=True):
        expected = {**before.raw, "spec": {**before.raw["spec"], "encryptedData": new}}
        trimmed = {key: text.rstrip("\n") for key, text in changed.raw["spec"]["encryptedData"].items()}
        assert {**changed.raw, "spec": {**changed.raw["spec"], "encryptedData": trimmed}} == expected
