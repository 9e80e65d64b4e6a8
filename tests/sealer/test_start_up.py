"""`kseal seal --cert` starts without what it does not need (docs/decisions/0003-start-up.md)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sealer.keys import SealingKey

FORBIDDEN = {
    *("asyncio", "ssl", "http", "urllib", "requests", "urllib3", "aiohttp", "kubernetes", "kopf", "boto3", "botocore"),
    *("hvac", "ruamel", "typing_extensions", "rich", "click", "orjson", "msgspec", "structlog", "prometheus_client"),
    *(
        "argparse",
        "concurrent",
        "dataclasses",
        "datetime",
        "email",
        "inspect",
        "logging",
        "pathlib",
        "socket",
        "threading",
    ),
    *("cryptography.x509", "cryptography.hazmat.primitives.serialization", "importlib.metadata", "engine.kube.client"),
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}, "data": {"a": "Yg=="}}
PROGRAM = """
import sys
from sealer.cli import main
code = main.call(sys.argv[1:], {})
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def modules_of(folder: Path, *words: str) -> set[str]:
    """What is imported by the end of a call of kseal."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n" + PROGRAM, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "SealedSecret" in done.stdout
    return set(done.stderr.split())


@pytest.fixture
def folder(tmp_path: Path, key: SealingKey) -> Path:
    """A certificate, and one Secret as JSON and as YAML."""
    assert key.certificate is not None
    (tmp_path / "cert.pem").write_bytes(key.certificate.pem)
    (tmp_path / "secret.json").write_text(json.dumps(SECRET))
    (tmp_path / "secret.yaml").write_text(
        f"apiVersion: v1\nkind: Secret\nmetadata: {SECRET['metadata']}\ndata: {{a: Yg==}}\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "words", [["secret.yaml"], ["secret.json"], ["-o", "yaml", "secret.json"], ["secret.yaml", "-o", "json"]]
)
def test_sealing_offline_imports_nothing_heavy(folder: Path, words: list[str]) -> None:
    imported = modules_of(folder, "seal", "--cert", "cert.pem", *words)
    heavy = {name for name in imported if any(name == one or name.startswith(one + ".") for one in FORBIDDEN)}
    assert heavy == set()


def test_sealing_json_imports_no_yaml(folder: Path) -> None:
    imported = modules_of(folder, "seal", "--cert", "cert.pem", "secret.json")
    assert not {name for name in imported if name.split(".")[-1].startswith(("yaml", "_yaml", "libyaml"))}


def test_writing_to_a_file_imports_little_more(folder: Path) -> None:
    to_screen = modules_of(folder, "seal", "--cert", "cert.pem", "secret.yaml")
    both = modules_of(folder, "seal", "--cert", "cert.pem", "secret.yaml", "-w", "/dev/stdout")
    assert both - to_screen <= {"signal"}
