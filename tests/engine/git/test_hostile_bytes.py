"""Whatever a server or a repository holds, our readers end with a value or an error of ours."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.git import lsrefs, verify
from engine.git.child import GitError
from engine.git.pktline import FLUSH, line
from engine.git.wire import WireError, origin_of

IDS = st.sampled_from(["a" * 40, "0" * 40, "b" * 64, "x", ""])
NAMES = st.sampled_from(
    ["refs/heads/main", "refs/tags/v1", "refs/tags/v1^{}", "^{}", "HEAD", "capabilities^{}", "ä", ""]
)
WORDS = st.sampled_from(
    ["peeled:" + "c" * 40, "peeled:", "peeled:x", "symref-target:refs/heads/main", "unborn", "\0caps"]
)
LINES = st.tuples(IDS, NAMES, st.lists(WORDS, max_size=2)).map(lambda parts: " ".join([parts[0], parts[1], *parts[2]]))
BODIES = st.lists(LINES | st.just("version 2") | st.just("ERR no"), max_size=5).map(
    lambda found: b"".join(line(each) for each in found) + FLUSH
)


@given(st.binary(max_size=200) | BODIES)
def test_answers_of_servers(body: bytes) -> None:
    for read in (lsrefs._refs_v2, lsrefs._refs_v0, lsrefs._knows_v2, lsrefs.refs_of_lines):
        try:
            found = read(body)
        except GitError:
            continue
        if isinstance(found, dict):
            assert all(len(ref.commit) == 40 for ref in found.values())


@given(
    st.binary(max_size=300),
    st.lists(st.sampled_from([b"gpgsig x\n", b" y\n", b"tree z\n", b"\n", b"gpgsig-sha256 q\n"])),
)
def test_objects_with_signatures(raw: bytes, parts: list[bytes]) -> None:
    for content in (raw, b"".join(parts) + raw):
        try:
            signed = verify._of_commit(content)
            assert b"\ngpgsig " not in signed.payload.partition(b"\n\n")[0]
        except verify._Bad:
            pass
        tag = verify._of_tag(content)
        assert tag.payload + tag.signature == content


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "ssh://"]))
def test_urls(text: str, scheme: str) -> None:
    with suppress(WireError):
        assert origin_of(scheme + text).netloc


@pytest.mark.parametrize("name", ["x", "refs/heads/x", "-x", "a" * 5_000, "\udcff", "../../x"])
def test_names_of_local_refs_are_plain(name: str) -> None:
    from engine.git.mirror import local

    assert Path(local(name)).name.isalnum()
    assert len(local(name)) < 60
