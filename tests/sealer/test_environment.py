"""Variables that stand for options."""

import pytest

from sealer.cli import main
from sealer.cli.verb import Given, fill_from_environment


def filled(environ: dict[str, str], **said: str | bool) -> tuple[Given, list[str]]:
    verb = main.builtin("seal")
    line = Given((), said)
    return line, fill_from_environment(line, verb.options, environ)


def test_variables_complete_the_line() -> None:
    line, ignored = filled(
        {
            "SEALED_SECRETS_CERT": "c.pem",
            "SEALED_SECRETS_CONTROLLER_NAME": "sealed-secrets",
            "SEALED_SECRETS_CONTROLLER_NAMESPACE": "infra",
            "SEALED_SECRETS_NAMESPACE": "shop",
            "SEALED_SECRETS_FORMAT": "YAML",
            "SEALED_SECRETS_SCOPE": "cluster-wide",
            "SEALED_SECRETS_SECRET_FILE": "a.yaml",
            "SEALED_SECRETS_ALLOW_EMPTY_DATA": "T",
            "SEALED_SECRETS_UNKNOWN": "x",
        }
    )
    assert ignored == []
    assert line.values == {
        "cert": ("c.pem",),
        "controller-name": "sealed-secrets",
        "controller-namespace": "infra",
        "namespace": "shop",
        "output": "yaml",
        "scope": "cluster-wide",
        "secret-file": ("a.yaml",),
        "allow-empty-data": True,
    }


def test_the_command_line_wins() -> None:
    line, _ = filled({"SEALED_SECRETS_CERT": "other.pem"}, cert="c.pem")
    assert line.text("cert") == "c.pem"


def test_files_on_the_command_line_win_over_the_variable_that_names_one() -> None:
    line = Given(("named.yaml",), {})
    fill_from_environment(line, main.builtin("seal").options, {"SEALED_SECRETS_SECRET_FILE": "a.yaml"})
    assert line == Given(("named.yaml",), {})


@pytest.mark.parametrize(
    ("name", "value"), [("SCOPE", "wide"), ("FORMAT", "xml"), ("ALLOW_EMPTY_DATA", "yes"), ("ALLOW_EMPTY_DATA", "2")]
)
def test_values_without_meaning_are_ignored_and_named(name: str, value: str) -> None:
    line, ignored = filled({f"SEALED_SECRETS_{name}": value})
    assert (line.values, ignored) == ({}, [f"SEALED_SECRETS_{name}"])


def test_empty_and_false_variables_say_nothing() -> None:
    line, ignored = filled({"SEALED_SECRETS_CERT": "", "SEALED_SECRETS_ALLOW_EMPTY_DATA": "false"})
    assert ignored == []
    assert not line.flag("allow-empty-data")
    assert line.text("cert") is None
