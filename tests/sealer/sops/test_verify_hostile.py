"""Whatever bytes a file has, verifying gives a verdict: nothing is raised, and no value is told."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.config import loads
from sealer.sops.envelope import encrypt
from sealer.sops.formats.base import TABLE, by_name
from sealer.sops.metadata import Metadata
from sealer.sops.recipients.base import MasterKey
from sealer.sops.selection import Selection
from sealer.sops.verify import AUTO, REQUIRE, verify

PLAIN = {
    "yaml": b"a: hunter2\nb: [1, {c: d}]\n# note\ne: null\n",
    "json": b'{"a": "hunter2", "b": [1, {"c": null}]}',
    "dotenv": b"A=hunter2\nB=\n",
    "ini": b"[a]\nb = hunter2\n",
    "binary": b"hunter2",
}
RULE = loads(
    b"creation_rules: [{path_regex: enc, age: age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd}]",
    "/repository/.sops.yaml",
).rule_for("/repository/enc")


def encrypted(name: str) -> bytes:
    form = by_name(name)
    key = MasterKey(
        "age",
        {"recipient": "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"},
        "-----BEGIN AGE ENCRYPTED FILE-----\nA\n-----END AGE ENCRYPTED FILE-----\n",
    )
    selection = Selection() if form.is_single_value else Selection(unencrypted_suffix="_unencrypted")
    made = encrypt(
        form.read_plain(PLAIN[name]), Metadata([[key]], selection=selection), b"k" * 32, now=datetime.now(UTC)
    )
    return form.write_encrypted(made)


FILES = {name: encrypted(name) for name in TABLE}


@pytest.mark.parametrize("name", TABLE)
def test_a_whole_file_is_right(name: str) -> None:
    assert verify(FILES[name], by_name(name), lambda: RULE, None, AUTO).problems == ()


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 60), st.binary(max_size=6)), min_size=1, max_size=4)
)
def test_damage_of_any_kind_ends_in_a_verdict(name: str, cuts: list[tuple[int, int, bytes]]) -> None:
    data = FILES[name]
    for at, length, instead in cuts:
        start = at % len(data)
        data = data[:start] + instead + data[start + length :]
    found = verify(data, by_name(name), lambda: RULE, None, REQUIRE)
    assert found.state in {"encrypted", "plain", "unreadable"}
    assert all("hunter2" not in problem and problem for problem in found.problems)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("yaml", b"ENC[AES256_GCM,: " + b"[" * 100_000),
        (
            "yaml",
            b"a: &a [ENC]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(50)) + b"# ENC[AES256_GCM,",
        ),
        ("json", b'{"ENC[AES256_GCM,": ' + b"[" * 100_000),
        ("json", b'{"sops": {"mac": "ENC[AES256_GCM,", "age": [], "lastmodified": 1}}'),
        ("binary", b'{"data": "ENC[AES256_GCM,", "sops": null}'),
        ("dotenv", b"sops_mac=ENC[AES256_GCM,\n" * 1000),
    ],
)
def test_bombs_end_in_a_verdict(name: str, data: bytes) -> None:
    found = verify(data, by_name(name), lambda: RULE, None, AUTO)
    assert found.problems
