"""docs/kubeseal.md names every flag, and a test that exists for everything that differs on purpose."""

import re
from pathlib import Path

from sealer.cli.compat import klog
from sealer.cli.compat.kubeseal import FLAGS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "kubeseal.md").read_text()


def test_every_flag_is_in_the_table() -> None:
    missing = [flag.name for flag in FLAGS if flag not in klog.FLAGS and not re.search(rf"--{flag.name}\b", TEXT)]
    assert missing == []


def test_every_flag_is_typed_beside_the_original() -> None:
    files = (ROOT / "tests" / "interop").glob("test_kubeseal_compat*.py")
    code = "".join(path.read_text() for path in files)
    short = {flag.name: rf"|-{flag.short}\b" if flag.short else "" for flag in FLAGS}
    typed = {name for name, other in short.items() if re.search(rf"--{name}\b{other}", code)}
    assert [flag.name for flag in FLAGS if flag not in klog.FLAGS and flag.name not in typed] == []


def test_every_difference_names_a_test_that_exists() -> None:
    files = [
        *(ROOT / "tests" / "interop").glob("test_kubeseal_compat*.py"),
        ROOT / "tests/sealer/test_verify_service.py",
        ROOT / "tests/cluster/test_published_certificate.py",
    ]
    code = "".join(path.read_text() for path in files)
    rows = TEXT.partition("## Where it differs on purpose")[2].split("\n\n")[1].splitlines()[2:]
    assert len(rows) > 5
    last = ""
    for row in rows:
        name = row.rstrip("| ").rpartition("| ")[2].strip("` ")
        last = name if name.startswith("test_") else last
        assert name in (last, "the same"), row
        assert f"def {last}(" in code, row
