"""Lines are read as Go's pflag reads them: values, errors and all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealer.cli.compat.kubeseal import FLAGS, PREFIX
from sealer.cli.compat.pflag import HelpAsked, Value, Wrong, parse, usage


def values(line: str, **environ: str) -> dict[str, Value]:
    """What a line gives, defaults left out."""
    parsed = parse(FLAGS, line.split(), environ, PREFIX)
    return {name: parsed.values[name] for name in parsed.given}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("words - that do not count", {}),
        ("--cert=a", {"cert": "a"}),
        ("--cert a b", {"cert": "a"}),
        ("--cert --raw", {"cert": "--raw"}),
        ("--cert=", {"cert": ""}),
        ("-ons", {"format": "ns"}),
        ("-n=s", {"namespace": "s"}),
        ("-n=", {"namespace": "="}),
        ("-n s", {"namespace": "s"}),
        ("--raw", {"raw": True}),
        ("--raw false", {"raw": True}),
        ("--raw=F --validate=1", {"raw": False, "validate": True}),
        ("--from-file a,b --from-file c", {"from-file": ("a", "b", "c")}),
        ('--from-file "a,b",c', {"from-file": ("a,b", "c")}),
        ("--as-group a,b --as-group c", {"as-group": ("a,b", "c")}),
        ("--cert a --cert b", {"cert": "b"}),
        ("-- --cert a", {}),
    ],
)
def test_a_line_gives(line: str, expected: dict[str, Value]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("--nam x", "unknown flag: --nam"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-o", "flag needs an argument: 'o' in -o"),
        ("--name", "flag needs an argument: --name"),
        ("--=x", "bad flag syntax: --=x"),
        ("--raw=no", 'invalid argument "no" for "--raw" flag: strconv.ParseBool: parsing "no": invalid syntax'),
        ("-v=x", 'invalid argument "x" for "-v, --v" flag: strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)
def test_a_wrong_line_is_refused_in_gos_words(line: str, error: str) -> None:
    with pytest.raises(Wrong) as caught:
        values(line)
    assert str(caught.value) == error


def test_the_line_wins_over_variables_and_adds_to_lists() -> None:
    environ = {"SEALED_SECRETS_CERT": "e", "SEALED_SECRETS_FROM_FILE": "e", "SEALED_SECRETS_RAW": "perhaps"}
    assert values("--cert a --from-file b", **environ) == {"cert": "a", "from-file": ("e", "b")}


def test_help_is_asked_for_by_its_letter() -> None:
    with pytest.raises(HelpAsked):
        values("-h")


def test_the_help_has_a_line_for_each_flag_but_deprecated_ones() -> None:
    lines = usage(FLAGS).splitlines()
    assert len(lines) == len(FLAGS) - 1
    assert not [line for line in lines if "--rotate" in line]


@given(st.lists(st.text(max_size=8), max_size=6))
def test_no_line_does_anything_else_than_to_give_or_be_refused(words: list[str]) -> None:
    try:
        parsed = parse(FLAGS, words, {}, PREFIX)
    except (Wrong, HelpAsked):
        return
    assert parsed.values.keys() == {flag.name for flag in FLAGS}
