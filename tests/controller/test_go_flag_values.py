"""Durations and booleans in Go's spelling."""

from datetime import timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.flags import GoBool, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta(0)),
        ("2m", timedelta(minutes=2)),
        ("87600h", timedelta(days=3650)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        (".5s", timedelta(milliseconds=500)),
        ("1m0.5s", timedelta(seconds=60.5)),
        ("-5s", timedelta(seconds=-5)),
        ("+5s", timedelta(seconds=5)),
        ("250ms", timedelta(milliseconds=250)),
        ("3us", timedelta(microseconds=3)),
        ("3µs", timedelta(microseconds=3)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-", "+", "5", "s", "1..2s", "1d", "1 s", "--1s", "9999999999999h", "1" * 99 + "s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


@given(st.text(max_size=80))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        parse_duration(text)
    except ValueError:
        return
    assert text.strip("+-")


def test_booleans_are_those_of_go() -> None:
    words = GoBool()
    assert [words.convert(word, None, None) for word in ("1", "t", "TRUE", "true")] == [True] * 4
    assert [words.convert(word, None, None) for word in ("0", "f", "False", "false")] == [False] * 4
    for word in ("yes", "on", "tRuE", ""):
        with pytest.raises(click.BadParameter):
            words.convert(word, None, None)
