"""`sops decrypt` and `kseal sops decrypt` start without what they do not need."""

import subprocess
import sys
from pathlib import Path

import pytest

from sealer.cli import main

IDENTITY = "AGE-SECRET-KEY-1WUC5C80A9WKQALRHPQENLQM3JDCD5G9ZDRXDEHSSNURA3PTDN72QP6932L"
RECIPIENT = "age1nk9yhq64ggtj987mwu9jtv9zzlf6eghqp0efzk9kj8d8jf76wvvsy8lpyd"
FORBIDDEN = {
    *("asyncio", "ssl", "http", "urllib", "socket", "subprocess", "tempfile", "shutil", "shlex", "pathlib"),
    *("click", "argparse", "dataclasses", "inspect", "logging", "email", "concurrent", "importlib.metadata"),
    *("grpc", "boto3", "hvac", "pyrage", "orjson", "kubernetes", "providers", "re2"),
    *("cryptography.x509", "cryptography.hazmat.primitives.serialization"),
    *("sealer.cli.commands", "sealer.cli.sops.encrypt", "sealer.cli.sops.edit", "sealer.sops.index"),
    *("sealer.sops.recipients.pgp", "sealer.sops.recipients.remote", "sealer.sops.recipients.ageforeign"),
    *("sealer.sops.config", "sealer.sops.formats.json"),
}
PROGRAM = """
import sys
from sealer.cli import main
words = sys.argv[2:]
code = main.call_as(sys.argv[1], words, {"SOPS_AGE_KEY": "IDENTITY"})
print(*sys.modules, file=sys.stderr)
sys.exit(code)
""".replace("IDENTITY", IDENTITY)


def modules_of(folder: Path, *words: str) -> set[str]:
    """What is imported by the end of a call."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n" + PROGRAM, *words],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [("sops", "decrypt"), ("sops", "-d"), ("kseal", "sops", "decrypt")])
def test_decrypting_for_age_imports_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "db.yaml").write_text("password: hunter2\n")
    assert main.call(["sops", "encrypt", "-i", "--age", RECIPIENT, str(tmp_path / "db.yaml")], {}) == 0
    imported = modules_of(tmp_path, *words, "db.yaml")
    heavy = {name for name in imported if any(name == one or name.startswith(one + ".") for one in FORBIDDEN)}
    assert heavy == set()


def test_decrypting_json_imports_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "db.json").write_text('{"password": "hunter2"}\n')
    assert main.call(["sops", "encrypt", "-i", "--age", RECIPIENT, str(tmp_path / "db.json")], {}) == 0
    imported = modules_of(tmp_path, "sops", "decrypt", "db.json")
    assert not {name for name in imported if name.split(".")[-1].startswith(("yaml", "_yaml", "libyaml"))}
