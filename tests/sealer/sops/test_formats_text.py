"""JSON, dotenv, INI and binary files as text: what is kept, what is refused, and that no refusal quotes the file."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.envelope import Envelope
from sealer.sops.errors import DocumentRefused, EnvelopeRefused, MetadataMissing, NotWritable
from sealer.sops.formats import base, flat
from sealer.sops.formats.base import by_name, by_path, name_for
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.tree import Branch, Comment, Timestamp

METADATA = Metadata(
    [[MasterKey("age", {"recipient": "age1x"}, "-----BEGIN\nx\n-----END\n")]],
    selection=Selection(encrypted_regex="^a$"),
    last_modified="2024-01-02T03:04:05Z",
    mac="ENC[AES256_GCM,data:x]",
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=8)
NAMES = st.text(st.sampled_from("abc \"':=`#;-[]é."), min_size=1, max_size=5).filter(
    lambda name: name.strip() == name and not ("`" in name and set(name) & set('":=[#;'))
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(TEXTS, inner), max_size=4).map(Branch),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(document=st.lists(st.tuples(TEXTS, JSON_VALUES), max_size=4).map(Branch), indent=st.sampled_from([None, 0, 3]))
def test_json_comes_back_with_its_order_and_duplicates(document: Branch, indent: int | None) -> None:
    store = by_name("json", indent=indent)
    back = store.read_plain(store.write_plain([document]))
    assert repr(back) == repr([document])


@settings(max_examples=50, deadline=None)
@given(
    document=st.lists(
        st.tuples(LINES.filter(lambda key: key[:1] not in ("", "#") and "=" not in key), TEXTS)
        | st.tuples(LINES.map(Comment), st.none()),
        max_size=5,
    ).map(Branch)
)
def test_dotenv_comes_back(document: Branch) -> None:
    store = by_name("dotenv")
    written = store.write_plain([document])
    expected = [(key, value and value.replace("\\n", "\n")) for key, value in document if isinstance(value, str | None)]
    assert store.read_plain(written) == [Branch(expected)]
    assert store.write_plain(store.read_plain(written)) == written


@settings(max_examples=50, deadline=None)
@given(
    section=st.dictionaries(
        NAMES.filter(lambda name: name != "-"),  # which stands for a number
        st.text(st.sampled_from("ab #;\n=[]"), max_size=6),
        max_size=4,
    )
)
def test_ini_comes_back(section: dict[str, str]) -> None:
    store = by_name("ini")
    document = Branch([("DEFAULT", Branch()), ("s", Branch(section.items()))])
    assert store.read_plain(store.write_plain([document])) == [document]


@given(data=st.binary())
def test_bytes_come_back(data: bytes) -> None:
    store = by_name("binary")
    assert store.write_plain(store.read_plain(data)) == data


@pytest.mark.parametrize("form", ["json", "dotenv", "ini", "binary"])
def test_metadata_come_back_from_every_format(form: str) -> None:
    store = by_name(form)
    document = Branch([("s", Branch([("a", "x")]))]) if form == "ini" else Branch([("data", "x")])
    written = store.write_encrypted(Envelope([document], METADATA))
    back = store.read_encrypted(written)
    assert back.metadata.write() == METADATA.write()
    assert document[-1] in back.branches[0]
    assert store.is_encrypted(store.read_plain(written)) is (form != "binary")
    assert not store.is_encrypted(back.branches)
    marks = {"dotenv": b"sops_mac=ENC[", "ini": b"[sops]"}
    assert marks.get(form, b'"mac": "ENC[') in written  # by which Flux knows it


@pytest.mark.parametrize(
    ("form", "key"), [("json", "sops"), ("ini", "sops"), ("dotenv", "sops_mine"), ("binary", "sops")]
)
def test_a_key_that_metadata_need_is_refused(form: str, key: str) -> None:
    value = Branch() if form == "ini" else "x"
    with pytest.raises(NotWritable, match="reserved"):
        by_name(form).write_encrypted(Envelope([Branch([(key, value)])], METADATA))


@pytest.mark.parametrize(
    ("form", "data", "says"),
    [
        ("json", b'{"a": "pl4nted"', "line 1: "),
        ("json", b'\n{"a": pl4nted}', "line 2: "),
        ("json", b'["pl4nted"]', "no JSON object"),
        ("json", b'{"a": 1e999}', "a number is larger"),
        ("json", b'{"a":' * 300 + b"1" + b"}" * 300, "inside each other"),
        ("json", b'{"a":' + b"[" * 100_000, "inside each other"),
        ("json", b"{" + b"," * 5_000_000, "more than"),
        ("dotenv", b"a=1\npl4nted\n", "line 2: neither"),
        ("dotenv", b"\n" * 5_000_000, "more than"),
        ("ini", b"[s]\na=1\npl4nted\n", "line 3: neither"),
        ("ini", b'[s]\na="""pl4nted\n', "line 2: .*closing quote"),
        ("ini", b"[pl4nted\n", "line 1: a section without"),
        ("ini", b"[s]\n`pl4nted=1\n", "line 2: .*closing quote"),
    ],
)
def test_a_broken_text_is_refused_by_its_line_without_being_quoted(form: str, data: bytes, says: str) -> None:
    for read, refusal in ((by_name(form).read_plain, DocumentRefused), (by_name(form).read_encrypted, EnvelopeRefused)):
        with pytest.raises(refusal, match=says) as refused:
            read(data)
        assert "pl4nted" not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("form", ["json", "dotenv", "ini", "binary"])
def test_a_file_that_is_too_large_is_refused(form: str) -> None:
    data = bytes(base.LIMITS.bytes + 1)
    with pytest.raises(DocumentRefused, match="are read"):
        by_name(form).read_plain(data)


@pytest.mark.parametrize(
    ("form", "data", "says"),
    [
        ("json", b'{"sops": {}, "sops": {}}', "twice"),
        ("json", b'{"sops": "text"}', "not a mapping"),
        ("json", b'{"sops": {}}', "no keys found"),
        ("dotenv", b"sops_a=1\nsops_a=2\n", "'a': there twice"),
        ("dotenv", b"sops_a__list_1=1\n", "'a': an index is missing"),
        ("dotenv", b"sops_a__list_x=1\n", "'a__list_x': not an index"),
        ("dotenv", b"sops_a__list_99999999=1\n", "not an index"),
        ("dotenv", b"sops_a=1\nsops_a__map_b=1\n", "'a': both a value and a container"),
        ("dotenv", b"sops_a__map_b=1\nsops_a__list_0=1\n", "'a': both"),
        ("dotenv", b"sops_a" + b"__map_b" * 5000 + b"=1\n", "more than 16 levels"),
        ("ini", b"[sops]\n[sops]\n", "twice"),
    ],
)
def test_broken_metadata_are_named(form: str, data: bytes, says: str) -> None:
    with pytest.raises(EnvelopeRefused, match=says):
        by_name(form).read_encrypted(data)


@pytest.mark.parametrize("form", ["json", "dotenv", "ini", "binary"])
def test_a_file_without_metadata_is_not_encrypted(form: str) -> None:
    with pytest.raises(MetadataMissing):
        by_name(form).read_encrypted(b"{}" if form in ("json", "binary") else b"")


def test_real_line_breaks_in_metadata_of_ini_are_understood() -> None:
    escaped = by_name("ini").write_encrypted(Envelope([Branch([("DEFAULT", Branch())])], METADATA))
    _, value = next(line for line in escaped.split(b"\n") if b"enc" in line).split(b" = ", 1)
    real = escaped.replace(value, b'"""' + value.replace(b"\\n", b"\n") + b'"""')
    assert real != escaped
    assert b"\\n" not in real
    assert by_name("ini").read_encrypted(real).metadata.write() == METADATA.write()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (True, "true"),
        (1.0, "1.0"),
        (1.5, "1.5"),
        (1e21, "1E+21"),
        (1e-7, "1E-07"),
        (-0.0, "-0.0"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
        (None, "<nil>"),
        (Timestamp("2024-01-02T03:04:05.5+02:00"), "2024-01-02T03:04:05+02:00"),
    ],
)
def test_values_of_other_formats_are_texts_in_flat_ones(value: Any, text: str) -> None:
    assert flat.text_of(value) == text
    assert by_name("dotenv").write_plain([Branch([("a", value)])]) == f"a={text}\n".encode()
    assert by_name("ini").write_plain([Branch([("s", Branch([("a", value)]))])]) == f"[s]\na = {text}\n".encode()


@pytest.mark.parametrize(
    "write",
    [
        lambda: by_name("dotenv").write_plain([Branch([("a", Branch())])]),
        lambda: by_name("dotenv").write_plain([Branch([("a", [])])]),
        lambda: by_name("dotenv").write_value(1),
        lambda: by_name("ini").write_plain([Branch([("a", "x")])]),
        lambda: by_name("ini").write_plain([Branch([("", Branch())])]),
        lambda: by_name("ini").write_plain([Branch([("s", Branch([("a", [])]))])]),
        lambda: by_name("ini").write_plain([Branch([("s", Branch([("", "x")]))])]),
        lambda: by_name("json").write_plain([Branch([("a", float("nan"))])]),
        lambda: by_name("binary").write_plain([Branch([("data", 1)])]),
        lambda: by_name("binary").write_plain([Branch([("other", "x")])]),
        lambda: by_name("binary").write_plain([Branch(), Branch()]),
        lambda: by_name("binary").write_value("x"),
    ],
)
def test_what_a_format_cannot_carry_is_refused(write: Callable[[], bytes]) -> None:
    with pytest.raises(NotWritable) as refused:
        write()
    assert refused.value.code == 4


def test_an_empty_line_of_a_comment_survives_in_ini() -> None:
    store = by_name("ini")
    document = store.read_plain(b";\n; x\n[s]\na=1\n")
    assert store.read_plain(store.write_plain(document)) == document


@pytest.mark.parametrize(
    ("path", "wanted", "name"),
    [
        ("a.yaml", None, "yaml"),
        ("a.yml", None, "yaml"),
        ("a.json", None, "json"),
        (".env", None, "dotenv"),
        ("a.ini", None, "ini"),
        ("a.JSON", None, "binary"),
        ("a", None, "binary"),
        ("a.yaml", "json", "json"),
        ("a.json", "toml", "json"),
    ],
)
def test_a_format_is_chosen_by_name_or_suffix(path: str, wanted: str | None, name: str) -> None:
    assert name_for(path, wanted) == name


def test_a_path_gives_its_format() -> None:
    assert by_path("x.env").name == "dotenv"
