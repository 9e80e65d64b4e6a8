"""INI lines that are read by one pattern are read as by the grammar."""

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from sealer.sops.errors import DocumentRefused
from sealer.sops.formats import ini_read

LINES = st.text(st.sampled_from("ab1_.-=: \t#;\"'`\\[]\n\r\x85é"), max_size=12)


def read(text: str) -> object:
    try:
        sections = ini_read.read(text)
    except DocumentRefused as refusal:
        return refusal.message
    return [
        (section.name, section.comment, [(name, key.value, key.comment) for name, key in section.keys.items()])
        for section in sections
    ]


@settings(max_examples=50, deadline=None)
@given(lines=st.lists(LINES | LINES.map("a = {}".format), max_size=5))
def test_the_short_way_reads_what_the_long_one_reads(lines: list[str]) -> None:
    text = "\n".join(lines)
    by_pattern = read(text)
    with patch.object(ini_read, "_ORDINARY", lambda _: None):
        assert read(text) == by_pattern


def test_the_short_way_is_taken() -> None:
    with patch.object(ini_read._Reader, "key", side_effect=AssertionError):
        assert read("a = b\nlong.name-1=ENC[AES256_GCM,data:YQ==,type:str]\n")
