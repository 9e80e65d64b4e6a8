"""The verbs of deliveries run in a base installation, and start without what they do not need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from sealer.cli import main
code = main.call(sys.argv[1:], {"PATH": "/usr/bin:/bin", "KUBECONFIG": "/nowhere"})
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""
CONTROLLERS = {"kopf", "structlog", "prometheus_client", "msgspec", "common_expression_language"}
"""Libraries of the extra `controller`."""
NETWORK = {"ssl", "http.client", "kubernetes", "requests", "urllib3", "engine.kube.client", "asyncio"}


def imported(folder: Path, *words: str, code: int = 0) -> set[str]:
    """What is imported by the end of a call of kseal."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n" + PROGRAM, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small overlay."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "web.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n")
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [web.yaml]\nnamespace: shop\n")
    return tmp_path


@pytest.mark.parametrize(
    "words", [("get", "--help"), ("build", "base", "--set", "a=b"), ("diff", "base", "base")], ids=" ".join
)
def test_what_needs_no_cluster_imports_nothing_for_one(folder: Path, words: tuple[str, ...]) -> None:
    assert imported(folder, *words) & (NETWORK | CONTROLLERS) == set()


@pytest.mark.parametrize("words", [("get", "ks"), ("diff", "base", "--cluster")], ids=" ".join)
def test_a_base_installation_reaches_for_a_cluster(folder: Path, words: tuple[str, ...]) -> None:
    assert imported(folder, *words, code=1) & CONTROLLERS == set()


def test_an_ordinary_line_is_read_without_click(folder: Path) -> None:
    assert "click" not in imported(folder, "build", "base")
