"""A value of a Secret is nowhere in what `kseal build` and `kseal diff` say, in good runs and in bad ones."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.kit.leaks import Canary, Place, assert_absent
from tests.kit.running import KSEAL

CANARY = Canary()
TEXT = CANARY.text
ENCODED = base64.b64encode(CANARY.value).decode()
HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: '${missing}'}\n"
FILES = {
    "data": f"{HEAD}data: {{password: {ENCODED}}}\n",
    "stringData": f"{HEAD}stringData: {{password: {json.dumps(TEXT)}}}\n",
    "a list": f"{HEAD}data: [{ENCODED}]\n",
    "a nested value": f"{HEAD}stringData: {{password: {{inner: {json.dumps(TEXT)}}}}}\n",
    "broken behind": f"{HEAD}data: {{password: {ENCODED}}}\n broken: [\n",
    "without a name": f"kind: Secret\napiVersion: v1\nmetadata: {{}}\ndata: {{password: {ENCODED}}}\n",
    "twice": f"{HEAD}data: {{password: {ENCODED}}}\n---\n{HEAD}data: {{password: {ENCODED}}}\n",
    "with a variable": f"{HEAD}stringData: {{password: {json.dumps(TEXT)}, other: '${{missing}}'}}\n---\n{CONFIG}",
}
CALLS = (
    ("build", "new", "-o", "json"),
    ("build", "new/all.yaml"),
    ("build", "new", "--set", "x=y"),
    ("diff", "old", "new", "-o", "markdown"),
)


@pytest.mark.slow
@pytest.mark.parametrize("called", FILES)
@pytest.mark.parametrize("words", CALLS)
def test_a_value_is_never_said(called: str, words: tuple[str, ...], tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    (tmp_path / "old" / "all.yaml").write_text(f"{HEAD}stringData: {{password: another}}\n")
    (tmp_path / "new" / "all.yaml").write_text(FILES[called])
    done = subprocess.run(
        [KSEAL, *words], cwd=tmp_path, capture_output=True, check=False, timeout=60, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode in (0, 1, 3)
    assert_absent([Place("standard output", done.stdout), Place("standard error", done.stderr)], CANARY)
