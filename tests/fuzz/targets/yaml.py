"""The reader of YAML, in both dialects."""

from engine.kube.yaml import Dialect, YamlError, read_all, write
from tests.fuzz.rules import PLANTED, attempt, require

SEEDS = (
    b"a: &x [1, 2.5, true, null, ~, 0x1f, 1e3]\nb: *x\nc: {<<: {k: v}, d: !!binary aGk=}\n",
    b"---\na: |-\n  text\n   more\nb: >+\n  folded\n  text\n\n...\n---\n- \"q\\u00e9\\n\"\n- 'it''s'\n- ? k\n  : v\n",
    b"%YAML 1.1\n%TAG ! tag:x,2000:\n---\n!!str 2001-01-01T00:00:00Z\n",
    b"b: &b\n  k: 1\na:\n  <<: [*b, {c: 1}]\n  k: 2\n# comment\n",
    "\ufeffa: 0o17\n\u2028b: 1_000\x85".encode(),
    "a: 1\n".encode("utf-16"),
)
PIECES = (
    *(bytes([code]) for code in b"abz019 \n\t:-?,[]{}&*!|>'\"%@`#<.~_\\"),
    *(b"\r\n", b"\x00", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\n  ", b"\n- "),
    *(b": ", b"- ", b"? ", b"---\n", b"...\n", b"<<: ", b"&a ", b"*a", b"!!int ", b"!!float ", b"!!binary ", b"!<"),
    *(b"%YAML 1.1\n", b"%TAG ! x\n", b"|-\n ", b">+2\n", b"true", b"null", b".nan", b"0x", b"1e9", b"2001-01-01"),
    *(b"\\x", b"\\uD800", b"k: v\n", PLANTED.encode()),
)


def check(data: bytes) -> None:
    """Values that are written and read back the same, or a refusal that quotes nothing."""
    for dialect in Dialect:
        values = attempt(YamlError, read_all, data, dialect=dialect, source="s")
        for value in values or ():
            again = attempt(YamlError, read_all, write(value).encode(), dialect=dialect, source="s")
            require(again == [value], "what was written reads otherwise")
