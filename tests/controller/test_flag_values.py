"""Values of flags beyond durations and booleans, and the settings that come of a whole command line."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from controller import main
from controller.flags import NAME_PREFIX, OBJECT_NAME, WRAPPING_KEYS, Checked, Pairs, names, parse_time
from controller.settings import Settings
from engine.version import VERSION
from sealer.secret import check_annotations, check_labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 02 Jan 2006 15:04:05 -0700", datetime(2006, 1, 2, 22, 4, 5, tzinfo=UTC)),
        ("mon, 02 JAN 2006 15:04:05 +0000", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
        ("Fri, 29 Feb 2024 00:30:00 +0545", datetime(2024, 2, 28, 18, 45, tzinfo=UTC)),
    ],
)
def test_cut_off_times(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon, 2 Jan 2006 15:04:05 -0700",
        "Mon, 02 Jan 2006 15:04:05 MST",
        "Mon, 02 Jan 2006 15:04:05 GMT",
        "Mon, 31 Feb 2006 15:04:05 -0700",
        "Mon, 02 Foo 2006 15:04:05 -0700",
        "Mon, 02 Jan 2006 15:04:05 -9900",
        "Sat, 01 Jan 0001 00:00:00 +0100",
        "2006-01-02T15:04:05Z",
    ],
)
def test_what_is_no_cut_off_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@given(st.text(max_size=60))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=b", {"a": "b"}),
        ("a=b, c=d ,", {"a": "b", "c": "d"}),
        ("a", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("example.com/a=", {"example.com/a": ""}),
    ],
)
def test_pairs_are_read_without_the_originals_crashes(text: str, expected: Mapping[str, str]) -> None:
    assert Pairs(check_annotations).convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["=b", "a b=c", "a=b c", f"a={'x' * 64}"])
def test_labels_that_the_api_refuses_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Pairs(check_labels).convert(text, None, None)


@pytest.mark.parametrize("text", ["", "Upper", "a.b", "-a", "x" * 246, "a_b"])
def test_prefixes_that_begin_no_name(text: str) -> None:
    with pytest.raises(click.BadParameter):
        NAME_PREFIX.convert(text, None, None)
    assert NAME_PREFIX.convert("x" * 245, None, None)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (NAME_PREFIX, "Upper", "'Upper' cannot begin a name"),
        (OBJECT_NAME, "Upper", "'Upper' cannot be the name of an object; "),
        (WRAPPING_KEYS, "nonsense", "nonsense"),
    ],
)
def test_what_does_not_pass_its_check_is_refused_with_the_reason(kind: Checked, text: str, said: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    assert said in caught.value.message


@pytest.mark.parametrize("kind", [OBJECT_NAME, WRAPPING_KEYS], ids=lambda kind: kind.name)
def test_an_empty_text_is_none_of_them_and_accepted(kind: Checked) -> None:
    assert kind.convert("", None, None) == ""


def test_names_of_a_comma_list() -> None:
    assert names(" a,b ,,a,") == ("a", "b")
    assert names("") == ()


def parsed(*line: str, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a command line, with POD_NAMESPACE=home."""
    seen: list[Mapping[str, Any]] = []
    command = click.Command(
        "controller", params=main.command.params, callback=lambda **flags: seen.append(flags),
        context_settings=main.command.context_settings,
    )  # fmt: skip
    done = CliRunner().invoke(command, line, env=environ, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return main.settings(seen[0], {"POD_NAMESPACE": "home", "POD_NAME": "pod-1"})


def test_the_defaults_are_those_of_the_original() -> None:
    settings = parsed()
    assert settings.watched.namespaces is None
    assert settings.watched.secrets
    assert settings.keys.renew_period == timedelta(hours=720)
    assert settings.keys.cutoff is None
    assert (settings.http.rate, settings.http.burst) == (2, 2)
    assert not settings.unsealing.delete_secrets
    assert settings.identity == "pod-1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ([], None),
        (["--all-namespaces=false"], ("home",)),
        (["--additional-namespaces=a,b"], ("home", "a", "b")),
        (["--all-namespaces=false", "--additional-namespaces", "a,home"], ("home", "a")),
    ],
)
def test_namespaces_of_a_command_line(line: list[str], expected: tuple[str, ...] | None) -> None:
    assert parsed(*line).watched.namespaces == expected


def test_the_deprecated_name_of_the_renewal_and_its_variable() -> None:
    assert parsed("--rotate-period=24h").keys.renew_period == timedelta(days=1)
    for name in ("KEY_RENEW_PERIOD", "ROTATE_PERIOD"):
        assert parsed(environ={f"SEALED_SECRETS_{name}": "0"}).keys.renew_period == timedelta(0)


def test_every_flag_of_the_contract_is_taken_in_gos_spelling() -> None:
    settings = parsed(
        "--watch-for-secrets=true",
        "--skip-recreate",
        "--old-gc-behavior=t",
        "--max-unseal-retries=0",
        "--metrics-omit-secret-labels=1",
        "--label-selector=app in (a,b)",
        "--privatekey-labels=team=a",
        "--privatekey-annotations=note=x y",
        "--rate-limit=5",
        "--rate-limit-burst=0",
        "--key-cutoff-time",
        "Mon, 02 Jan 2006 15:04:05 -0700",
        "--kubeclient-qps=-1",
    )
    assert not settings.watched.secrets
    assert settings.watched.label_selector == "app in (a,b)"
    assert settings.unsealing.delete_secrets
    assert settings.omit_secret_labels
    assert (settings.keys.labels, settings.keys.annotations) == ({"team": "a"}, {"note": "x y"})
    assert (settings.http.rate, settings.http.burst) == (5, 0)
    assert settings.keys.cutoff == datetime(2006, 1, 2, 22, 4, 5, tzinfo=UTC)
    assert settings.client.qps == -1


def test_two_processes_outside_of_pods_are_two_identities() -> None:
    assert main.own_identity({}) != main.own_identity({})
    assert main.own_identity({"POD_NAME": "a"}) == "a"


def test_the_version_in_the_words_of_the_name_that_was_called() -> None:
    by_own_name = CliRunner().invoke(main.command, ["--version"], prog_name="controller")
    assert by_own_name.output == f"controller version: v0.38.4 (kseal {VERSION})\n"
    group = click.Group("kseal", commands={"controller": main.command})
    as_a_verb = CliRunner().invoke(group, ["controller", "--version"], env=dict(os.environ))
    assert as_a_verb.output == f"kseal {VERSION}\n"
