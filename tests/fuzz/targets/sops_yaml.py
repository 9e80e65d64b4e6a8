"""The YAML of SOPS: read with its comments, written, and edited where it stands."""

from sealer.sops.cipher import plain_bytes
from sealer.sops.errors import SopsError
from sealer.sops.formats.yaml import Yaml
from sealer.sops.formats.yaml_reading import read
from sealer.sops.tree import Branch, Comment, Value
from tests.fuzz.rules import PLANTED, attempt, require

SEEDS = (
    b"# a\n\n# b\nc: 1 # d\ne: # f\n  # g\n  h: 'i' # j\n  # k\n\n# l\nm:\n- 1 # n\n# o\n- - 2\n  - p: q\n# r\n",
    b"a: |- # b\n  c\n# d\ne: >+\n  f\n\n---\n# g\n",
    b"---\nh: [1, # i\n  2 # j\n  ] # k\nl: {m: n, # o\n  # p\n  q: r}\n...\n# s\n",
    b"a: &x # b\n  c: 1 # d\n# e\nf: *x # g\nh:\n  <<: *x\n  i: !!binary /w==\n? j # k\n: l # m\n",
    b"# a\r\nb: 1 # c\r\n\r\n# d\r\n# e\r\nf: 2024-01-02\r\nsops:\r\n  mac: x\r\n",
)
PIECES = (
    *(bytes([code]) for code in b"abz019 \n\t:-?,[]{}&*!|>'\"%@`#<.~_\\"),
    *(b"\r\n", b"\x00", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\n  ", b"\n- ", b"\n    ", b"\n\n"),
    *(b": ", b"- ", b"? ", b"---\n", b"...\n", b"<<: ", b"&a ", b"*a", b"!!int ", b"!!binary ", b"|-\n ", b">+2\n"),
    *(b" # c\n", b"\n# c\n", b"\n  # c\n", b"#", b"# c", b"true", b".nan", b"1e9", b"2001-01-01", b"sops:\n  a: b\n"),
    PLANTED.encode(),
)


def check(data: bytes) -> None:
    """Values that are written and read back the same, edits that end as wanted, or a refusal that quotes nothing."""
    branches = attempt(SopsError, read, data)
    if branches is None:
        return
    written = attempt(SopsError, Yaml().write_plain, branches)
    if written is not None:
        again = attempt(SopsError, read, written)
        require(again is not None and _values(again) == _values(branches), "what was written reads otherwise")
    same = attempt(SopsError, Yaml().edit_plain, data, branches)
    changed = attempt(SopsError, Yaml().edit_plain, data, [_changed(branch) for branch in branches])
    if same is None or changed is None:
        return
    require(same.text in (data, None), "an edit of nothing changes the text")
    if changed.text is not None:
        after = attempt(SopsError, read, changed.text)
        require(after is not None and _values(after) == _values(map(_changed, branches)), "an edit ends otherwise")


def _values(value: object) -> object:
    """A value without its comments, as text that tells types apart, but for whole numbers: 1.0 is written as 1."""
    if isinstance(value, Branch):
        return [(key, _values(item)) for key, item in value if not isinstance(key, Comment)]
    if isinstance(value, list | map):
        return [_values(item) for item in value if not isinstance(item, Comment)]
    if isinstance(value, float | int) and not isinstance(value, bool):
        return plain_bytes(float(value))
    return getattr(value, "text", repr(value))


def _changed(branch: Branch) -> Branch:
    return Branch((key, _other(item)) for key, item in branch)


def _other(value: object) -> Value:
    if isinstance(value, Branch):
        return _changed(value)
    if isinstance(value, list):
        return [_other(item) for item in value]
    return value if isinstance(value, Comment) else "ENC[x,data:y==]"
