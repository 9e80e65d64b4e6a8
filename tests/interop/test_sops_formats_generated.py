"""Generated documents through the real sops and through ours, both ways; many documents in each call."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealer.sops.envelope import Envelope, encrypt
from sealer.sops.errors import DocumentRefused
from sealer.sops.formats.base import by_name
from sealer.sops.metadata import Metadata
from sealer.sops.selection import Selection
from sealer.sops.stash import Stash
from sealer.sops.tree import Branch, to_text
from tests.kit.sopsprogram import Sops

pytestmark = pytest.mark.interop

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA_KEY = bytes(range(32))
METADATA = Metadata([], selection=Selection())
"""The same for two files, so that their values are compared."""
SELECTIONS = (
    Selection(unencrypted_suffix="_unencrypted"),
    Selection(encrypted_suffix="a", mac_only_encrypted=True),
    Selection(encrypted_regex="^[a-k]"),
    Selection(unencrypted_regex="b|_"),
)

TEXTS = st.text(max_size=10).map(lambda text: text.encode("utf-8", "replace").decode())
KEYS = TEXTS | st.sampled_from(["a", "b_unencrypted", "bare"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
    st.binary(max_size=6).map(to_text),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(KEYS, inner), max_size=4).map(Branch),
    max_leaves=12,
)
WORDS = st.text(st.sampled_from("ab é\"'`=:#;\\n[]-\t"), min_size=1, max_size=8)
LINES = st.one_of(
    st.builds("{}={}".format, WORDS, WORDS),
    st.builds("{} = {}".format, st.sampled_from(["k", "key", "`q`", '"z"']), WORDS),
    st.builds("; {}".format, WORDS),
    st.builds("[{}]".format, st.sampled_from(["s", "t", "DEFAULT"])),
    st.just(""),
)
BATCHES = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(scope="module")
def sops(tmp_path_factory: pytest.TempPathFactory) -> Sops:
    return Sops(tmp_path_factory.mktemp("sops"))


def both_ways(sops: Sops, form: str, data: bytes, selection: Selection) -> None:
    """Their file opens, and closes again to the same bytes; ours opens to what theirs opens to."""
    store = by_name(form)
    flags = [word for rule, text in selection.texts.items() for word in (f"--{rule.replace('_', '-')}", text)]
    before = ["--mac-only-encrypted"] if selection.mac_only_encrypted else []
    theirs = sops.encrypt(data, form, *flags, before=before)
    plain = sops.decrypt(theirs, form)
    envelope, stash = store.read_encrypted(theirs), Stash()
    key = sops.data_key(envelope)
    assert store.write_plain(envelope.decrypt(key, stash=stash)) == plain
    ours = encrypt(store.read_plain(data), sops.metadata(DATA_KEY, selection), DATA_KEY, now=NOW)
    assert sops.decrypt(store.write_encrypted(ours), form) == plain
    # Equal values of one list share a nonce once they were read, in theirs as in ours: compare what was closed twice.
    again = encrypt(envelope.decrypt(key), envelope.metadata, key, now=NOW, stash=stash)
    anew = encrypt(store.read_plain(data), envelope.metadata, key, now=NOW, stash=stash)
    assert store.write_encrypted(Envelope(anew.branches, METADATA)) == store.write_encrypted(
        Envelope(again.branches, METADATA)
    )


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda selection: selection.rule)
def test_json(sops: Sops, selection: Selection) -> None:
    @BATCHES
    @given(documents=st.lists(st.tuples(KEYS, VALUES), min_size=30, max_size=60).map(Branch))
    def holds(documents: Branch) -> None:
        both_ways(sops, "json", by_name("json").write_plain([Branch([("all", documents)])]), selection)

    holds()


@pytest.mark.parametrize("selection", SELECTIONS[:2], ids=lambda selection: selection.rule)
def test_dotenv(sops: Sops, selection: Selection) -> None:
    lines = st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"\\n").replace(b"\r", b""))

    @BATCHES
    @given(lines=st.lists(lines.map(lambda line: line if b"=" in line or line[:1] == b"#" else b"k=" + line),
                          min_size=50, max_size=100))  # fmt: skip
    def holds(lines: list[bytes]) -> None:
        both_ways(sops, "dotenv", b"\n".join(lines), selection)

    holds()


def test_binary(sops: Sops) -> None:
    @BATCHES
    @given(data=st.binary(min_size=200, max_size=4000))
    def holds(data: bytes) -> None:
        store = by_name("binary")
        theirs = store.read_encrypted(sops.encrypt(data, "binary"))
        assert store.write_plain(theirs.decrypt(sops.data_key(theirs))) == data
        ours = encrypt(store.read_plain(data), sops.metadata(DATA_KEY, Selection()), DATA_KEY, now=NOW)
        assert sops.decrypt(store.write_encrypted(ours), "binary") == data

    holds()


def test_ini_is_read_alike_or_refused_by_both(sops: Sops) -> None:
    """The original can itself not read some of what it writes of INI; those texts say nothing here."""
    store = by_name("ini")

    @settings(BATCHES, max_examples=40)
    @given(lines=st.lists(LINES, max_size=8))
    def holds(lines: list[str]) -> None:
        data = "\n".join(["[s]", *lines]).encode()
        types = ("--input-type", "ini", "--output-type", "ini")
        encrypted = sops.run("encrypt", *types, "--age", sops.recipient, "input", data=data)
        if encrypted.returncode == DocumentRefused.code:
            with pytest.raises(DocumentRefused):
                store.read_plain(data)
            return
        plain = sops.run("decrypt", *types, "input", data=encrypted.stdout)
        if encrypted.returncode == plain.returncode == 0:
            envelope = store.read_encrypted(encrypted.stdout)
            key, stash = sops.data_key(envelope), Stash()
            assert store.write_plain(envelope.decrypt(key, stash=stash)) == plain.stdout
            anew = encrypt(store.read_plain(data), envelope.metadata, key, now=NOW, stash=stash)
            assert store.write_encrypted(Envelope(anew.branches, envelope.metadata)) == encrypted.stdout

    holds()
