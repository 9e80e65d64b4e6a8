"""The reader of JSON objects."""

import json

from engine.kube import json_read, json_write
from engine.kube.documents import DEFAULT
from tests.fuzz.rules import PLANTED, attempt, in_time, require

SEEDS = (
    b'{"a": [1, -2.5e3, true, false, null, "\\u00e9\\n\\ud83d\\ude00"], "b": {"c": {}}}\n{"d": []}',
    b'\xef\xbb\xbf{"n": 18446744073709551615, "m": -9223372036854775808, "l": 123456789012345678901234567890}',
    b'{"a":' * 20 + b"1" + b"}" * 20,
)
PIECES = (
    *(bytes([code]) for code in b'{}[]:,"\\/ \n\t019-+.eE'),
    *(b"true", b"false", b"null", b"NaN", b"Infinity", b"1e400", b"\\u0000", b"\\ud800", b"\\udc00", b'{"a":', b'"b":'),
    *(b"\xff", b"\xed\xa0\x80", b"\x00", b"[" * 300, b'{"a":' * 300, b"9" * 5000, PLANTED.encode()),
)


def check(data: bytes) -> None:
    """Values as the standard reader has them, written and read back the same, or a refusal that quotes nothing."""
    documents = attempt(json_read.JsonError, json_read.read, data, source="s", limits=DEFAULT)
    for document in documents or ():
        with in_time():
            written = json_write.text(document.value)
        require(json.loads(written) == document.value, "what was written reads otherwise")
