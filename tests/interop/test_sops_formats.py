"""JSON, dotenv, INI and binary files beside the real sops: what one writes the other reads, byte for byte the same."""

from datetime import UTC, datetime

import pytest

from sealer.sops.envelope import Envelope, encrypt
from sealer.sops.errors import DocumentRefused, EnvelopeRefused
from sealer.sops.formats.base import by_name
from sealer.sops.selection import Selection
from sealer.sops.stash import Stash
from sealer.sops.tree import Branch
from tests.kit.sopsprogram import Sops

pytestmark = pytest.mark.interop

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA_KEY = bytes(range(32))

JSON = (
    b"{}",
    b'{"a": 1.0, "b": -0, "c": 1e3, "d": 123456789012345678901234567890, "e": 0.1, "f": 1e-7, "g": 1e21, "h": -0.0}',
    b'{"i": 9223372036854775807, "j": 9223372036854775808, "k": -9223372036854775808, "l": 5e-324, "m": 0.000001}',
    b'{"a": "x", "a": "y", "b": {"c": null, "c": []}, "d": {}, "e": [[], {}, [null, 1], ""], "": {"": ""}, "x:y": 1}',
    '{"é": "<&>\u2028\u2029 \\u0000\\u001f\\u007f\\b\\f \\"\\\\ \\/ 😀 \\ud83d\\ude00 \\ud83d x \\udc80"}'.encode(),
    b'{"k_unencrypted": "plain\\u0007 <", "l_unencrypted": {"m": [1, 1.5, "x", true, null, {"n": 1e21}]}}',
    b'{"bad\xff": "\xff\xfe\xe2\x82z", "x_unencrypted": "\xed\xa0\x80"}',
    b' \n\t{"a" :\ntrue , "b": false} and more',
    b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
)
DOTENV = (
    b"",
    b'# c\n#\n\n a = b \nx==\nmulti=a\\nb\\\\nc\nq="z"\nexport y=1\n\xff=\xfe\n=v\n',
    b"a=1\na=2\r\nb_unencrypted=x\\n\n#last",
)
INI = (
    b"",
    b"x=1\n[e]\n[f]\n[default]\na=1\n",
    b'; top\n# second\n[s] ; inline\n#k\na=1 ; in\nb="quoted # x"\nc=`back # tick`\n\n[s]\na=2\n[DEFAULT]\nx=y\n',
    b'[s]\na="""m1\nm2\nm3"""\nb=c\\\n d\\\n e\nf=1\n',
    b'[s]\na=\'q\'\nb="q\'q"\nc=\'it\'s\'\nd=a:b=c\n"k=1"=2\n`k2`:3\n"""k3"""=4\nx`y=2\n"z:" = 3\n',
    b"[s]\na=  \nb=\nc=1\nc=2\n; lost\n",
    b"[s]\r\na=1\r\n;c\r\nb=2\r\n[t]\nlong name = \xff\xfe\n\xc3\xa9=1\nk\xc2\xa0= v\xc2\xa0\n",
    b'\xef\xbb\xbf[s]\na= "x\nb="""x""" ; c\nc="""\nx ` y\n"""\nd=a\\\n\n',
)
BINARY = (b"", b"x", bytes(range(256)), b'{"sops": 1}', b"\r\n\xff" * 100)
CORPUS = [
    pytest.param(form, data, id=f"{form}-{number}")
    for form, files in (("json", JSON), ("dotenv", DOTENV), ("ini", INI), ("binary", BINARY))
    for number, data in enumerate(files)
]
LOST = b"[s]\n- = 4\n- = 5\n`[x]`=1\n`;y`=2\n"
"""Keys that the original writes as comments and sections, and then cannot read."""
REFUSED = [
    *(("json", data) for data in (b"[1]", b'"x"', b"", b'{"a":1', b'{"a":1,}', b'{"a":NaN}', b"\xef\xbb\xbf{}")),
    *(("json", data) for data in (b'{"a":"\n"}', b'{"a":01}', b'{"a":1e400}', b'{"a" 1}', b'{"a":"\\x"}', b"{1:2}")),
    ("dotenv", b"no sign\n"),
    *(("ini", data) for data in (b"[s]\na\n", b"[]\n", b"[s\n", b"=1\n", b'a="""\n', b'"a=1\n', b'""=1\n', b"`a`\n")),
]
RULES = (
    {"unencrypted_suffix": "_open"},
    {"encrypted_suffix": "_closed"},
    {"unencrypted_regex": "^op.n|_open$"},
    {"encrypted_regex": "closed"},
)


@pytest.fixture(scope="module")
def sops(tmp_path_factory: pytest.TempPathFactory) -> Sops:
    return Sops(tmp_path_factory.mktemp("sops"))


def closed_again(sops: Sops, form: str, encrypted: bytes, plain: bytes) -> bytes:
    """Read with our reader, decrypted and encrypted again under the same nonces, with the old seal."""
    store = by_name(form)
    envelope = store.read_encrypted(encrypted)
    key, stash = sops.data_key(envelope), Stash()
    assert store.write_plain(envelope.decrypt(key, stash=stash)) == plain
    anew = encrypt(envelope.decrypt(key), envelope.metadata, key, now=NOW, stash=stash)
    return store.write_encrypted(Envelope(anew.branches, envelope.metadata))


@pytest.mark.parametrize(("form", "data"), CORPUS)
def test_what_sops_encrypts_is_read_and_written_again_byte_for_byte(sops: Sops, form: str, data: bytes) -> None:
    encrypted = sops.encrypt(data, form)
    plain = sops.decrypt(encrypted, form)
    if form == "binary":  # any later writer names the suffix that was understood; `rotate` of the original, too
        encrypted = sops.run("rotate", "--input-type", form, "--output-type", form, "input", data=encrypted).stdout
    assert closed_again(sops, form, encrypted, plain) == encrypted


@pytest.mark.parametrize(("form", "data"), CORPUS)
def test_what_we_encrypt_sops_reads_as_its_own(sops: Sops, form: str, data: bytes) -> None:
    store = by_name(form)
    selection = Selection() if form == "binary" else Selection().or_default()
    ours = encrypt(store.read_plain(data), sops.metadata(DATA_KEY, selection), DATA_KEY, now=NOW)
    assert sops.decrypt(store.write_encrypted(ours), form) == sops.decrypt(sops.encrypt(data, form), form)


def test_keys_that_look_like_comments_are_quoted_so_that_sops_can_read_them(sops: Sops) -> None:
    store = by_name("ini")
    ours = encrypt(store.read_plain(LOST), sops.metadata(DATA_KEY, Selection().or_default()), DATA_KEY, now=NOW)
    assert sops.decrypt(store.write_encrypted(ours), "ini").count(b"=") == 4


@pytest.mark.parametrize(("form", "data"), REFUSED)
def test_what_sops_refuses_is_refused(sops: Sops, form: str, data: bytes) -> None:
    types = ("--input-type", form, "--output-type", form, "--age", sops.recipient)
    assert sops.run("encrypt", *types, "input", data=data).returncode == DocumentRefused.code
    with pytest.raises(DocumentRefused):
        by_name(form).read_plain(data)


@pytest.mark.parametrize("only_encrypted", [False, True])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: next(iter(rule)))
def test_each_rule_selects_the_same_values(sops: Sops, rule: dict[str, str], only_encrypted: bool) -> None:
    data = b'{"a_open": "o", "b": {"c_closed": [1, "x", {"d_open": true}]}, "open": {"closed": 1.5}, "e": ""}'
    ((name, text),) = rule.items()
    before = ["--mac-only-encrypted"] if only_encrypted else []
    theirs = sops.encrypt(data, "json", f"--{name.replace('_', '-')}", text, before=before)
    store = by_name("json")
    assert closed_again(sops, "json", theirs, sops.decrypt(theirs, "json")) == theirs
    selection = Selection(**rule, mac_only_encrypted=only_encrypted)
    ours = encrypt(store.read_plain(data), sops.metadata(DATA_KEY, selection), DATA_KEY, now=NOW)
    assert sops.decrypt(store.write_encrypted(ours), "json") == sops.decrypt(theirs, "json")
    assert encrypted_paths(ours.branches[0]) == encrypted_paths(store.read_encrypted(theirs).branches[0])


@pytest.mark.parametrize(
    ("rule", "text"), [("encrypted_comment_regex", "seal"), ("unencrypted_comment_regex", "^ *leave")]
)
@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("dotenv", b"# a\na=1\n# seal\n# b\nb=2\nc=3\n# leave\n# d\nd=4\ne=5\n"),
        ("ini", b"; seal\n[s]\na=1\n; b\nb=2\n[t]\n; leave\nc=3\nd=4\n"),
    ],
)
def test_rules_by_comments_select_the_same_values(sops: Sops, form: str, data: bytes, rule: str, text: str) -> None:
    flag = f"--{rule.replace('_', '-')}"
    types = ("--input-type", form, "--output-type", form, "--age", sops.recipient)
    theirs = sops.run("--encrypt", *types, flag, text, "input", data=data).stdout
    assert closed_again(sops, form, theirs, sops.decrypt(theirs, form)) == theirs
    store = by_name(form)
    ours = encrypt(store.read_plain(data), sops.metadata(DATA_KEY, Selection(**{rule: text})), DATA_KEY, now=NOW)
    assert encrypted_paths(ours.branches[0]) == encrypted_paths(store.read_encrypted(theirs).branches[0])
    assert sops.decrypt(store.write_encrypted(ours), form) == sops.decrypt(theirs, form)


@pytest.mark.parametrize(
    "change",
    [
        ("set", "input", '["b"]["c"]', '{"d": [1, "two", null]}'),
        ("unset", "input", '["a"]'),
        ("rotate", "-i", "input"),
    ],
    ids=lambda change: change[0],
)
def test_what_sops_changes_is_read_with_its_seal(sops: Sops, change: tuple[str, ...]) -> None:
    store = by_name("json")
    document = store.read_plain(b'{"a": "x", "b": {"c": 1}, "keep": ["same", "same", 2.5]}')
    ours = encrypt(document, sops.metadata(DATA_KEY, Selection().or_default()), DATA_KEY, now=NOW)
    file = sops.folder / "input.json"
    file.write_bytes(store.write_encrypted(ours))
    assert sops.run(change[0], *(word.replace("input", "input.json") for word in change[1:])).returncode == 0
    envelope = store.read_encrypted(file.read_bytes())
    plain = store.write_plain(envelope.decrypt(sops.data_key(envelope)))
    assert plain == sops.decrypt(file.read_bytes(), "json")


def test_what_sops_wraps_for_other_keys_keeps_its_bytes(sops: Sops) -> None:
    file, other = sops.folder / "keys.json", Sops(sops.folder)
    file.write_bytes(sops.encrypt(b'{"a": "x"}', "json"))
    before = by_name("json").read_encrypted(file.read_bytes())
    rules = sops.folder / ".sops.yaml"
    rules.write_text(f"creation_rules: [{{age: '{sops.recipient},{other.recipient}'}}]\n")
    try:
        assert sops.run("updatekeys", "-y", "keys.json").returncode == 0
    finally:
        rules.unlink()
    after = by_name("json").read_encrypted(file.read_bytes())
    assert [key.fields["recipient"] for key in after.metadata.key_groups[0]] == [sops.recipient, other.recipient]
    assert (after.branches, after.metadata.mac, after.metadata.last_modified) == (
        before.branches,
        before.metadata.mac,
        before.metadata.last_modified,
    )
    assert by_name("json").write_encrypted(after) == file.read_bytes()


@pytest.mark.parametrize("form", ["json", "dotenv", "ini"])
def test_two_groups_keep_their_bytes(sops: Sops, form: str) -> None:
    rules = sops.folder / "groups.yaml"
    others = [Sops(sops.folder).recipient for _ in range(2)]
    groups = "".join(f"\n      - age: ['{recipient}']" for recipient in (sops.recipient, *others))
    rules.write_text(f"creation_rules:\n  - shamir_threshold: 2\n    key_groups:{groups}\n")
    types = ("--input-type", form, "--output-type", form)
    data = {"json": b'{"a": 1}', "dotenv": b"a=1\n", "ini": b"[s]\na=1\n"}[form]
    done = sops.run("--config", str(rules), "encrypt", *types, "input", data=data)
    assert done.returncode == 0, done.stderr
    envelope = by_name(form).read_encrypted(done.stdout)
    assert [len(group) for group in envelope.metadata.key_groups] == [1, 1, 1]
    assert envelope.metadata.shamir_threshold == 2
    assert by_name(form).write_encrypted(envelope) == done.stdout


@pytest.mark.parametrize("indent", [0, 2])
def test_indentation_is_as_asked(sops: Sops, indent: int) -> None:
    data = b'{"a": {"b": [1, {}]}, "c": []}'
    encrypted = sops.run("--indent", str(indent), "encrypt", "--age", sops.recipient, "--input-type", "json",
                         "--output-type", "json", "input", data=data).stdout  # fmt: skip
    store = by_name("json", indent=indent)
    assert store.write_encrypted(store.read_encrypted(encrypted)) == encrypted


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"AES256_GCM,data:", b"AES256_GCM,data:AAAA"), (b",type:str]", b",type:int]"), (b",tag:", b",tag:AAAA")],
)
def test_what_was_tampered_with_is_refused_by_both(sops: Sops, old: bytes, new: bytes) -> None:
    encrypted = sops.encrypt(b'{"a": "secret"}', "json").replace(old, new, 1)
    assert sops.run("decrypt", "--input-type", "json", "input", data=encrypted).returncode == 25
    envelope = by_name("json").read_encrypted(encrypted)
    with pytest.raises(Exception, match=r'\["a"\]: ') as refused:
        envelope.decrypt(sops.data_key(envelope))
    assert getattr(refused.value, "code", None) == 25


@pytest.mark.parametrize("form", ["json", "dotenv", "ini", "binary"])
def test_a_file_without_metadata_ends_alike(sops: Sops, form: str) -> None:
    data = {"json": b"{}", "dotenv": b"a=1\n", "ini": b"[a]\n", "binary": b"{}"}[form]
    assert sops.run("decrypt", "--input-type", form, "input", data=data).returncode == EnvelopeRefused.code
    with pytest.raises(EnvelopeRefused, match="sops metadata not found"):
        by_name(form).read_encrypted(data)


def encrypted_paths(branch: Branch, prefix: str = "") -> list[str]:
    """Where encrypted values stand, for a document without lists of lists."""
    found = []
    for key, value in branch:
        path = f"{prefix}/{key if isinstance(key, str) else '#'}"
        for item in value if type(value) is list else [value]:
            if isinstance(item, Branch):
                found += encrypted_paths(item, path)
            elif (isinstance(item, str) and item.startswith("ENC[")) or "ENC[" in getattr(key, "text", ""):
                found.append(path)
    return found
