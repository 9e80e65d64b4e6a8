"""Versions that strangers wrote: a refusal or a result, quickly, and no value in what is said."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import KsealError
from sealer.sops.formats.base import by_name
from sealer.sops.operations import Keys, encrypt_file
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.versions import envelopes, kinds, sealed, textform
from sealer.versions.inspection import inspect

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEALED = (
    b"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: db, namespace: shop}\n"
    b"spec:\n  encryptedData:\n    a: canary\n    b: Y2FuYXJ5\n---\nkind: Secret\nstringData: {c: canary}\n"
)


class Service:
    """Wraps as hexadecimal digits."""

    def wrap(self, key: MasterKey, data: bytes) -> str:
        del key
        return data.hex()

    def unwrap(self, key: MasterKey) -> bytes:
        try:
            return bytes.fromhex(key.enc)
        except ValueError:
            raise KsealError("not wrapped by this") from None


KEYS = Keys({"age": Service()})


def made(form: str, text: bytes) -> bytes:
    group = [MasterKey("age", {"recipient": "one"})]
    rule, store = Selection(unencrypted_suffix="_unencrypted"), by_name(form)
    return encrypt_file(text, store, store, KEYS, groups=[group], selection=rule, now=NOW)


FILES = {
    "yaml": made("yaml", b"a: canary\nb:\n- canary\n- {c: canary}\n# canary\n"),
    "json": made("json", b'{"a": "canary", "b": ["canary", {"c": "canary"}]}'),
    "dotenv": made("dotenv", b"a=canary\nb=canary\n"),
    "ini": made("ini", b"[s]\na = canary\n; canary\nb = canary\n"),
    "binary": made("binary", b"canary"),
}


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with a part cut out, doubled, or replaced."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 80)))
    piece = draw(st.sampled_from([b"", whole[start:end] * 2, b"\x00", b"[", b"]: {", b"\n<<<<<<< x\n", b"sops: 1\n"]))
    return whole[:start] + piece + whole[end:]


@pytest.mark.parametrize("form", FILES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_damaged_sops_files_are_refused_or_shown_without_values(form: str, data: st.DataObject) -> None:
    version = data.draw(damaged(FILES[form]))
    store = by_name(form)
    for work in (
        lambda: textform.of_sops(version, store, KEYS, b"k" * 32),
        lambda: envelopes.merged(FILES[form], version, FILES[form], store, KEYS, now=NOW).data,
        lambda: envelopes.merged(FILES[form], FILES[form], version, store, KEYS, now=NOW).data,
        lambda: str(kinds.of(version, store)).encode(),
        lambda: repr(inspect("x", version, store, Selection())).encode(),
    ):
        try:
            said = work()
        except KsealError as error:
            said = f"{error.message} {error.hint}".encode()
        assert b"canary" not in said


@given(damaged(SEALED), damaged(SEALED))
@settings(max_examples=50, deadline=None)
def test_damaged_sealed_secrets_are_refused_or_merged(ours: bytes, theirs: bytes) -> None:
    for work in (
        lambda: sealed.merged(SEALED, ours, theirs, "s.yaml", lambda *versions: (versions[1], False)).conflicts,
        lambda: textform.of_sealed(ours, "s.yaml") and (),  # what is not sealed is shown as it is
        lambda: inspect("s.yaml", ours, by_name("yaml"), None),
    ):
        try:
            said = repr(work())
        except KsealError as error:
            said = f"{error.message} {error.hint}"
        assert "canary" not in said


def test_plain_and_broken_secrets_are_found_without_their_values() -> None:
    found = inspect("s.yaml", SEALED, by_name("yaml"), None)
    assert [finding.message.partition(":")[0] for finding in found] == ["SealedSecret/shop/db", "Secret"]
    assert "canary" not in repr(found)
