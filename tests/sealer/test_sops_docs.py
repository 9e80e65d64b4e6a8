"""docs/sops.md names every verb of the original, and a test that exists for everything that differs on purpose."""

from pathlib import Path

import pytest

from sealer.cli.sops import verbs

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "sops.md").read_text()
TESTS = "".join(
    path.read_text()
    for path in (*(ROOT / "tests/interop").glob("test_sops_compat*.py"), ROOT / "tests/sealer/test_sops_plaintext.py")
)


@pytest.mark.parametrize("name", [name for name in verbs.TABLE if name not in verbs.OURS])
def test_every_verb_is_in_the_table(name: str) -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `")]
    assert any(f"`{name} " in row or f"`{name}`" in row for row in rows)


def test_every_difference_names_a_test_that_exists() -> None:
    rows = TEXT.partition("## Where it differs on purpose")[2].split("\n\n")[1].splitlines()[2:]
    assert len(rows) > 5
    for row in rows:
        name = row.rstrip("| ").rpartition("| ")[2].strip("` ")
        assert f"def {name}(" in TESTS, row
