"""Lines and files that `kseal sops` refuses: what is wrong, and the cure."""

from pathlib import Path

import pytest

from sealer.cli import main

RECIPIENT = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"


@pytest.mark.parametrize(
    "words", [["--color", "foo", "decrypt", "db.yaml"], ["decrypt", "--color=foo", "db.yaml"]], ids=["before", "behind"]
)
def test_colours_of_no_kind_are_a_misuse(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main.call(["sops", *words], {}) == 2
    said = capfd.readouterr().err
    assert said.startswith("kseal: error: invalid value for '--color': 'foo' is not one of 'auto', 'always', 'never'\n")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("db.yaml", "", 92), ("db.yaml", "# later\n", 2), ("db.json", "", 2), ("db.json", "\n", 2)],
)
def test_an_empty_file_is_refused_with_the_cure(
    name: str, text: str, code: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert main.call(["sops", "encrypt", "-i", "--age", RECIPIENT, str(file)], {}) == code
    error, hint = capfd.readouterr().err.splitlines()
    assert error.startswith(f"kseal: error: {file}: ")
    assert hint.startswith("kseal: hint: ")
    assert file.read_text() == text


@pytest.mark.parametrize("verb", ["set", "unset"])
def test_an_index_that_is_none_is_refused_before_the_file_is_read(
    verb: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    values = ["1"] if verb == "set" else []
    assert main.call(["sops", verb, str(tmp_path / "missing.yaml"), "key", *values], {}) == 7
    assert f"kseal: error: Invalid {verb} index format\nkseal: hint: " in capfd.readouterr().err
