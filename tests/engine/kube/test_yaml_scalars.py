"""What plain scalars, quoted ones and tags mean in the two dialects. test_yaml_judged.py asks Go about the same."""

from typing import Any

import pytest

from engine.kube.yaml import Dialect, YamlError, read_all

BOTH = list(Dialect)


def value_of(scalar: str, dialect: Dialect = Dialect.V2) -> Any:
    return read_all(f"v: {scalar}\n".encode(), dialect=dialect, source="s.yaml")[0]["v"]


def key_of(scalar: str, dialect: Dialect = Dialect.V2) -> str:
    (key,) = read_all(f"{scalar}: v\n".encode(), dialect=dialect, source="s.yaml")[0]
    return str(key)


@pytest.mark.parametrize("word", ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"])
def test_old_words_for_true_are_booleans_in_v2_only(word: str) -> None:
    assert value_of(word) is True
    assert key_of(word) == "true"
    assert value_of(word, Dialect.V3) == key_of(word, Dialect.V3) == word


@pytest.mark.parametrize("word", ["n", "N", "no", "No", "NO", "off", "Off", "OFF"])
def test_old_words_for_false_are_booleans_in_v2_only(word: str) -> None:
    assert value_of(word) is False
    assert key_of(word) == "false"
    assert value_of(word, Dialect.V3) == key_of(word, Dialect.V3) == word


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("tRUE", "tRUE"), ("yEs", "yEs"), ("nUll", "nUll"), ("=", "="), ("<<", "<<"), ("None", "None"),
    ],
)  # fmt: skip
def test_words_that_both_dialects_know(scalar: str, value: Any, dialect: Dialect) -> None:
    read = value_of(scalar, dialect)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("0", 0), ("-0", 0), ("+7", 7), ("1_000", 1000), ("1__0_", 10), ("-12", -12),
        ("014", 12), ("0o14", 12), ("-0o14", -12), ("0x1F", 31), ("-0X1f", -31), ("0x_1F", 31),
        ("0b101", 5), ("0b-101", -5), ("0b+1", 1), ("00", 0),
        ("08", 8), ("019", 19), ("0o8", "0o8"), ("0b2", "0b2"), ("0x", "0x"), ("0xfg", "0xfg"), ("0x1p3", "0x1p3"),
        ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("18446744073709551615", 2**64 - 1),
        ("0xFFFFFFFFFFFFFFFF", 2**64 - 1), ("0x10000000000000000", "0x10000000000000000"),
        ("0" * 90 + "1", 1), ("+18446744073709551615", 18446744073709552000),
    ],
)  # fmt: skip
def test_integers(scalar: str, value: Any, dialect: Dialect) -> None:
    read = value_of(scalar, dialect)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("1.5", 1.5), (".5", 0.5), ("-.5", -0.5), ("5.", 5), ("1.0", 1), ("-0.0", 0), ("1_0.2_5", 10.25),
        (".5_5", 0.55), ("1e3", 1000), ("123e4", 1230000), ("1E+3", 1000), ("1.5e-7", 1.5e-7), ("0e0", 0),
        ("1e20", 10**20), ("1e21", 1e21), ("1e-400", 0), ("1e400", "1e400"), ("1e", "1e"), (".", "."), ("._5", "._5"),
        ("1.2.3", "1.2.3"),
        ("18446744073709551616", 18446744073709552000), ("-9223372036854775809", -9223372036854776000),
        ("12345678901234567890123", 1.2345678901234568e22), ("1 5", "1 5"), ("１", "１"), ("infinity", "infinity"),
    ],
)  # fmt: skip
def test_floats_become_the_numbers_that_go_prints_into_json(scalar: str, value: Any, dialect: Dialect) -> None:
    read = value_of(scalar, dialect)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("scalar", ["1:30", "22:22", "190:20:30", "190:20:30.15", "-1:30"])
def test_base_60_is_text(scalar: str, dialect: Dialect) -> None:
    assert value_of(scalar, dialect) == scalar


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("scalar", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "!!float .inf"])
def test_what_json_cannot_carry_is_refused_as_a_value(scalar: str, dialect: Dialect) -> None:
    with pytest.raises(YamlError, match=r"^s\.yaml: line 1: JSON carries no infinity and no NaN$"):
        value_of(scalar, dialect)


@pytest.mark.parametrize(
    ("scalar", "v3"),
    [
        ("2001-01-01", "2001-01-01T00:00:00Z"),
        ("2001-1-2", "2001-01-02T00:00:00Z"),
        ("2001-12-14t21:59:43.10Z", "2001-12-14T21:59:43.1Z"),
        ("2001-12-14T1:2:3+07:30", "2001-12-14T01:02:03+07:30"),
        ("2001-12-14T1:2:3-00:00", "2001-12-14T01:02:03Z"),
        ("2001-12-14T1:2:3+05:60", "2001-12-14T01:02:03+06:00"),
        ("2001-12-14   1:2:3,123456789123", "2001-12-14T01:02:03.123456789Z"),
        ("2000-02-29", "2000-02-29T00:00:00Z"),
    ],
)
def test_dates_are_text_in_v2_and_timestamps_in_v3(scalar: str, v3: str) -> None:
    assert value_of(scalar) == scalar
    assert value_of(scalar, Dialect.V3) == v3
    assert value_of(f'"{scalar}"', Dialect.V3) == scalar
    assert value_of(f"!!str {scalar}", Dialect.V3) == scalar


@pytest.mark.parametrize(
    "scalar",
    [
        "2001-02-29", "1900-02-29", "2001-13-01", "2001-00-01", "2001-01-32", "2001-01", "2001-01-01x", "20011-01-01",
        "2001-12-14 21:59:43.10 -5", "2001-12-14T24:00:00Z", "2001-12-14T1:2:3", "2001-12-14T1:2Z", "2001-12-14 1:2:3Z",
        "2001-12-14T1:2:3.Z", "2001-12-14T1:2:3+0700", "2001-12-14T1:2:3+25:00", "2001-12-14T1:2:60Z", "2001-012-14",
    ],
)  # fmt: skip
def test_what_only_resembles_a_date_is_text_in_both(scalar: str) -> None:
    assert value_of(scalar) == value_of(scalar, Dialect.V3) == scalar


def test_an_offset_that_json_cannot_carry_is_refused_where_it_would_become_a_timestamp() -> None:
    assert value_of("2001-12-14T1:2:3+24:00") == "2001-12-14T1:2:3+24:00"
    with pytest.raises(YamlError, match="offset cannot be written in JSON"):
        value_of("2001-12-14T1:2:3+24:00", Dialect.V3)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("scalar", ['"{}"', "'{}'", "!!str {}", "|-\n  {}", ">-\n  {}", '!!str "{}"'])
@pytest.mark.parametrize("text", ["true", "12", "1.5", "null", "~", "y", "2001-01-01", "<<"])
def test_quotes_and_the_tag_str_make_text_of_anything(scalar: str, text: str, dialect: Dialect) -> None:
    assert value_of(scalar.format(text), dialect) == text


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ('!!int "12"', 12), ("!!float 12", 12), ('!!bool "true"', True), ('!!null ""', None), ("!mine 12", "12"),
        ("!!binary aGVsbG8=", "hello"), ('!!binary "aGVs\\nbG8="', "hello"), ("!!unknown 12", "12"),
        ("!<tag:yaml.org,2002:int> 5", 5),
    ],
)  # fmt: skip
def test_tags_decide_what_a_scalar_is_quoted_or_not(scalar: str, value: Any, dialect: Dialect) -> None:
    if scalar.startswith('!!binary "'):
        scalar = scalar.replace(" bG8", "bG8")
    assert value_of(scalar, dialect) == value


def test_the_empty_tag_keeps_text_in_v2_and_says_nothing_in_v3() -> None:
    assert value_of("! true") == "true"
    assert value_of("! true", Dialect.V3) is True
    assert value_of('! "true"', Dialect.V3) == "true"


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    "scalar",
    ["!!int planted", "!!int 1.5", "!!bool planted", "!!null planted", "!!float planted", "!!timestamp planted"],
)
def test_a_scalar_that_is_not_what_its_tag_says_is_refused_unquoted(scalar: str, dialect: Dialect) -> None:
    with pytest.raises(YamlError, match=r"^s\.yaml: line 1: the value is not what its tag says$"):
        value_of(scalar, dialect)


def test_yes_under_the_tag_bool_is_one_in_v2_only() -> None:
    assert value_of("!!bool yes") is True
    with pytest.raises(YamlError):
        value_of("!!bool yes", Dialect.V3)


@pytest.mark.parametrize("text", ["not base64!", "aGVsbG8", "aGVsbG8==", "a===", "é"])
def test_broken_base64_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match="not the base64 text"):
        value_of(f"!!binary {text}")


def test_bytes_that_are_no_text_are_refused_where_go_would_replace_them() -> None:
    with pytest.raises(YamlError, match="not text"):
        value_of("!!binary /w==")


@pytest.mark.parametrize(
    ("scalar", "key"),
    [
        ("8080", "8080"), ("0x10", "16"), ("1_000", "1000"), ("014", "12"), ("1.0", "1"), ("1e3", "1000"),
        ("1.5", "1.5"), ("1e6", "1e+06"), ("123456.7", "123456.7"), ("0.1234567890123", "0.12345679"),
        ("1e300", ".inf"), ("-1e300", "-.inf"), (".inf", ".inf"), ("-.inf", "-.inf"), (".nan", ".nan"),
        ("1e-9", "1e-09"), ("-0.0", "-0"), ("1e-46", "0"), ("true", "true"), ("2001-01-01", "2001-01-01"),
        ('"8080"', "8080"), ("!!str 0x10", "0x10"), ("9223372036854775807", "9223372036854775807"),
    ],
)  # fmt: skip
def test_keys_become_strings_as_sigs_k8s_io_yaml_makes_them(scalar: str, key: str) -> None:
    assert key_of(scalar) == key


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("scalar", ["~", "null", "", "9223372036854775808", "18446744073709551615"])
def test_null_and_the_largest_integers_cannot_be_keys(scalar: str, dialect: Dialect) -> None:
    with pytest.raises(YamlError, match="cannot be a key") as refused:
        key_of(scalar or "?\n", dialect)
    assert refused.value.hint == "quote the key"
