"""Base64 in Go's rules."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealer.encoding import Base64Error, decode, encode


def test_answers_are_those_of_go(vectors: Callable[[str], Any]) -> None:
    for case in vectors("base64.json")["cases"]:
        if "error" in case:
            with pytest.raises(Base64Error) as caught:
                decode(case["text"])
            assert str(caught.value) == case["error"], case
        else:
            assert decode(case["text"]).hex() == case["hex"], case


@given(st.binary(), st.integers(0, 30), st.sampled_from(["\n", "\r\n", "\r"]))
def test_line_breaks_do_not_matter(value: bytes, at: int, line_break: str) -> None:
    text = encode(value)
    assert text == b64encode(value).decode()
    assert decode(text[:at] + line_break + text[at:]) == value


def offset_of_the_error(text: str) -> int | None:
    try:
        decode(text)
    except Base64Error as error:
        return error.offset
    return None


@given(st.text(alphabet="AZaz09+/=\r\n!-_ é\ud800", max_size=40))
def test_any_text_decodes_or_names_a_byte_of_it(text: str) -> None:
    offset = offset_of_the_error(text)
    assert offset is None or 0 <= offset <= len(text.encode("utf-8", "surrogatepass"))
